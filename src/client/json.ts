/**
 * JSON as text. A value goes over the wire as its text, and comes back as it was stored: what cuts an answer into its
 * values here never reads a number, so `decode` of the client decides alone what becomes of `9007199254740993`.
 *
 * The texts come from the service, which has checked them; where one is no JSON, it is no answer of Cairn's.
 */
import { badAnswer } from './errors.js';

/** A value that is JSON text already, to be stored as it is: `new JsonText('10.0')`. */
export class JsonText {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }

  toString(): string {
    return this.text;
  }
}

/** What becomes of a stored text: JSON.parse, unless the client was told otherwise. */
export type Decode = (text: string) => unknown;

/** @throws TypeError where a value has no JSON: a function, undefined, a cycle */
export function encode(value: unknown): string {
  if (value instanceof JsonText) return value.text;
  const text: string | undefined = JSON.stringify(value);
  if (text === undefined) throw new TypeError(`A ${typeof value} has no JSON.`);
  return text;
}

/** `{"key":…,"value":…}` of texts; a member that is undefined is not there. */
export function objectText(members: Readonly<Record<string, string | undefined>>): string {
  const parts = Object.entries(members).flatMap(([name, text]) =>
    text === undefined ? [] : [`${JSON.stringify(name)}:${text}`],
  );
  return `{${parts.join(',')}}`;
}

/** The texts of the elements of an array. */
export function elementsOf(text: string): readonly string[] {
  const elements: string[] = [];
  walk(text, '[', ']', at => {
    const end = endOfValue(text, at);
    elements.push(text.slice(at, end));
    return end;
  });
  return elements;
}

/** The texts of the members of an object. */
export function membersOf(text: string): ReadonlyMap<string, string> {
  const members = new Map<string, string>();
  walk(text, '{', '}', at => {
    if (text[at] !== '"') throw badAnswer('The answer is no JSON object.');
    const end = endOfString(text, at);
    const colon = spaceFrom(text, end);
    if (text[colon] !== ':') throw badAnswer('The answer is no JSON object.');
    const start = spaceFrom(text, colon + 1);
    const stop = endOfValue(text, start);
    members.set(stringOf(text.slice(at, end)), text.slice(start, stop));
    return stop;
  });
  return members;
}

/** @throws CairnClientError `bad_answer` where it is no string */
export function stringOf(text: string | undefined): string {
  const value: unknown = text?.startsWith('"') ? JSON.parse(text) : undefined;
  if (typeof value === 'string') return value;
  throw badAnswer('The answer has something else where a string should be.');
}

/** @throws CairnClientError `bad_answer` where it is no number */
export function numberOf(text: string | undefined): number {
  const value = Number(text ?? Number.NaN);
  if (text === undefined || Number.isNaN(value)) throw badAnswer('The answer lacks a number.');
  return value;
}

/** Between the brackets; `item` goes over what begins at a place, and says where it ends. */
function walk(text: string, open: string, close: string, item: (at: number) => number): void {
  let at = spaceFrom(text, 0);
  if (text[at] !== open) throw badAnswer(`The answer does not begin with ${open}.`);
  at = spaceFrom(text, at + 1);
  if (text[at] === close) return;
  for (;;) {
    at = spaceFrom(text, item(at));
    if (text[at] === close) return;
    if (text[at] !== ',') throw badAnswer('The answer is no JSON.');
    at = spaceFrom(text, at + 1);
  }
}

function spaceFrom(text: string, at: number): number {
  let end = at;
  while (end < text.length && ' \t\r\n'.includes(text[end] ?? '')) end++;
  return end;
}

function endOfValue(text: string, at: number): number {
  const first = text[at];
  if (first === '"') return endOfString(text, at);
  if (first === '{' || first === '[') return endOfContainer(text, at);
  const scalar = /[^\s,\]}]+/y;
  scalar.lastIndex = at;
  if (!scalar.test(text)) throw badAnswer('The answer is no JSON.');
  return scalar.lastIndex;
}

function endOfContainer(text: string, at: number): number {
  const mark = /["[\]{}]/g;
  mark.lastIndex = at;
  let depth = 0;
  for (let match = mark.exec(text); match !== null; match = mark.exec(text)) {
    if (match[0] === '"') mark.lastIndex = endOfString(text, match.index);
    else if (match[0] === '{' || match[0] === '[') depth++;
    else if (--depth === 0) return mark.lastIndex;
  }
  throw badAnswer('The answer ends within its JSON.');
}

function endOfString(text: string, at: number): number {
  for (let end = text.indexOf('"', at + 1); end >= 0; end = text.indexOf('"', end + 1)) {
    let before = end;
    while (text[before - 1] === '\\') before--;
    if ((end - before) % 2 === 0) return end + 1;
  }
  throw badAnswer('The answer ends within a string.');
}
