/**
 * What users of two other configuration services have in their scripts, by curl against the real process: the REST
 * table of documents under `/configs`, and versioned configuration under `/config?service=`. After each conversation the
 * process is killed, and all that was answered is there again.
 */
import { spawnSync } from 'node:child_process';
import t, { type Test } from 'tap';
import { needs } from '../fixtures/needs.js';
import { ServiceProcess, serviceDirectory } from '../fixtures/service-process.js';

interface Said {
  readonly status: number;
  readonly body: string;
}

class Conversation {
  readonly #t: Test;
  readonly #directory: string;
  #service: ServiceProcess;

  private constructor(t: Test, directory: string, service: ServiceProcess) {
    this.#t = t;
    this.#directory = directory;
    this.#service = service;
  }

  static async begin(t: Test): Promise<Conversation> {
    const directory = serviceDirectory(t);
    return new Conversation(t, directory, await serve(t, directory));
  }

  /** curl with these arguments, the last one a path. */
  curl(...args: readonly string[]): Said {
    const path = args.at(-1) ?? '/';
    const given = ['-sS', '--max-time', '20', '-w', '\n%{http_code}', ...args.slice(0, -1)];
    const { stdout, stderr, status } = spawnSync('curl', [...given, `${this.#service.url}${path}`], {
      encoding: 'utf8',
    });
    if (status !== 0) throw new Error(`curl ended with ${status}: ${stderr}`);
    const end = stdout.lastIndexOf('\n');
    return { status: Number(stdout.slice(end + 1)), body: stdout.slice(0, end) };
  }

  /** kill -9, and a start on what is there. */
  async restart(): Promise<void> {
    this.#service.child.kill('SIGKILL');
    await this.#service.ended;
    this.#service = await serve(this.#t, this.#directory);
  }
}

function serve(t: Test, directory: string): Promise<ServiceProcess> {
  return ServiceProcess.start(t, ['--snapshot-dir', directory]);
}

const json = ['-H', 'Content-Type: application/json'];

t.test('the REST table of /configs', { skip: needs('curl') }, async t => {
  const talk = await Conversation.begin(t);
  const document = '{"name":"burger-nutrition","metadata":{"calories":230,"fats":{"saturated-fat":"0g"}}}';
  t.same(talk.curl('/configs'), { status: 200, body: '[]' });
  t.same(talk.curl('-X', 'POST', ...json, '-d', document, '/configs'), { status: 201, body: document });
  t.equal(talk.curl('-X', 'POST', ...json, '-d', document, '/configs').status, 409);
  t.same(talk.curl('/configs'), { status: 200, body: `[${document}]` });
  t.same(talk.curl('/configs/burger-nutrition'), { status: 200, body: document });
  t.equal(talk.curl('/configs/nothing').status, 404);
  const next = '{"name":"burger-nutrition","metadata":{"calories":240}}';
  t.same(talk.curl('-X', 'PUT', ...json, '-d', next, '/configs/burger-nutrition'), {
    status: 200,
    body: next,
  });
  t.same(
    talk.curl('-X', 'PATCH', ...json, '-d', '{"metadata":{"calories":250}}', '/configs/burger-nutrition'),
    {
      status: 200,
      body: '{"name":"burger-nutrition","metadata":{"calories":250}}',
    },
  );
  t.equal(
    talk.curl('-G', '--data-urlencode', 'where=metadata.calories=250', '/configs?keys').body,
    '["burger-nutrition"]',
  );
  await talk.restart();
  const history = JSON.parse(talk.curl('/configs/burger-nutrition?history').body);
  t.match(history, [{ version: 3 }, { version: 2 }, { version: 1 }]);
  t.same(talk.curl('/configs/burger-nutrition?version=1'), { status: 200, body: document });
  t.same(talk.curl('-X', 'DELETE', '/configs/burger-nutrition'), { status: 204, body: '' });
  t.equal(talk.curl('-X', 'DELETE', '/configs/burger-nutrition').status, 404);
  await talk.restart();
  t.equal(talk.curl('/configs/burger-nutrition').status, 404);
  t.same(talk.curl('-X', 'POST', '/configs/burger-nutrition?rollback=2'), { status: 201, body: next });
});

t.test('create, duplicate, get, patch, get again, missing, delete', { skip: needs('curl') }, async t => {
  const talk = await Conversation.begin(t);
  const at = '/config?service=managed-k8s';
  const one = '{"data":[{"key1":"value1"},{"key2":"value2"}]}';
  const two = '{"data":[{"key1":"value3"}]}';
  const unprocessable = { status: 422, body: '{"error":422,"message":"unprocessable","success":false}' };
  t.same(talk.curl('-d', one, at), {
    status: 200,
    body: `{"ID":1,"enabled":true,"service":"managed-k8s","serviceJSONconf":${JSON.stringify(one)},"success":true,"total_configs":1}`,
  });
  t.same(talk.curl('-d', one, at), unprocessable);
  t.same(talk.curl(at), { status: 200, body: one });
  t.same(talk.curl('-X', 'PATCH', '-d', two, at), { status: 200, body: '{"success":true}' });
  await talk.restart();
  t.same(talk.curl(at), { status: 200, body: JSON.stringify({ 0: one, 1: two }) });
  t.same(talk.curl('/config?service=nothing'), {
    status: 404,
    body: '{"error":404,"message":"resource not found","success":false}',
  });
  t.same(talk.curl('-X', 'DELETE', at), unprocessable);
  t.equal(talk.curl('-X', 'PATCH', `${at}&enabled=false`).status, 200);
  await talk.restart();
  t.same(talk.curl('-X', 'DELETE', at), { status: 200, body: '{"success":true}' });
  t.match(talk.curl('-d', one, '/config?service=other').body, '"ID":2,', 'a number is never given again');
});

t.test('users, an import, a batch and an export', { skip: needs('curl') }, async t => {
  const talk = await Conversation.begin(t);
  const ada = talk.curl('-d', '{"name":"Ada","email":"ada@example.com"}', '/users');
  t.equal(ada.status, 201);
  t.equal(talk.curl('-d', '{"name":"Eve","email":"ADA@example.com"}', '/users').status, 409);
  t.same(talk.curl('-G', '--data-urlencode', 'where=email=ada@example.com', '/users').body, `[${ada.body}]`);
  const lines = ['{"key":"a","value":10.0}', '{"collection":"configs","key":"c","value":{"x":1}}'].join('\n');
  t.match(talk.curl('--data-binary', lines, '/import'), { status: 200, body: /^\{"imported":2,/ });
  const batch =
    '{"ops":[{"op":"delete","collection":"kv","key":"a"},{"op":"put","collection":"flags","key":"f","value":{}}]}';
  t.equal(talk.curl('-d', batch, '/batch').status, 200);
  const before = talk.curl('/export');
  await talk.restart();
  t.same(talk.curl('/export'), before);
  t.match(before.body, /"collection":"configs","key":"c","value":\{"name":"c","x":1\}/);
});
