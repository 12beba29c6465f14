/**
 * `?as=env|yaml|configmap`: the forms of a document beside its JSON.
 *
 * A form has a weak ETag, of the same change id: it says the same as the JSON in other bytes, which is what weak is for
 * (RFC 9110 §8.8.1). So `If-None-Match` works with either, nobody takes one form for the other, and `If-Match` of a
 * write takes the strong one only, the tag of the JSON.
 */
import { CairnError } from '../errors.js';
import { environmentOf } from '../json/env.js';
import { yamlOf } from '../json/yaml.js';
import type { ByteString, JsonText, Key } from '../model.js';
import { configMapOf } from '../service/manifest.js';
import { type Headers, rawReply } from './answer.js';
import type { Reply } from './route.js';

const YAML_TYPE = 'application/yaml';

export interface View {
  readonly type: string;
  /** @throws CairnError `not_representable` */
  of(text: JsonText, key: Key): ByteString;
}

const views: ReadonlyMap<string, View> = new Map<string, View>([
  ['env', { type: 'text/plain; charset=utf-8', of: environmentOf }],
  ['yaml', { type: YAML_TYPE, of: yamlOf }],
  ['configmap', { type: YAML_TYPE, of: (text, key) => configMapOf(key, text) }],
]);

export const viewNames: readonly string[] = [...views.keys()];

/** @throws CairnError `invalid_parameter` */
export function viewOf(query: ReadonlyMap<string, string>): View | undefined {
  const name = query.get('as');
  if (name === undefined) return undefined;
  const view = views.get(name);
  if (view === undefined) throw invalid(`"as" in the query is none of ${[...views.keys()].join(', ')}`);
  const other = ['raw', 'default'].find(word => query.has(word));
  if (other !== undefined) throw invalid(`"as" and "${other}" in the query exclude each other`);
  return view;
}

export function viewReply(view: View, value: JsonText, key: Key, headers: Headers): Reply {
  return rawReply(200, view.of(value, key), { ...weakened(headers), 'Content-Type': view.type });
}

/** The same headers, the ETag weak. */
export function weakened(headers: Headers): Headers {
  const { ETag: tag, ...others } = headers;
  return tag === undefined ? headers : { ...others, ETag: `W/${tag}` };
}

function invalid(reason: string): CairnError {
  return new CairnError('invalid_parameter', `${reason}.`, {
    hint: 'For example ?as=env, with ?path=/db for one member of the document.',
  });
}
