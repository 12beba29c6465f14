/**
 * A document as lines `DB_HOST='x'`, to be read by `eval` in a POSIX shell. Nothing in a document can become a command:
 * a name is made of `A` to `Z`, digits and `_` alone, and a value stands in single quotes, between which a shell knows
 * no character but their own end.
 *
 * Nested names are joined by `_`, elements go by their index, null is empty, and a number keeps its text.
 */
import type { ByteString, JsonText } from '../model.js';
import { escapeToken } from './pointer.js';
import { decodeString } from './string.js';
import type { JsonObject, JsonTree } from './tree.js';
import { ViewBudget } from './view-budget.js';

/** What may not stand in a name; of a character beyond U+FFFF both halves are one. */
const UNFIT = /[^A-Za-z0-9_]/gu;
const FIRST = /^[A-Z_]/;

/** Characters of a pointer that a message shows: a name may be as long as a value. */
const SHOWN_MAX = 200;

/** @throws CairnError `not_representable` */
export function environmentOf(text: JsonText): ByteString {
  return new Environment().of(text);
}

/** A place in the document: its name in the environment, and its pointer, for messages. */
interface Spot {
  readonly name: string;
  readonly pointer: string;
}

class Environment {
  readonly #budget = new ViewBudget('variables');
  readonly #lines: string[] = [];
  readonly #pointers = new Map<string, string>();

  of(text: JsonText): ByteString {
    const tree = this.#budget.open(text);
    if (typeof tree === 'string' || Array.isArray(tree)) throw this.#budget.refused('It is no object.');
    this.#members(tree, { name: '', pointer: '' }, '');
    return this.#lines.join('');
  }

  #members(members: JsonObject, { name, pointer }: Spot, joint: string): void {
    for (const [token, value] of members) {
      const part = token.replace(UNFIT, '_').toUpperCase();
      this.#value(value, {
        name: `${name}${joint}${part}`,
        pointer: `${pointer}/${escapeToken(token)}`,
      });
    }
  }

  #value(value: JsonTree, spot: Spot): void {
    if (typeof value === 'string') {
      this.#line(value, spot);
    } else if (Array.isArray(value)) {
      for (const [index, element] of value.entries()) {
        this.#value(element, { name: `${spot.name}_${index}`, pointer: `${spot.pointer}/${index}` });
      }
    } else {
      this.#members(value, spot, '_');
    }
  }

  /** The size is looked at before the name is: joined names are cheap until somebody reads them. */
  #line(text: JsonText, { name: joined, pointer }: Spot): void {
    this.#budget.spend(joined.length + text.length);
    const name = FIRST.test(joined) ? joined : `_${joined}`;
    const other = this.#pointers.get(name);
    if (other !== undefined) {
      const reason = `The members ${shown(other)} and ${shown(pointer)} have one name, ${shown(name)}.`;
      throw this.#budget.refused(reason);
    }
    this.#pointers.set(name, pointer);
    this.#lines.push(`${name}=${quoted(this.#content(text, pointer))}\n`);
  }

  /** Of a scalar, as bytes. */
  #content(text: JsonText, pointer: string): ByteString {
    if (text === 'null') return '';
    if (!text.startsWith('"')) return text;
    const bytes = decodeString(text);
    if (bytes === undefined)
      throw this.#budget.refused(`The string at ${shown(pointer)} has a lone surrogate.`);
    if (bytes.includes('\0')) throw this.#budget.refused(`The string at ${shown(pointer)} has a NUL.`);
    return bytes;
  }
}

function quoted(bytes: ByteString): ByteString {
  return `'${bytes.replaceAll("'", "'\\''")}'`;
}

function shown(text: string): string {
  return `"${text.length <= SHOWN_MAX ? text : `${text.slice(0, SHOWN_MAX)}…`}"`;
}
