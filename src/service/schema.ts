/**
 * JSON Schema: what the policy of a collection has, compiled into a check of its documents. Drafts 2020-12 and 07, by
 * `$schema`. The validator is loaded only where there is a schema.
 *
 * A schema is the operator's and is trusted, but for typing errors: a keyword or format that is not known, or a
 * reference that leads out of the schema, ends the start. Of a `pattern` it must be sure: one that goes back and forth
 * over a long text does so for every document. A document is not trusted: no other step of a check takes more than about
 * its length, and a schema that refers to itself in several ways is stopped after so many steps.
 */
import type { Ajv, ErrorObject, Options, ValidateFunction } from 'ajv';
import { CairnError } from '../errors.js';
import { toUnicode } from '../json/bytes.js';
import { scanValue } from '../json/scan.js';
import { SCHEMA_STEPS_MAX } from '../limits.js';
import type { JsonSchema, JsonText, Policies } from '../model.js';
import { isEmail } from './fields.js';
import { countable } from './schema-walk.js';
import { isUrl } from './url.js';

/** @throws CairnError `schema_violation` */
export type DocumentCheck = (text: JsonText) => void;

/** Of every collection that has a schema. @throws CairnError `configuration` */
export async function compileSchemas(
  policies: Readonly<Record<string, Pick<Policies[string], 'schema'>>>,
): Promise<ReadonlyMap<string, DocumentCheck>> {
  const checks = new Map<string, DocumentCheck>();
  for (const [name, { schema }] of Object.entries(policies)) {
    if (schema !== null) checks.set(name, await compile(name, schema));
  }
  return checks;
}

type Draft = '2020-12' | '07';

const drafts: ReadonlyMap<unknown, Draft> = new Map<unknown, Draft>([
  [undefined, '2020-12'],
  ['json-schema.org/draft/2020-12/schema', '2020-12'],
  ['json-schema.org/draft-07/schema', '07'],
]);

