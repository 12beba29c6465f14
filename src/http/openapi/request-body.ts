/** The body of a request, from the kind that its route declares: by which types it may come, and what it holds. */
import type { oas31 } from 'zod-openapi';
import { LINES_TYPES } from '../body.js';
import type { Example, SchemaName } from '../documentation.js';
import type { Operation } from '../route.js';
import { patchTypes } from '../route.js';
import { componentOf, referenceTo } from './collections.js';
import { requestExamples } from './examples.js';

const JSON_TYPE = 'application/json';

export function requestBodyOf(
  operation: Operation,
  examples: readonly Example[],
): oas31.RequestBodyObject | undefined {
  const types = typesOf(operation);
  const [usual] = Object.keys(types);
  if (usual === undefined) return undefined;
  const content = Object.entries(types).map(([type, name]) => {
    const shown = requestExamples(examples, type, usual);
    const schema = referenceTo(componentOf(name));
    return [type, Object.keys(shown).length === 0 ? { schema } : { schema, examples: shown }];
  });
  return {
    required: operation.docs.bodyless !== true,
    content: Object.fromEntries(content),
  };
}

/** The first is the usual one. */
function typesOf({ body, text, docs: { input = 'Value' } }: Operation): Readonly<Record<string, SchemaName>> {
  switch (body) {
    case 'none':
      return {};
    case 'value':
      return text === true ? { [JSON_TYPE]: input, 'text/plain': 'Text' } : { [JSON_TYPE]: input };
    case 'set':
      return { [JSON_TYPE]: input, 'application/x-www-form-urlencoded': 'SettingForm' };
    case 'patch':
      return Object.fromEntries(
        [...patchTypes].map(([type, kind]) => [type, kind === 'merge' ? 'MergePatch' : 'JsonPatch']),
      );
    case 'lines':
      return Object.fromEntries(LINES_TYPES.map(type => [type, input]));
  }
}
