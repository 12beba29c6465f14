import t from 'tap';
import { CairnError, type ErrorCode, errorTable } from '../../src/errors.js';
import { problem, shown, statusOf } from '../../src/http/problem.js';
import { toUnicode } from '../../src/json/bytes.js';

const codes = Object.keys(errorTable).filter((code): code is ErrorCode => code in errorTable);

t.test('every error code has a status and a body', async t => {
  for (const code of codes) {
    const status = statusOf(code);
    t.ok(status >= 400 && status < 600, code);
    const { body, headers } = problem(new CairnError(code, 'words'));
    t.same(JSON.parse(toUnicode(body ?? '')), {
      status: 'error',
      message: 'words',
      code,
      hint: errorTable[code].hint,
    });
    const later = status === 503 || status === 429;
    t.equal(headers['Retry-After'], later ? '1' : undefined, 'only a 503 or a 429 says when to come again');
  }
});

t.test('what belongs to the start of the process is never shown to a caller', async t => {
  for (const code of codes.filter(code => statusOf(code) === 500)) {
    const error = shown(new CairnError(code, '/some/path'));
    t.equal(error.code, 'internal');
    if (code !== 'internal') t.notMatch(error.message, '/some/path');
  }
});

t.test('what a library throws is a refusal if it says so, and else a defect', async t => {
  const thrown = (members: object) => shown(Object.assign(new Error('words'), members)).code;
  t.equal(thrown({ type: 'entity.too.large', status: 413 }), 'body_too_large');
  t.equal(thrown({ type: 'request.aborted', status: 400 }), 'bad_request');
  t.equal(thrown({ status: 404 }), 'bad_request');
  t.equal(thrown({ status: 500 }), 'internal');
  t.equal(thrown({}), 'internal');
  t.equal(shown('a string').code, 'internal');
});

t.test('details are members, and those that are not there are not named', async t => {
  const error = new CairnError('storage_error', 'words', {
    outcome: 'unknown',
    op: 0,
    retryAfter: 7,
    hint: 'do',
  });
  const { body, headers } = problem(error);
  t.same(JSON.parse(body ?? ''), {
    status: 'error',
    message: 'words',
    code: 'storage_error',
    hint: 'do',
    outcome: 'unknown',
    op: 0,
  });
  t.equal(headers['Retry-After'], '7');
  const gone = new CairnError('revision_mismatch', 'words', { current: null });
  t.equal(JSON.parse(problem(gone).body ?? '').current, null, 'null says that there is no such key');
});

t.test('brief is for the key that is not there, and for nothing else', async t => {
  const body = (code: ErrorCode) =>
    JSON.parse(problem(new CairnError(code, 'words'), { style: 'brief' }).body ?? '');
  t.same(body('key_not_found'), { status: 'error', message: 'words' });
  t.match(body('invalid_key'), { code: 'invalid_key' });
});
