/** Dates of HTTP (RFC 9110 §5.6.7), as whole seconds since the Unix epoch. */
import { HTTP_DATES_MAX } from '../limits.js';

/** The form that is sent, and the two obsolete ones that a recipient must read too. */
const IMF_FIXDATE = /^[A-Z][a-z]{2}, \d{2} [A-Z][a-z]{2} \d{4} \d{2}:\d{2}:\d{2} GMT$/;
const RFC_850 = /^[A-Z][a-z]{5,8}, \d{2}-[A-Z][a-z]{2}-\d{2} \d{2}:\d{2}:\d{2} GMT$/;
const ASCTIME = /^[A-Z][a-z]{2} [A-Z][a-z]{2} [ \d]\d \d{2}:\d{2}:\d{2} \d{4}$/;

/** The last that were formatted, by the second: most documents that are asked for changed in a few of them. */
const formatted = new Map<number, string>();

export function formatHttpDate(seconds: number): string {
  const known = formatted.get(seconds);
  if (known !== undefined) return known;
  if (formatted.size >= HTTP_DATES_MAX) formatted.clear();
  const date = new Date(seconds * 1000).toUTCString();
  formatted.set(seconds, date);
  return date;
}

/** Undefined where the text is no HTTP date. */
export function parseHttpDate(text: string): number | undefined {
  const date = inGmt(text);
  const milliseconds = date === undefined ? Number.NaN : Date.parse(date);
  return Number.isNaN(milliseconds) ? undefined : milliseconds / 1000;
}

/** Date.parse takes nearly everything, and a text without a zone as local time. */
function inGmt(text: string): string | undefined {
  if (IMF_FIXDATE.test(text) || RFC_850.test(text)) return text;
  return ASCTIME.test(text) ? `${text} GMT` : undefined;
}
