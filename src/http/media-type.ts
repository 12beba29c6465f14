/** Content-Type, as far as we have to read it. */

export interface MediaType {
  /** `application/json`, in lower case. */
  readonly name: string;
  /** In lower case, or undefined. */
  readonly charset: string | undefined;
}

const TOKEN = "[!#$%&'*+.^_`|~0-9A-Za-z-]+";
const NAME = new RegExp(`^${TOKEN}/${TOKEN}$`);
const CHARSET = new RegExp(`^charset=(?:(${TOKEN})|"(${TOKEN})")$`, 'i');

/** Undefined where the header is no media type. */
export function parseMediaType(header: string): MediaType | undefined {
  const [first = '', ...parameters] = header.split(';').map(part => part.trim());
  if (!NAME.test(first)) return undefined;
  const charset = parameters.map(parameter => CHARSET.exec(parameter)).find(match => match !== null);
  return { name: first.toLowerCase(), charset: (charset?.[1] ?? charset?.[2])?.toLowerCase() };
}
