/**
 * The schemas of the documents of a collection, from its policy: what its rules ask of members, and its own JSON Schema
 * as it was configured.
 */
import { EMAIL_BYTES_MAX } from '../../limits.js';
import type { JsonSchema, Policies, Policy } from '../../model.js';
import { everySchema } from '../../service/schema-walk.js';
import type { SchemaName } from '../documentation.js';

type Schemas = Readonly<Record<string, JsonSchema>>;

/** The name of a schema among the components. */
export function componentOf(name: SchemaName): string {
  const slash = name.indexOf('/');
  return slash === -1 ? name : nameOf(name.slice(slash + 1), name.slice(0, slash));
}

export function referenceTo(name: string): { readonly $ref: string } {
  return { $ref: `#/components/schemas/${name}` };
}

export function collectionSchemas(policies: Policies): Schemas {
  const each = Object.entries(policies).map(([name, policy]) => ofCollection(name, policy));
  return Object.assign({}, ...each);
}

/** No collection has a dot in its name. */
function nameOf(collection: string, kind: string): string {
  return `${collection}.${kind}`;
}

function ofCollection(name: string, policy: Policy): Schemas {
  const { idField, generatedId, schema } = policy;
  const document = referenceTo(nameOf(name, 'Document'));
  const entry = { type: 'object', properties: { key: referenceTo('Key'), value: document } };
  const keyed = {
    ...entry,
    properties: { ...entry.properties, ttl: referenceTo('Ttl') },
    required: generatedId ? ['value'] : ['key', 'value'],
    additionalProperties: false,
  };
  const listed =
    idField === null ? { ...entry, required: ['key', 'value'], additionalProperties: false } : document;
  return {
    [nameOf(name, 'Document')]: documentOf(name, policy, true),
    [nameOf(name, 'PutDocument')]: idField === null ? document : documentOf(name, policy, false),
    [nameOf(name, 'NewDocument')]: idField === null ? keyed : documentOf(name, policy, !generatedId),
    [nameOf(name, 'List')]: {
      description: 'The documents, or with ?keys their keys.',
      anyOf: [
        { type: 'array', items: listed },
        { type: 'array', items: referenceTo('Key') },
      ],
    },
    ...(schema === null ? {} : { [nameOf(name, 'Schema')]: embedded(schema, nameOf(name, 'Schema')) }),
  };
}

/** `identified`: its id stands in it. */
function documentOf(name: string, policy: Policy, identified: boolean): JsonSchema {
  const { idField, required, emails, schema } = policy;
  const description = `A document of ${name}.`;
  const own = schema === null ? [] : [referenceTo(nameOf(name, 'Schema'))];
  if (idField === null && required.length + emails.length === 0) {
    return { description, ...(own[0] ?? referenceTo('Value')) };
  }
  const needed = identified && idField !== null ? [idField, ...required] : required;
  return {
    description,
    ...(idField !== null || required.length > 0 ? { type: 'object' } : {}),
    properties: {
      ...Object.fromEntries(required.map(member => [member, { type: 'string', minLength: 1 }])),
      ...Object.fromEntries(emails.map(member => [member, emailOf(required.includes(member))])),
      ...(idField === null ? {} : { [idField]: referenceTo('Key') }),
    },
    ...(needed.length === 0 ? {} : { required: [...new Set(needed)] }),
    additionalProperties: true,
    ...(own.length === 0 ? {} : { allOf: own }),
  };
}

function emailOf(needed: boolean): JsonSchema {
  return { type: 'string', format: 'email', maxLength: EMAIL_BYTES_MAX, ...(needed ? { minLength: 1 } : {}) };
}

/** References within it are from its own root, which is not that of this document. */
function embedded(schema: JsonSchema, name: string): JsonSchema {
  const { $schema: dialect, ...content } = schema;
  if (typeof dialect === 'string' && dialect.includes('draft-07')) {
    return { description: 'A JSON Schema of draft-07, which GET /collections shows.' };
  }
  if (typeof content['$id'] === 'string') return content;
  return everySchema(content, each => {
    const { $ref: target } = each;
    if (typeof target !== 'string' || !/^#(\/|$)/.test(target)) return each;
    return { ...each, $ref: `${referenceTo(name).$ref}${target.slice(1)}` };
  });
}
