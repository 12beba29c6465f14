/**
 * A JSON Schema with a mark at each of its references, at which a check can be counted and stopped: whatever takes a
 * check long passes a reference again and again, since all else is as long as the schema is.
 *
 * The mark is `$comment`, which means nothing to a document and is told to the validator's owner.
 */
import type { JsonSchema } from '../model.js';

/** Keywords whose value is a schema, or a list of them. */
const inner: ReadonlySet<string> = new Set([
  ...['items', 'additionalItems', 'prefixItems', 'unevaluatedItems', 'contains', 'contentSchema'],
  ...['additionalProperties', 'unevaluatedProperties', 'propertyNames'],
  ...['allOf', 'anyOf', 'oneOf', 'not', 'if', 'then', 'else'],
]);

/** Keywords whose value is a mapping of schemas by name. */
const innerByName: ReadonlySet<string> = new Set([
  ...['properties', 'patternProperties', '$defs', 'definitions', 'dependentSchemas', 'dependencies'],
]);

/** Not empty: the validator passes over one that is. */
const MARK = 'reference';

export function countable(schema: JsonSchema): JsonSchema {
  const copy = Object.fromEntries(
    Object.entries(schema).map(([keyword, value]) => [keyword, within(keyword, value)]),
  );
  return '$ref' in schema || '$dynamicRef' in schema ? { ...copy, $comment: MARK } : copy;
}

function within(keyword: string, value: unknown): unknown {
  if (inner.has(keyword)) return ofSchemas(value);
  if (!innerByName.has(keyword) || !isObject(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([name, schema]) => [name, ofSchemas(schema)]));
}

function ofSchemas(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(ofSchemas);
  return isObject(value) ? countable(value) : value;
}

function isObject(value: unknown): value is JsonSchema {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