async function compile(name: string, schema: JsonSchema): Promise<DocumentCheck> {
  const { $schema: dialect, ...content } = schema;
  const draft = drafts.get(typeof dialect === 'string' ? dialect.replace(/^https?:\/\/|#$/g, '') : dialect);
  if (draft === undefined) throw unusable(name, 'its $schema is none of draft 2020-12 and draft-07');
  if (content['$async'] !== undefined) throw unusable(name, '$async is not for documents');
  const steps = new Steps();
  const ajv = await validatorOf(draft, steps);
  try {
    const check = checkOf(ajv.compile(countable(content)), steps);
    for (const text of PROBES) refuseEndless(check, text);
    return check;
  } catch (cause) {
    throw unusable(name, cause instanceof Error ? cause.message : String(cause), cause);
  }
}

async function validatorOf(draft: Draft, steps: Steps): Promise<Ajv> {
  const options: Options = {
    strict: true,
    // These forbid what the standard allows: a type that is open, a branch that only requires.
    strictTypes: false,
    strictTuples: false,
    strictRequired: false,
    // 0.07 is a multiple of 0.01, whatever binary fractions make of it.
    multipleOfPrecision: 9,
    logger: false,
    // A document has no member `toString` unless it says so.
    ownProperties: true,
    $comment: () => steps.take(),
  };
  const ajv =
    draft === '07'
      ? new (await import('ajv')).Ajv(options)
      : new (await import('ajv/dist/2020.js')).Ajv2020(options);
  const { default: addFormats } = await import('ajv-formats');
  addFormats.default(ajv);
  ajv.addFormat('email', isEmail);
  // Its own takes the square of the length. All others of the list take their length: a test goes through them.
  ajv.addFormat('url', isUrl);
  // Its own goes over the rest of the list for each element, which is minutes for a MiB of objects.
  ajv.removeKeyword('uniqueItems');
  return ajv.addKeyword({
    keyword: 'uniqueItems',
    type: 'array',
    schemaType: 'boolean',
    error: { message: 'must NOT have duplicate items' },
    validate: (wanted: boolean, list: readonly unknown[]) => !wanted || areUnique(list),
  });
}

function areUnique(list: readonly unknown[]): boolean {
  return new Set(list.map(canonical)).size === list.length;
}

/** One text for all values that are equal, whatever the order of their members. */
function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const members = Object.entries(value).map(([name, inner]) => `${JSON.stringify(name)}:${canonical(inner)}`);
  return `{${members.sort().join(',')}}`;
}

/** How often one check may follow a reference. */
class Steps {
  /** The validator checks the schema itself first, by a schema of schemas. */
  #left = Number.POSITIVE_INFINITY;

  begin(): void {
    this.#left = SCHEMA_STEPS_MAX;
  }

  take(): void {
    this.#left -= 1;
    if (this.#left >= 0) return;
    throw violation({
      pointer: '',
      rule: '$ref',
      reason: `checking it takes more than ${SCHEMA_STEPS_MAX} references`,
    });
  }
}

/** A value of each type: what refers to itself without end does so for one of them. */
const PROBES = ['{}', '[]', '""', '0', 'true', 'null'].map(text => scanValue(text));

const ENDLESS = 'checking it never ends: a reference leads back to itself';

function refuseEndless(check: DocumentCheck, text: JsonText): void {
  try {
    check(text);
  } catch (error) {
    if (error instanceof CairnError && error.message.includes(ENDLESS))
      throw new Error(ENDLESS, { cause: error });
    if (!(error instanceof CairnError)) throw error;
  }
}

/** A check without an end ends with the stack. */
function isValid(validate: ValidateFunction, document: unknown): boolean {
  try {
    return validate(document) === true;
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw violation({ pointer: '', rule: '$ref', reason: ENDLESS });
  }
}

function checkOf(validate: ValidateFunction, steps: Steps): DocumentCheck {
  return text => {
    steps.begin();
    if (isValid(validate, JSON.parse(toUnicode(text)))) return;
    throw violation(toldOf(validate.errors ?? []));
  };
}

interface Violation {
  readonly pointer: string;
  readonly rule: string;
  readonly reason: string;
}

/** Of several, the last is that of the keyword around the others; only `if` says less than they do. */
function toldOf(errors: readonly ErrorObject[]): Violation {
  const last = errors.at(-1);
  const error = last?.keyword === 'if' ? errors[0] : last;
  if (error === undefined) throw new Error('a check failed without an error');
  const { instancePath: pointer, keyword: rule, message = 'it breaks this rule' } = error;
  return { pointer, rule, reason: `${message}${named(error)}` };
}

/** What the validator's own words leave out. */
function named({ params }: ErrorObject): string {
  const what = params['additionalProperty'] ?? params['unevaluatedProperty'] ?? params['propertyName'];
  const values = params['allowedValues'] ?? params['allowedValue'] ?? what;
  return values === undefined ? '' : `: ${cut(JSON.stringify(values))}`;
}

/** Characters of a pointer or a value that an answer shows: a name may be as long as a document. */
const SHOWN_MAX = 500;

function cut(text: string): string {
  return text.length <= SHOWN_MAX ? text : `${text.slice(0, SHOWN_MAX)}…`;
}

function violation({ pointer, rule, reason }: Violation): CairnError {
  const place = pointer === '' ? 'The document' : `The document at "${cut(pointer)}"`;
  return new CairnError('schema_violation', `${place} breaks the schema of its collection: ${reason}.`, {
    pointer: cut(pointer),
    rule,
  });
}

function unusable(name: string, reason: string, cause?: unknown): CairnError {
  return new CairnError('configuration', `The schema of the collection ${name} cannot be used: ${reason}.`, {
    hint: 'A schema stands alone: what it refers to is under its own $defs, and no keyword is misspelt.',
    ...(cause === undefined ? {} : { cause }),
  });
}
