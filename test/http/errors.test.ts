/**
 * Every code of src/errors.ts can occur: for each there is a call that provokes it, over a real socket or by a real
 * process, and it is sent with its status (or is the end of the process with its exit code) in each of its forms. A code
 * without a row fails here.
 */
import { spawnSync } from 'node:child_process';
import { cpSync, readFileSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import net from 'node:net';
import t, { type Test } from 'tap';
import { CairnError, type ErrorCode, errorTable } from '../../src/errors.js';
import { exitCodeOf } from '../../src/exit-codes.js';
import { digestOf, TokenGate } from '../../src/http/gate.js';
import { answeredCodes, problem, statusIn, statusOf } from '../../src/http/problem.js';
import { toUnicode } from '../../src/json/bytes.js';
import {
  BATCH_OPERATIONS_MAX,
  BODY_BYTES_MAX,
  KEY_BYTES_MAX,
  PATCH_BYTES_MAX,
  VALUE_BYTES_MAX,
} from '../../src/limits.js';
import type { Policy } from '../../src/model.js';
import { grantOf } from '../../src/service/grant.js';
import { MAIN, ServiceProcess, serviceDirectory } from '../fixtures/service-process.js';
import { type Answer, parseAnswer, type Service, type ServiceOptions, startService } from './service.js';

const GOLDEN = new URL('../golden/format-1', import.meta.url).pathname;

const PROBLEM = 'application/problem+json';

/** A request, and what has to be there before it. */
interface Provocation {
  readonly line: string;
  readonly headers?: readonly string[];
  readonly body?: string;
  /** More than a message: all of the bytes. */
  readonly bytes?: string;
  /** Requests before it. */
  readonly before?: readonly Provocation[];
  readonly options?: ServiceOptions;
  readonly prepare?: (service: Service) => void | Promise<void>;
  /** Nobody has read what it accepts: it is answered in the one form that is always understood. */
  readonly unread?: true;
}

function call(line: string, body?: string, more: Omit<Provocation, 'line' | 'body'> = {}): Provocation {
  return { line, ...(body === undefined ? {} : { body }), ...more };
}

const put = (path: string, body: string): Provocation => call(`PUT ${path}`, body);

const collections: Readonly<Record<string, Partial<Policy>>> = {
  configs: { idField: 'name', history: 3 },
  users: { idField: 'id', required: ['name', 'email'], emails: ['email'], unique: ['email'] },
  services: { history: Number.POSITIVE_INFINITY },
  ports: { schema: { type: 'integer' } },
};

const service = call('POST /config?service=shop', '{}');
const ada = '{"id":"ada","name":"Ada","email":"ada@example.com"}';
const secret = new TokenGate({
  required: true,
  tokens: [
    {
      id: 'reader',
      sha256: digestOf('reader-of-app'),
      grant: grantOf([{ verb: 'read', collection: 'kv', prefix: 'app' }]),
    },
  ],
});
const failing = (error: Error) => ({ prepare: ({ engine }: Service) => engine.failNext(error) });
const noBody = { limits: { requestTimeoutMs: 300, headersTimeoutMs: 300, connectionsCheckMs: 50 } };

const answers: Readonly<Partial<Record<ErrorCode, Provocation>>> = {
  bad_request: call('GET /get/a', '1'),
  invalid_json: put('/kv/a', '{'),
  invalid_utf8: put('/kv/a', '"\xff"'),
  too_deep: put('/kv/a', '['.repeat(65)),
  number_out_of_range: put('/kv/a', '1e400'),
  invalid_key: call('GET /get/..'),
  key_too_long: call(`GET /get/${'a'.repeat(KEY_BYTES_MAX + 1)}`),
  invalid_path_encoding: call('GET /get/%zz'),
  invalid_parameter: call('GET /get/a?nope'),
  invalid_ttl: put('/kv/a?ttl=0', '1'),
  unknown_field: call('POST /set', '{"key":"a","valeu":1}'),
  duplicate_field: call('POST /set', '{"key":"a","key":"b","value":1}'),
  missing_field: call('POST /set', '{"key":"a"}'),
  invalid_operation: call('POST /batch', '{"ops":[{"op":"move"}]}'),
  duplicate_key: call(
    'POST /batch',
    '{"ops":[{"op":"delete","collection":"kv","key":"a"},{"op":"delete","collection":"kv","key":"a"}]}',
  ),
  invalid_comment: call('PUT /kv/a', '1', { headers: ['X-Comment: a\tb'] }),
  history_off: call('GET /kv/a?history', undefined, { before: [put('/kv/a', '1')] }),
  invalid_precondition: call('PUT /kv/a', '1', { headers: ['If-Match: nonsense'] }),
  invalid_patch: call('PATCH /kv/a', '{}', { headers: ['Content-Type: application/json-patch+json'] }),
  unsafe_member: call('PATCH /kv/a', '{"__proto__":1}'),
  unsupported_media_type: call('PUT /kv/a', '1', { headers: ['Content-Type: image/png'] }),
  unsupported_charset: call('PUT /kv/a', '1', {
    headers: ['Content-Type: application/json; charset=latin1'],
  }),
  unsupported_encoding: call('PUT /kv/a', '1', { headers: ['Content-Encoding: gzip'] }),
  unsupported_transfer_encoding: call('PUT /kv/a', undefined, {
    headers: ['Transfer-Encoding: gzip'],
    unread: true,
  }),
  expectation_failed: call('PUT /kv/a', '1', { headers: ['Expect: 200-ok'] }),
  headers_too_large: call('GET /livez', undefined, { headers: Array<string>(101).fill('A: b') }),
  body_too_large: put('/kv/a', 'x'.repeat(BODY_BYTES_MAX + 1)),
  value_too_large: put('/kv/a', `"${'x'.repeat(VALUE_BYTES_MAX)}"`),
  request_timeout: call('', undefined, {
    bytes: 'GET /livez HTTP/1.1\r\nHost: a\r\n',
    options: noBody,
    unread: true,
  }),
  unauthenticated: call('GET /kv/a', undefined, { options: { gate: () => secret } }),
  forbidden: call('GET /kv/apple', undefined, {
    headers: ['Authorization: Bearer reader-of-app'],
    options: { gate: () => secret },
  }),
  rate_limited: call('GET /kv/b', undefined, {
    before: [call('GET /kv/a')],
    options: { rateLimit: 1 },
  }),
  cross_site: call('PUT /kv/a', '1', { headers: ['Sec-Fetch-Site: cross-site'] }),
  not_found: call('GET /nope'),
  key_not_found: call('GET /kv/a'),
  service_enabled: call('DELETE /services/shop', undefined, { before: [service] }),
  duplicate_value: call('POST /users', ada.replace('"ada"', '"eve"'), { before: [call('POST /users', ada)] }),
  version_not_found: call('GET /configs/a?version=7', undefined, { before: [put('/configs/a', '{}')] }),
  member_not_found: call('GET /kv/a?path=/b', undefined, { before: [put('/kv/a', '{}')] }),
  method_not_allowed: call('GET /set'),
  revision_mismatch: call('PUT /kv/a', '1', { headers: ['If-Match: "1-1"'] }),
  key_exists: call('POST /kv', '{"key":"a","value":1}', { before: [put('/kv/a', '1')] }),
  not_an_object: put('/configs/a', '1'),
  id_missing: call('POST /configs', '{}'),
  id_mismatch: put('/configs/a', '{"name":"b"}'),
  member_missing: put('/users/a', '{}'),
  invalid_email: put('/users/a', '{"name":"A","email":"no"}'),
  schema_violation: put('/ports/a', '"b"'),
  not_representable: call('GET /kv/a?as=env', undefined, { before: [put('/kv/a', '1')] }),
  patch_too_large: call('PATCH /kv/a', copies(), {
    headers: ['Content-Type: application/json-patch+json'],
    before: [put('/kv/a', `["${'x'.repeat(VALUE_BYTES_MAX / 2)}"]`)],
  }),
  patch_failed: call('PATCH /kv/a', '[{"op":"remove","path":"/b"}]', {
    headers: ['Content-Type: application/json-patch+json'],
    before: [put('/kv/a', '{}')],
  }),
  patch_test_failed: call('PATCH /kv/a', '[{"op":"test","path":"/b","value":2}]', {
    headers: ['Content-Type: application/json-patch+json'],
    before: [put('/kv/a', '{"b":1}')],
  }),
  batch_too_large: call('POST /batch', operations(BATCH_OPERATIONS_MAX + 1)),
  quota_exceeded: call('PUT /kv/b', '1', {
    before: [put('/kv/a', '1')],
    options: { policy: { entriesMax: 1 } },
  }),
  loading: call('GET /kv/a', undefined, { options: { engine: () => null } }),
  draining: call('GET /readyz'),
  overloaded: call('GET /watch', undefined, { options: { watchersMax: 0 } }),
  // That a volume gets there is shown by test/faults/ and test/e2e/disk-full.test.ts, with real ones.
  storage_full: call(
    'PUT /kv/a',
    '1',
    failing(new CairnError('storage_full', 'Full.', { outcome: 'not_applied' })),
  ),
  storage_error: call(
    'PUT /kv/a',
    '1',
    failing(new CairnError('storage_error', 'EIO.', { outcome: 'unknown' })),
  ),
  internal: call('PUT /kv/a', '1', failing(new TypeError('a defect'))),
};

/** On `/config`, which words its errors as the service has them that users come from. */
const onConfig: Readonly<Partial<Record<ErrorCode, Provocation>>> = {
  invalid_json: call('POST /config?service=a', '{'),
  invalid_key: call('GET /config'),
  invalid_parameter: call('GET /config?nope'),
  unsupported_media_type: call('POST /config?service=a', '{}', { headers: ['Content-Type: image/png'] }),
  cross_site: call('DELETE /config?service=a', undefined, { headers: ['Sec-Fetch-Site: cross-site'] }),
  unauthenticated: call('GET /config?service=a', undefined, { options: { gate: () => secret } }),
  key_not_found: call('GET /config?service=a'),
  key_exists: call('POST /config?service=shop', '{}', { before: [service] }),
  not_an_object: call('POST /config?service=a', '1'),
  service_enabled: call('DELETE /config?service=shop', undefined, { before: [service] }),
  version_not_found: call('GET /config?service=shop&version=7', undefined, { before: [service] }),
  revision_mismatch: call('PATCH /config?service=shop', '{}', {
    headers: ['If-Match: "1-1"'],
    before: [service],
  }),
  method_not_allowed: call('PUT /config?service=a', '{}'),
  loading: call('GET /config?service=a', undefined, { options: { engine: () => null } }),
  internal: call('POST /config?service=a', '{}', failing(new TypeError('a defect'))),
};

/** Each adds half a value again. */
function copies(): string {
  const count = Math.ceil(PATCH_BYTES_MAX / (VALUE_BYTES_MAX / 2)) + 2;
  const pair = '{"op":"copy","from":"/0","path":"/1"},{"op":"remove","path":"/1"}';
  return `[${Array<string>(count).fill(pair).join(',')}]`;
}

function operations(count: number): string {
  const ops = Array.from({ length: count }, (_, i) => `{"op":"delete","collection":"kv","key":"${i}"}`);
  return `{"ops":[${ops.join(',')}]}`;
}

function bytesOf({ line, headers = [], body, bytes }: Provocation, accept?: string): string {
  if (bytes !== undefined) return `${bytes}${accept === undefined ? '' : `Accept: ${accept}\r\n`}`;
  const all = [
    ...(accept === undefined ? [] : [`Accept: ${accept}`]),
    ...headers,
    ...(body === undefined ? [] : [`Content-Length: ${body.length}`]),
  ];
  return `${[`${line} HTTP/1.1`, 'Host: a', 'Connection: close', ...all].join('\r\n')}\r\n\r\n${body ?? ''}`;
}

async function provoked(t: Test, provocation: Provocation, accept?: string): Promise<Answer> {
  const service = await startService(t, { collections, ...provocation.options });
  for (const first of provocation.before ?? []) await service.raw(bytesOf(first));
  await provocation.prepare?.(service);
  if (provocation.line === 'GET /readyz') return whileDraining(service, accept);
  return parseAnswer(await service.raw(bytesOf(provocation, accept)));
}

/** On a connection that was there before. */
async function whileDraining({ server, call }: Service, accept = '*/*'): Promise<Answer> {
  const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
  await call('GET', '/livez', { agent });
  void server.drain();
  const answer = await call('GET', '/readyz', { agent, headers: { accept } });
  agent.destroy();
  return answer;
}

for (const [name, provocation] of Object.entries(answers)) {
  t.test(`${name}: sent with its status, as JSON and as RFC 9457 has it`, async t => {
    const code = knownCode(name);
    const plain = await provoked(t, provocation);
    t.same(
      [plain.status, plain.headers['content-type']],
      [statusOf(code), 'application/json; charset=utf-8'],
    );
    t.match(JSON.parse(plain.body), { status: 'error', message: /\w{3}/, code, hint: /\w{3}/ });
    t.match(plain.headers['x-request-id'], /./);
    if (plain.status === 503 || plain.status === 429) t.match(plain.headers['retry-after'], /^\d+$/);
    const answer = await provoked(t, provocation, PROBLEM);
    t.equal(answer.status, statusOf(code));
    if (provocation.unread === true) t.match(JSON.parse(answer.body), { status: 'error', code });
    else checkProblem(t, answer, code);
  });
}

for (const [name, provocation] of Object.entries(onConfig)) {
  t.test(`${name} on /config: in that service's words, and as RFC 9457 has it`, async t => {
    const code = knownCode(name);
    const status = statusIn(code, 'service');
    const plain = await provoked(t, provocation);
    t.equal(plain.status, status);
    checkConfigError(t, JSON.parse(plain.body), code, status);
    checkProblem(t, await provoked(t, provocation, PROBLEM), code, status);
  });
}

t.test('whatever happens on /config has its members', async t => {
  for (const name of answeredCodes) {
    const code = knownCode(name);
    const { body, status } = problem(new CairnError(code, 'Words.'), { style: 'service' });
    checkConfigError(t, JSON.parse(toUnicode(body ?? '')), code, status);
  }
});

/** The service knows three errors and no more; those are to the letter, and say nothing of ours. */
function checkConfigError(t: Test, body: unknown, code: ErrorCode, status: number): void {
  const own = {
    key_not_found: 'resource not found',
    key_exists: 'unprocessable',
    not_an_object: 'unprocessable',
    service_enabled: 'unprocessable',
  };
  const known = Object.entries(own).find(([name]) => name === code)?.[1];
  if (known !== undefined) t.strictSame(body, { error: status, message: known, success: false }, code);
  else t.match(body, { error: status, message: /./, success: false, code, hint: /\w{3}/ }, code);
}

/** RFC 9457 §3.1: the five members and their types, `type` a URI reference and `status` that of the answer; §3.2 for the rest. */
function checkProblem(
  t: Test,
  { status, headers, body }: Answer,
  code: ErrorCode,
  expected = statusOf(code),
): void {
  const members: Readonly<Record<string, unknown>> = JSON.parse(body);
  t.equal(headers['content-type'], PROBLEM);
  t.match(members, {
    type: 'about:blank',
    title: http.STATUS_CODES[status],
    status,
    detail: /./,
    code,
    hint: /\w{3}/,
  });
  t.equal(status, expected);
  t.strictSame(
    Object.keys(members).filter(name => !/^[A-Za-z][A-Za-z0-9_]{2,}$/.test(name) && name !== 'op'),
    [],
  );
}

function knownCode(name: string): ErrorCode {
  const code = Object.keys(errorTable).find((known): known is ErrorCode => known === name);
  if (code === undefined) throw new Error(`${name} is no code`);
  return code;
}

interface Ended {
  readonly status: number | null;
  readonly stderr: string;
}

type End = (t: Test) => Ended | Promise<Ended>;

function cairn(argv: readonly string[], env: Readonly<Record<string, string>> = {}): Ended {
  const { status, stderr } = spawnSync(process.execPath, [MAIN, ...argv], {
    encoding: 'utf8',
    env: { PATH: process.env['PATH'], ...env },
    timeout: 60_000,
  });
  return { status, stderr };
}

/** Somebody else has this port. */
async function taken(t: Test): Promise<string> {
  const server = net.createServer().listen(0, '127.0.0.1');
  await new Promise(resolve => server.once('listening', resolve));
  t.teardown(() => server.close());
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  return String(address.port);
}

function golden(t: Test): string {
  const dir = serviceDirectory(t);
  cpSync(`${GOLDEN}/clean-stop`, dir, { recursive: true });
  return dir;
}

const ends: Readonly<Partial<Record<ErrorCode, End>>> = {
  usage: () => cairn(['serve', '--prot', '1']),
  configuration: () => cairn(['config'], { CAIRN_PORT: 'eighty' }),
  token_missing: t => cairn(['token', 'show', '--snapshot-dir', serviceDirectory(t)]),
  unhealthy: async t => cairn(['healthcheck', '--port', await taken(t)]),
  address_in_use: async t =>
    cairn(['serve', '--port', await taken(t), '--snapshot-dir', serviceDirectory(t)]),
  snapshot_damaged: t => {
    const dir = golden(t);
    const file = `${dir}/00000001.log`;
    const bytes = readFileSync(file);
    // Right lines stand before and behind it.
    bytes.writeUInt8(bytes.readUInt8(bytes.length >> 1) ^ 1, bytes.length >> 1);
    writeFileSync(file, bytes);
    return cairn(['serve', '--port', '0', '--snapshot-dir', dir]);
  },
  snapshot_foreign: t => {
    const dir = golden(t);
    cpSync(`${dir}/00000001.log`, `${dir}/00000004.log`);
    return cairn(['serve', '--port', '0', '--snapshot-dir', dir]);
  },
  snapshot_locked: async t => {
    const dir = serviceDirectory(t);
    await ServiceProcess.start(t, ['--snapshot-dir', dir]);
    return cairn(['repair', dir, '--prefix']);
  },
  snapshot_denied: t => {
    const dir = serviceDirectory(t);
    writeFileSync(`${dir}/file`, '');
    return cairn(['serve', '--port', '0', '--snapshot-dir', `${dir}/file`]);
  },
  lock_unavailable: t => cairn(['serve', '--port', '0', '--snapshot-dir', serviceDirectory(t)], { PATH: '' }),
};

for (const [name, end] of Object.entries(ends)) {
  t.test(`${name}: ends the process with its exit code, and one line that says what to do`, async t => {
    const code = knownCode(name);
    const { status, stderr } = await end(t);
    const lines = stderr.trim().split('\n');
    t.equal(status, exitCodeOf(new CairnError(code, 'x')), stderr);
    t.match(JSON.parse(lines[0] ?? ''), { level: 'error', code, message: /.\.$/s, hint: /\w{3}/ });
    t.equal(lines.length, 1, stderr);
  });
}

t.test('every code has a row', async t => {
  const rows = [...Object.keys(answers), ...Object.keys(ends)];
  t.strictSame(
    Object.keys(errorTable).filter(code => !rows.includes(code)),
    [],
  );
  t.strictSame(new Set(Object.keys(answers)), answeredCodes, 'those that an answer may carry, and no others');
});
