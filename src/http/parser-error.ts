/** What Node's parser and its timers say of bytes that never became a whole request. */
import { CairnError, systemCode } from '../errors.js';

/** Undefined: the connection itself broke, and nobody is there to be answered. */
export function parserProblem(error: Error): CairnError | undefined {
  const code = systemCode(error) ?? '';
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT') {
    return new CairnError('request_timeout', 'The request did not arrive in time.');
  }
  if (code === 'HPE_HEADER_OVERFLOW') {
    return new CairnError('headers_too_large', 'The request line and the headers are too long.');
  }
  if (code === 'HPE_CHUNK_EXTENSIONS_OVERFLOW') {
    return new CairnError('body_too_large', 'The extensions of a chunk are too long.');
  }
  if (code === 'HPE_INVALID_TRANSFER_ENCODING') {
    return new CairnError('unsupported_transfer_encoding', 'The Transfer-Encoding is more than chunked.');
  }
  if (code === 'HPE_INVALID_URL') {
    return new CairnError(
      'invalid_path_encoding',
      'The path or the query holds a byte that must be encoded.',
    );
  }
  if (!code.startsWith('HPE_')) return undefined;
  return new CairnError('bad_request', refusals[code] ?? 'This is not HTTP/1.1.');
}

/** By the parser's code; what is not here is rarer than its explanation is long. */
const refusals: Readonly<Record<string, string>> = {
  HPE_INVALID_METHOD:
    'The request line does not begin with a method of HTTP. Is this TLS, or another protocol?',
  HPE_INVALID_EOF_STATE: 'The request ended before it was whole.',
  HPE_INVALID_CHUNK_SIZE: 'A chunk of the body has no valid size.',
  HPE_UNEXPECTED_CONTENT_LENGTH: 'The length of the body is given twice.',
};
