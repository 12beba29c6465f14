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
  return code.startsWith('HPE_') ? new CairnError('bad_request', 'This is not HTTP/1.1.') : undefined;
}
