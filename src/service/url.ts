/**
 * Whether a text is a URL by the rule of `format: url` in ajv-formats, which every schema knows by that name. Its one
 * regular expression tries each `@` of a text against all that follows, so a text of 80,000 characters takes it seconds,
 * and a list of short ones no less. Here each part between two slashes is looked at once.
 *
 * What comes out is the same: what stands before the host ends at an `@`, and may hold anything but white space; the
 * host and the port hold no `@` and no slash, so they are what follows the last `@` of one part, to its end; and in all
 * that follows there is no white space. A name of a host may have some, of the kinds that Unicode has beyond ASCII.
 */

const SCHEME = /^(?:https?|ftp):\/\//iu;
const SPACE = /\s/u;

const IP =
  '(?!(?:10|127)(?:\\.\\d{1,3}){3})(?!(?:169\\.254|192\\.168)(?:\\.\\d{1,3}){2})' +
  '(?!172\\.(?:1[6-9]|2\\d|3[0-1])(?:\\.\\d{1,3}){2})(?:[1-9]\\d?|1\\d\\d|2[01]\\d|22[0-3])' +
  '(?:\\.(?:1?\\d{1,2}|2[0-4]\\d|25[0-5])){2}(?:\\.(?:[1-9]\\d?|1\\d\\d|2[0-4]\\d|25[0-4]))';
const LETTER = 'a-z\\u{a1}-\\u{ffff}';
const LABEL = `(?:[0-9${LETTER}]+-)*[0-9${LETTER}]+`;
const HOST = new RegExp(`^(?:${IP}|${LABEL}(?:\\.${LABEL})*\\.[${LETTER}]{2,})(?::\\d{2,5})?$`, 'iu');

export function isUrl(text: string): boolean {
  const scheme = SCHEME.exec(text)?.[0];
  if (scheme === undefined) return false;
  const parts = text.slice(scheme.length).split('/');
  const spaced = SPACE.test(text) ? parts.filter(part => SPACE.test(part)) : [];
  if (spaced.length > 1) return false;
  return parts.some((part, i) => {
    const host = part.lastIndexOf('@') + 1;
    // An `@` has something before it, and without one only the first part begins with a host.
    if (host === (i === 0 ? 1 : 0) || (spaced.length > 0 && part !== spaced[0])) return false;
    return !SPACE.test(part.slice(0, host)) && HOST.test(part.slice(host));
  });
}
