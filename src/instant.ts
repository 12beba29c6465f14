/** Instants as people write them: RFC 3339 with its zone, or a day, which is its first moment in UTC. */
import type { Milliseconds } from './model.js';

const INSTANT = /^(\d{4})-(\d\d)-(\d\d)(?:T\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:Z|[+-]\d\d:\d\d))?$/;

/** Undefined: no instant. `Date` alone would take the 31st of February for the 3rd of March. */
export function parseInstant(text: string): Milliseconds | undefined {
  const [, year, month, day] = INSTANT.exec(text) ?? [];
  if (year === undefined) return undefined;
  const date = new Date(Date.UTC(Number(year), Number(month) - 1, Number(day)));
  if (date.getUTCMonth() !== Number(month) - 1 || date.getUTCDate() !== Number(day)) return undefined;
  const instant = Date.parse(text);
  return Number.isNaN(instant) ? undefined : instant;
}
