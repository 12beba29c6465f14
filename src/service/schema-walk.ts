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
  return everySchema(schema, each =>
    '$ref' in each || '$dynamicRef' in each ? { ...each, $comment: MARK } : each,
  );
}

/** A copy in which each schema, those within first, is what `change` makes of it. */
export function everySchema(schema: JsonSchema, change: (schema: JsonSchema) => JsonSchema): JsonSchema {
  const entries = Object.entries(schema).map(([keyword, value]) => [keyword, within(keyword, value, change)]);
  return change(Object.fromEntries(entries));
}

function within(keyword: string, value: unknown, change: (schema: JsonSchema) => JsonSchema): unknown {
  if (inner.has(keyword)) return ofSchemas(value, change);
  if (!innerByName.has(keyword) || !isObject(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([name, each]) => [name, ofSchemas(each, change)]));
}

function ofSchemas(value: unknown, change: (schema: JsonSchema) => JsonSchema): unknown {
  if (Array.isArray(value)) return value.map(each => ofSchemas(each, change));
  return isObject(value) ? everySchema(value, change) : value;
}

function isObject(value: unknown): value is JsonSchema {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
