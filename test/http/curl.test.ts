import { spawn } from 'node:child_process';
import t from 'tap';
import { needs } from '../fixtures/needs.js';
import { type Service, startService, stored } from './service.js';

const skip = needs('curl');

/** curl against the service; `…` stands for its address. Resolves with what curl prints. */
function curl(service: Service, args: readonly string[], input = ''): Promise<{ code: number; out: string }> {
  const base = `http://127.0.0.1:${service.port}`;
  const child = spawn('curl', ['-sS', ...args.map(arg => arg.replace('…', base))]);
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    child.stdout.on('data', chunk => chunks.push(chunk));
    child.on('error', reject);
    child.on('close', code => resolve({ code: code ?? -1, out: Buffer.concat(chunks).toString('utf8') }));
    // What was refused before it was read whole breaks the pipe: curl has gone.
    child.stdin.on('error', () => {});
    child.stdin.end(input);
  });
}

const success = '{"status":"success","message":"key-value pair is set successfully"}';

t.test('every way in which curl sets a key', { skip }, async t => {
  const cases: readonly (readonly [name: string, args: readonly string[], stored: string, input?: string])[] =
    [
      ['-d JSON, with the form type', ['-d', '{"key":"a","value":1.0}', '…/set'], '1.0'],
      ['-d JSON behind white space', ['-d', ' \n {"key":"a","value":{"b":[]}}', '…/set'], '{"b":[]}'],
      [
        '-H and -d JSON',
        ['-H', 'Content-Type: application/json', '-d', '{"key":"a","value":"ü"}', '…/set'],
        '"ü"',
      ],
      ['without a type', ['-H', 'Content-Type:', '-d', '{"key":"a","value":null}', '…/set'], 'null'],
      ['--json', ['--json', '{"key":"a","value":false}', '…/set'], 'false'],
      ['-d @-', ['-d', '@-', '…/set'], '0', '{"key":"a",\n"value":0}\n'],
      ['--data-binary @-', ['--data-binary', '@-', '…/set'], '""', '{"key":"a",\n"value":""}\n'],
      ['form fields', ['-d', 'key=a', '-d', 'value=b', '…/set'], '"b"'],
      [
        'encoded form fields',
        ['-d', 'key=a', '--data-urlencode', 'value=b & "ü"=+\n', '…/set'],
        '"b & \\"ü\\"=+\\n"',
      ],
      ['chunked', ['-H', 'Transfer-Encoding: chunked', '-d', '{"key":"a","value":2}', '…/set'], '2'],
      ['told to wait', ['-H', 'Expect: 100-continue', '-d', '{"key":"a","value":3}', '…/set'], '3'],
      ['HTTP/1.0', ['-0', '-d', '{"key":"a","value":4}', '…/set'], '4'],
      ['offering HTTP/2', ['--http2', '-d', '{"key":"a","value":5}', '…/set'], '5'],
    ];
  const service = await startService(t);
  for (const [name, args, text, input] of cases) {
    t.equal((await curl(service, args, input)).out, success, name);
    t.equal(toText(stored(service, 'a')), text, `${name}: stored`);
  }
});

t.test('every way in which curl puts a plain key', { skip }, async t => {
  const service = await startService(t);
  const cases: readonly (readonly [name: string, args: readonly string[], stored: string, input?: string])[] =
    [
      ['-T -', ['-T', '-', '…/kv/a'], '{"b": 10.0}', '\n{"b": 10.0}\n'],
      ['-X PUT -d', ['-X', 'PUT', '-d', '[1,2]', '…/kv/a'], '[1,2]'],
      ['text', ['-X', 'PUT', '-H', 'Content-Type: text/plain', '-d', 'a "text"', '…/kv/a'], '"a \\"text\\""'],
      ['no text', ['-X', 'PUT', '-H', 'Content-Type: text/plain', '-d', '', '…/kv/a'], '""'],
    ];
  for (const [name, args, text, input] of cases) {
    t.equal((await curl(service, args, input)).out, text, `${name}: answered`);
    t.equal(toText(stored(service, 'a')), text, `${name}: stored`);
  }
});

t.test('curl reads for the shell', { skip }, async t => {
  const service = await startService(t);
  await curl(service, ['-d', '{"key":"db","value":{"host":"x","port":5432,"tags":["a"]}}', '…/set']);
  await curl(service, ['-d', '{"key":"a b/ü","value":"text"}', '…/set']);
  const reads: readonly (readonly [args: readonly string[], out: string])[] = [
    [['…/get/db?raw&path=/host'], 'x'],
    [['…/get/db?path=/port'], '{"key":"db","value":5432}'],
    [['…/kv/db?path=/tags/0'], '"a"'],
    [['…/get/none?raw&default=x'], 'x'],
    [['…/get/db?raw&path=/none&default=%C3%BC'], 'ü'],
    [['…/get/a%20b/%C3%BC?raw'], 'text'],
    [['…/get/a%20b%2F%C3%BC?raw'], 'text'],
    [['-G', '…/get', '--data-urlencode', 'key=a b/ü', '-d', 'raw'], 'text'],
    [['-G', '…/get', '-d', 'key=a+b/%C3%BC', '-d', 'raw=true'], 'text'],
  ];
  for (const [args, out] of reads)
    t.same(await curl(service, ['-f', ...args]), { code: 0, out }, args.join(' '));
  t.equal((await curl(service, ['-f', '…/get/none'])).code, 22, 'curl -f fails for a key that is not there');
});

t.test('a body that is far too large is refused before it is sent', { skip }, async t => {
  const service = await startService(t);
  const body = JSON.stringify('x'.repeat(8_000_000));
  const { out } = await curl(service, ['-T', '-', '-w', ' %{http_code}', '…/kv/a'], body);
  t.match(out, /"code":"body_too_large".* 413$/, 'chunked, while it is being sent');
  const told = await curl(
    service,
    ['--data-binary', '@-', '-w', ' %{http_code} %{size_upload}', '…/set'],
    body,
  );
  t.match(told.out, /"code":"body_too_large".* 413 0$/, 'by its length, with not a byte of it');
});

function toText(bytes: string | undefined): string | undefined {
  return bytes === undefined ? undefined : Buffer.from(bytes, 'latin1').toString('utf8');
}
