/**
 * Where a page of a list begins: behind a key. The key stands in the cursor, in base64url, so that no page has to be
 * remembered; what comes back is checked like any other key.
 */
import { CairnError } from '../errors.js';
import { keyFromBytes } from '../json/key.js';
import type { Key } from '../model.js';

const BASE64URL = /^[A-Za-z0-9_-]+$/;

export function cursorOf(key: Key): string {
  return Buffer.from(key, 'latin1').toString('base64url');
}

/** @throws CairnError `invalid_parameter` */
export function keyOfCursor(cursor: string): Key {
  try {
    const key = Buffer.from(cursor, 'base64url');
    if (BASE64URL.test(cursor)) return keyFromBytes(key.toString('latin1'));
  } catch (error) {
    if (!(error instanceof CairnError)) throw error;
  }
  throw new CairnError('invalid_parameter', '"cursor" in the query is none that an answer gave.', {
    hint: 'Follow the Link header of the page before, as it is.',
  });
}
