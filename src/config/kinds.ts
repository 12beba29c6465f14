/**
 * What a setting's value may be. A kind reads the text of a flag, a variable or a file's scalar, and writes a value
 * in a form that it reads back as the same value: what `cairn config` prints can be kept as a file.
 */
import { isIP } from 'node:net';
import { formatDuration, parseDuration } from '../duration.js';
import { TOKEN_CHARS_MAX, TOKEN_CHARS_MIN } from '../limits.js';
import type { Milliseconds } from '../model.js';

const TOKEN = new RegExp(`^[\\x21-\\x7e]{${TOKEN_CHARS_MIN},${TOKEN_CHARS_MAX}}$`);

export interface Kind<T> {
  /** For the help: `--port <number>`. */
  readonly placeholder: string;
  /** Ends the sentence "It must be …". */
  readonly rule: string;
  readonly example: string;
  /** Undefined where the text breaks the rule. */
  parse(text: string): T | undefined;
  show(value: T): string;
}

export function integer(min: number, max: number, example: number): Kind<number> {
  const isInside = (value: number) => Number.isSafeInteger(value) && value >= min && value <= max;
  return {
    placeholder: '<number>',
    rule:
      max === Number.MAX_SAFE_INTEGER
        ? `a whole number from ${min} on`
        : `a whole number from ${min} to ${max}`,
    example: String(example),
    parse: text => (/^\d{1,16}$/.test(text) && isInside(Number(text)) ? Number(text) : undefined),
    show: String,
  };
}

export function choice<T extends string>(words: readonly [T, T, ...T[]], example: T): Kind<T> {
  return {
    placeholder: words.join('|'),
    rule: `${words.slice(0, -1).join(', ')} or ${words.at(-1)}`,
    example,
    parse: text => words.find(word => word === text),
    show: value => value,
  };
}

/** On the command line its name alone means true. */
export const truth: Kind<boolean> = {
  placeholder: '',
  rule: 'true or false',
  example: 'true',
  parse: text => (text === 'true' ? true : text === 'false' ? false : undefined),
  show: String,
};

export function words(placeholder: string, rule: string, example: string): Kind<string> {
  return {
    placeholder,
    rule,
    example,
    parse: text => (/^[^\0\r\n]+$/.test(text) ? text : undefined),
    show: value => value,
  };
}

/** Names of members; in a file they may be a list too. */
export const names: Kind<readonly string[]> = {
  placeholder: '<names>',
  rule: 'names of members, or none',
  example: '[name, email]',
  parse(text) {
    if (text === 'none') return [];
    const found = text.split(',').map(name => name.trim());
    return found.includes('') || new Set(found).size < found.length ? undefined : found;
  },
  show: value => (value.length === 0 ? 'none' : value.join(', ')),
};

/** Fit to stand in a header, and too long to be guessed or to be a word such as `changeme`. */
export const tokenText: Kind<string> = {
  placeholder: '<token>',
  rule: `${TOKEN_CHARS_MIN} to ${TOKEN_CHARS_MAX} visible ASCII characters without spaces`,
  example: '"$(openssl rand -hex 32)"',
  parse: text => (TOKEN.test(text) ? text : undefined),
  show: () => '******',
};

export function optional<T>(kind: Kind<T>): Kind<T | null> {
  return { ...kind, show: value => (value === null ? '' : kind.show(value)) };
}

/** For the bounds of a collection, where a built-in one can be taken away. */
export function orNone<T>(kind: Kind<T>): Kind<T | null> {
  return {
    ...kind,
    rule: `${kind.rule}, or none`,
    parse: text => (text === 'none' ? null : kind.parse(text)),
    show: value => (value === null ? 'none' : kind.show(value)),
  };
}

/** How many versions of a key are kept. */
export function depth(max: number): Kind<number> {
  const number = integer(1, max, 100);
  return {
    ...number,
    rule: `${number.rule}, off, or all`,
    parse: text => (text === 'off' ? 0 : text === 'all' ? Number.POSITIVE_INFINITY : number.parse(text)),
    show: value => (value === 0 ? 'off' : Number.isFinite(value) ? number.show(value) : 'all'),
  };
}

const HOST_NAME = /^(?!-)[A-Za-z0-9_-]{1,63}(?:\.[A-Za-z0-9_-]{1,63})*\.?$/;

export const address: Kind<string> = {
  placeholder: '<address>',
  rule: 'an IP address or a host name, without a scheme, brackets or a port',
  example: '0.0.0.0',
  parse: text => (isIP(text) !== 0 || isHostName(text) ? text : undefined),
  show: value => value,
};

/** Digits and dots alone would be a mistyped address, which a resolver might still make something of. */
function isHostName(text: string): boolean {
  return text.length <= 253 && HOST_NAME.test(text) && !/^[\d.]+$/.test(text);
}

export function duration(
  minMs: Milliseconds,
  maxMs: Milliseconds,
  range: string,
  example: string,
): Kind<Milliseconds> {
  return {
    placeholder: '<duration>',
    rule: `a duration of ${range} (500ms, 30s, 5m, 2h, 7d; a bare number is seconds)`,
    example,
    parse(text) {
      const value = parseDuration(text);
      return value !== null && value >= minMs && value <= maxMs ? value : undefined;
    },
    show: formatDuration,
  };
}

/** As Kubernetes has them: `Mi` is 1024 × 1024, `M` is a million. `m`, a thousandth there, is refused. */
const SIZE_UNITS: Readonly<Record<string, number>> = {
  '': 1,
  K: 1e3,
  M: 1e6,
  G: 1e9,
  Ki: 2 ** 10,
  Mi: 2 ** 20,
  Gi: 2 ** 30,
};

const SIZE_SHOWN: readonly (readonly [string, number])[] = [
  ['GiB', 2 ** 30],
  ['MiB', 2 ** 20],
  ['KiB', 2 ** 10],
];

export function size(minBytes: number, example: string): Kind<number> {
  return {
    placeholder: '<size>',
    rule: `a size of at least ${showSize(minBytes)} (64MiB = 64Mi, 512M = 512 million bytes, or bytes)`,
    example,
    parse(text) {
      const value = parseSize(text);
      return value !== undefined && value >= minBytes ? value : undefined;
    },
    show: showSize,
  };
}

function parseSize(text: string): number | undefined {
  const match = /^(\d{1,16}(?:\.\d{1,3})?)(Ki|Mi|Gi|[kKMG])?B?$/.exec(text);
  if (match === null) return undefined;
  const unit = SIZE_UNITS[(match[2] ?? '').replace('k', 'K')] ?? Number.NaN;
  const bytes = Number(match[1]) * unit;
  return Number.isSafeInteger(bytes) ? bytes : undefined;
}

/** In the largest unit that leaves no fraction. */
function showSize(bytes: number): string {
  const unit = SIZE_SHOWN.find(([, factor]) => bytes >= factor && bytes % factor === 0);
  return unit === undefined ? String(bytes) : `${bytes / unit[1]}${unit[0]}`;
}
