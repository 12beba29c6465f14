/**
 * The JSON Schemas that the configuration file has for its collections: a mapping within it, or the path of a file of
 * JSON or YAML, from the directory of the configuration file on. Whether one can be used is for service/schema.ts to say.
 */
import { dirname, resolve } from 'node:path';
import { CairnError } from '../errors.js';
import { SCHEMA_DEPTH_MAX } from '../limits.js';
import type { JsonSchema } from '../model.js';
import { parseText, type ReadText, readSmallFile, stringMap } from './file.js';
import type { Kind } from './kinds.js';

export interface SchemaSetting {
  /** Null: the built-in one is taken away. */
  readonly schema: JsonSchema | null;
  /** The path of its file, or null where it stands within the configuration. */
  readonly path: string | null;
}

export type Schemas = ReadonlyMap<string, SchemaSetting>;

/** Its text is never parsed by the kind: a mapping is no text, and a file has been read before. */
export const schemaKind: Kind<JsonSchema | null> = {
  placeholder: '<schema>',
  rule: 'a JSON Schema (2020-12, or draft-07 by its `$schema`), the path of a file that holds one, or none',
  example: 'schemas/notes.json',
  parse: text => (text === 'none' ? null : undefined),
  show: value => (value === null ? 'none' : JSON.stringify(value)),
};

/** By collection. What is no mapping here is refused by who reads the rest of it. @throws CairnError `configuration` */
export async function readSchemas(content: unknown, file: string, readText: ReadText): Promise<Schemas> {
  const schemas = new Map<string, SchemaSetting>();
  for (const [name, body] of stringMap(content) ?? []) {
    const section = stringMap(body);
    if (section?.has('schema')) {
      const place = { label: `collections.${name}.schema in ${file}`, file, readText };
      schemas.set(name, await readSchema(section.get('schema'), place));
    }
  }
  return schemas;
}

interface Place {
  readonly label: string;
  readonly file: string;
  readonly readText: ReadText;
}

async function readSchema(value: unknown, { label, file, readText }: Place): Promise<SchemaSetting> {
  if (value === 'none') return { schema: null, path: null };
  if (value instanceof Map) return { schema: schemaOf(value, label), path: null };
  if (typeof value !== 'string' || value === '') {
    throw new CairnError('configuration', `${label} must be ${schemaKind.rule}.`, {
      hint: 'For example: schema: { type: object, required: [title] }, or schema: schemas/notes.json',
    });
  }
  const path = resolve(dirname(file), value);
  const text = await readSmallFile(path, { what: 'schema', hint: `Check the path in ${label}.` }, readText);
  return { schema: schemaOf(await parseText(path, text), path), path };
}

function schemaOf(content: unknown, label: string): JsonSchema {
  const schema = plain(content, label, 0);
  if (isSchema(schema)) return schema;
  throw unfit(`${label} must hold a JSON Schema that is an object.`);
}

/** As JSON.parse would have given it. */
function plain(value: unknown, label: string, depth: number): unknown {
  if (depth > SCHEMA_DEPTH_MAX) throw unfit(`${label} is nested more than ${SCHEMA_DEPTH_MAX} deep.`);
  if (Array.isArray(value)) return value.map(element => plain(element, label, depth + 1));
  if (value instanceof Map) {
    return Object.fromEntries(
      [...value].map(([name, inner]) => [String(name), plain(inner, label, depth + 1)]),
    );
  }
  if (typeof value === 'number' && !Number.isFinite(value))
    throw unfit(`${label} holds the number ${value}.`);
  return value;
}

function isSchema(value: unknown): value is JsonSchema {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function unfit(message: string): CairnError {
  return new CairnError('configuration', message, {
    hint: 'For example: {"type": "object", "required": ["title"]}.',
  });
}
