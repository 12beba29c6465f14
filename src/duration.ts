/**
 * Durations as people write them: plain seconds (`30`, `0.5`) or a number with one unit (`500ms 30s 5m 2h 7d`).
 * No sign, no exponent, no spaces, nothing added up.
 */
import type { Milliseconds } from './model.js';

export const DURATION = /^(\d+(?:\.\d+)?)(ms|s|m|h|d)?$/;

const SECOND = 1000;

/** Milliseconds of each unit, the longest first. */
const units: ReadonlyMap<string, number> = new Map([
  ['d', 24 * 3600 * SECOND],
  ['h', 3600 * SECOND],
  ['m', 60 * SECOND],
  ['s', SECOND],
  ['ms', 1],
]);

/** In whole milliseconds (see `wholeMilliseconds`), or null where the text is no duration. */
export function parseDuration(text: string): Milliseconds | null {
  const match = DURATION.exec(text);
  if (match === null) return null;
  const unit = units.get(match[2] ?? 's') ?? SECOND;
  const duration = wholeMilliseconds(Number(match[1]) * unit);
  return Number.isFinite(duration) ? duration : null;
}

/** Rounds, but what is more than nothing stays so. */
export function wholeMilliseconds(duration: number): Milliseconds {
  return duration > 0 ? Math.max(Math.round(duration), 1) : 0;
}

/** The shortest way to write whole milliseconds in one unit, exactly: `90s`, `1500ms`, `7d`, `0s`. */
export function formatDuration(duration: Milliseconds): string {
  if (duration === 0) return '0s';
  for (const [name, unit] of units) {
    if (duration % unit === 0) return `${duration / unit}${name}`;
  }
  return `${duration}ms`;
}
