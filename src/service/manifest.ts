/**
 * A document as a ConfigMap of Kubernetes, for `kubectl apply -f -`. It is immutable and its name ends in a hash of the
 * text, so a changed document is another ConfigMap: a Deployment that names it rolls out, and rolls back to the old one,
 * which is still there. The text is under `config.json`, byte for byte.
 */
import { createHash } from 'node:crypto';
import type { CairnError } from '../errors.js';
import { fromUnicode, toUnicode } from '../json/bytes.js';
import { notRepresentable } from '../json/view-budget.js';
import { yamlString } from '../json/yaml.js';
import { CONFIG_MAP_BYTES_MAX } from '../limits.js';
import type { ByteString, JsonText, Key } from '../model.js';

/** Characters of a name: a DNS subdomain (RFC 1123), which is what Kubernetes asks of it. */
const NAME_MAX = 253;
/** Hex digits of SHA-256: two texts of one key share a name once in 10^12, and `immutable` refuses the second then. */
const HASH_DIGITS = 10;
/** For a key of which nothing is left. */
const NAMELESS = 'config';

/** @throws CairnError `not_representable` */
export function configMapOf(key: Key, text: JsonText): ByteString {
  if (text.length > CONFIG_MAP_BYTES_MAX) throw tooLarge(text.length);
  const lines = [
    'apiVersion: v1',
    'kind: ConfigMap',
    'metadata:',
    `  name: ${nameOf(key, text)}`,
    '  labels:',
    '    app.kubernetes.io/managed-by: cairn',
    'immutable: true',
    'data:',
    `  config.json: ${yamlString(toUnicode(text), '  ')}`,
    '',
  ];
  return fromUnicode(lines.join('\n'));
}

/** Small letters, digits and single hyphens: a name without dots is one label, and fits wherever names do. */
function nameOf(key: Key, text: JsonText): string {
  const words = toUnicode(key).replace(/[A-Z]/g, letter => letter.toLowerCase());
  const base = words.split(/[^a-z0-9]+/).filter(word => word !== '');
  const start = (base.length === 0 ? NAMELESS : base.join('-')).slice(0, NAME_MAX - HASH_DIGITS - 1);
  return `${start.replace(/-$/, '')}-${hashOf(text)}`;
}

function hashOf(text: JsonText): string {
  return createHash('sha256').update(text, 'latin1').digest('hex').slice(0, HASH_DIGITS);
}

function tooLarge(bytes: number): CairnError {
  return notRepresentable('a ConfigMap', `It has ${bytes} bytes; ${CONFIG_MAP_BYTES_MAX} are allowed.`);
}
