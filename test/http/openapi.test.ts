/** The OpenAPI document as such: that it is whole, that a linter finds nothing, and when it is made. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join, posix } from 'node:path';
import t from 'tap';
import { errorTable } from '../../src/errors.js';
import { wordOf } from '../../src/http/openapi/words.js';
import { answeredCodes } from '../../src/http/problem.js';
import type { Policy } from '../../src/model.js';
import { objectOf } from '../fixtures/conformance.js';
import { root } from '../fixtures/repository.js';
import { conformanceOf, operationsIn, startWhole } from './openapi.js';

/** Milliseconds for the linter, which takes some seconds on a busy machine. */
const LINT_MS = 120_000;

/** What an operator may have: references within, a place of its own, and an older draft. */
const schemas: Readonly<Record<string, Partial<Policy>>> = {
  notes: {
    schema: {
      type: 'object',
      properties: { title: { $ref: '#/$defs/title' }, parts: { type: 'array', items: { $ref: '#' } } },
      required: ['title'],
      $defs: { title: { type: 'string', maxLength: 80 } },
    },
  },
  'old-notes': {
    idField: 'id',
    schema: {
      $schema: 'http://json-schema.org/draft-07/schema#',
      definitions: { title: { type: 'string' } },
      properties: { title: { $ref: '#/definitions/title' } },
    },
  },
  people: {
    idField: 'id',
    generatedId: true,
    required: ['name'],
    emails: ['mail'],
    unique: ['mail'],
    history: 5,
  },
};

t.test('a linter finds nothing in it', async t => {
  const service = await startWhole(t, { collections: schemas });
  const { body } = await service.call('GET', '/openapi.json');
  const directory = mkdtempSync(join(tmpdir(), 'cairn-openapi-'));
  t.teardown(() => rmSync(directory, { recursive: true, force: true }));
  const file = join(directory, 'openapi.json');
  writeFileSync(file, body);
  const found = lint(file);
  t.strictSame(found, []);

  writeFileSync(file, body.replace('"operationId":"post_set",', ''));
  t.match(lint(file), [/^operation-operationId /], 'and it does look');
});

function lint(file: string): readonly string[] {
  const redocly = createRequire(import.meta.url).resolve('@redocly/cli/package.json');
  const { stdout, stderr } = spawnSync(
    process.execPath,
    [
      ...[join(dirname(redocly), 'bin/cli.js'), 'lint', file],
      ...['--format=json', '--config', join(root, 'redocly.yaml'), '--max-problems=1000'],
    ],
    {
      encoding: 'utf8',
      timeout: LINT_MS,
      env: {
        PATH: process.env['PATH'],
        HOME: dirname(file),
        REDOCLY_TELEMETRY: 'off',
        REDOCLY_SUPPRESS_UPDATE_NOTICE: 'true',
        // Whatever it would ask of a network, nobody answers there.
        HTTPS_PROXY: 'http://127.0.0.1:9',
        HTTP_PROXY: 'http://127.0.0.1:9',
      },
    },
  );
  if (!stdout.startsWith('{')) throw new Error(`the linter did not run: ${stderr}`);
  const { problems }: { problems: { ruleId: string; message: string; location: { pointer?: string }[] }[] } =
    JSON.parse(stdout);
  return problems.map(
    ({ ruleId, message, location }) => `${ruleId} ${message} ${location[0]?.pointer ?? ''}`,
  );
}

t.test('every call of the index stands in it, and the other way round', async t => {
  const service = await startWhole(t);
  const { calls }: { calls: object } = JSON.parse((await service.call('GET', '/')).body);
  const listed = Object.keys(calls).map(call => call.replace('?key=<key>', '').replace(/<(\w+)>/, '{$1}'));
  const documented = operationsIn(await conformanceOf(service)).map(
    ({ method, path }) => `${method} ${path}`,
  );
  t.strictSame(documented.sort(), [...listed, 'GET /'].sort());
});

t.test('every operation knows its words, and no other', async t => {
  const service = await startWhole(t);
  for (const { method, path, operation } of operationsIn(await conformanceOf(service))) {
    const { parameters } = operation;
    const words = Array.isArray(parameters)
      ? parameters.map(objectOf).filter(each => each['in'] === 'query')
      : [];
    for (const { name } of words) {
      t.ok(
        String(objectOf(wordOf(path, String(name)))['description']).length > 10,
        `${method} ${path} ${String(name)}`,
      );
    }
    const { body } = await service.call(method, `${path.replace(/\{.*/, 'x')}?not-a-word`);
    const [, allowed = ''] = /Allowed, each once: (.*?)\./.exec(body) ?? [];
    t.strictSame(
      words.map(({ name }) => name),
      allowed === '' ? [] : allowed.split(', '),
      `${method} ${path}`,
    );
  }
});

t.test('a call without a word that it needs is refused', async t => {
  const service = await startWhole(t);
  let count = 0;
  for (const { method, path, operation, calls } of operationsIn(await conformanceOf(service))) {
    const { parameters } = operation;
    const all = Array.isArray(parameters) ? parameters.map(objectOf) : [];
    if (!all.some(each => each['in'] === 'query' && each['required'] === true)) continue;
    const [example] = calls;
    const { status } = await service.call(
      method,
      path.replace(/\{.*/, 'x'),
      example?.body === undefined ? {} : example,
    );
    t.equal(status, 400, `${method} ${path}`);
    count += 1;
  }
  t.ok(count > 10);
});

t.test('a code of an error that an answer may carry is one of the document', async t => {
  const { document } = await conformanceOf(await startWhole(t));
  const { ErrorCode } = objectOf(objectOf(document['components'])['schemas']);
  t.strictSame(objectOf(ErrorCode)['enum'], [...answeredCodes]);
  for (const code of answeredCodes) t.ok(code in errorTable);
});

t.test('the schema of a collection is that of its documents', async t => {
  const { document } = await conformanceOf(await startWhole(t, { collections: schemas }));
  const {
    'notes.Document': notes,
    'notes.Schema': own,
    'people.NewDocument': people,
  } = objectOf(objectOf(document['components'])['schemas']);
  t.match(notes, { $ref: '#/components/schemas/notes.Schema' });
  t.match(own, { properties: { title: { $ref: '#/components/schemas/notes.Schema/$defs/title' } } });
  t.match(people, { required: ['name'], properties: { mail: { format: 'email' } } }, 'its id may be missing');
});

t.test('it is made once, and who has it is told so', async t => {
  const service = await startWhole(t);
  const [one, other] = await Promise.all([
    service.call('GET', '/openapi.json'),
    service.call('GET', '/openapi.json'),
  ]);
  t.equal(one?.headers.etag, other?.headers.etag);
  const etag = String(one?.headers.etag);
  for (const tag of [etag, `W/${etag}`, `"x", ${etag}`, '*']) {
    const { status, body } = await service.call('GET', '/openapi.json', {
      headers: { 'If-None-Match': tag },
    });
    t.strictSame([status, body], [304, ''], tag);
  }
  t.equal((await service.call('GET', '/openapi.json', { headers: { 'If-None-Match': '"x"' } })).status, 200);
  const head = await service.call('HEAD', '/openapi.json');
  t.equal(head.headers['content-length'], String(Buffer.byteLength(one?.body ?? '')));
});

t.test('a start does not load what makes schemas', async t => {
  const loaded = loadedWith('src/main.ts', new Set(['src/app.ts']));
  t.ok(loaded.has('src/http/routes/openapi.ts'), 'the route is there from the start');
  t.strictSame(
    [...loaded].filter(name => /^src\/http\/openapi\/|zod/.test(name)),
    [],
  );
  t.ok(loadedWith('src/http/openapi/document.ts').has('zod-openapi'));
});

/** What an import of the file brings with it at once: types, and what is imported later, are left out. */
function loadedWith(path: string, also: ReadonlySet<string> = new Set()): ReadonlySet<string> {
  const loaded = new Set<string>();
  const waiting = [path, ...also];
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    if (loaded.has(next)) continue;
    loaded.add(next);
    if (!next.startsWith('src/')) continue;
    const text = readFileSync(join(root, next), 'utf8');
    const names = [...text.matchAll(/^(?:import|export) (?!type )(?:[^;']*? from )?'([^']+)';/gm)].map(
      ([, name = '']) => name,
    );
    for (const name of names) {
      waiting.push(
        name.startsWith('.') ? posix.join(posix.dirname(next), name).replace(/\.js$/, '.ts') : name,
      );
    }
  }
  return loaded;
}

t.test('without a build /docs says what is missing', async t => {
  const service = await startWhole(t);
  for (const path of ['/docs', '/docs/swagger-ui-bundle.js']) {
    const { status, body } = await service.call('GET', path);
    t.equal(status, 404);
    t.match(JSON.parse(body), { code: 'not_found', hint: /npm run build/ });
  }
  t.match(JSON.parse((await service.call('GET', '/docs/nope')).body), { code: 'not_found' });
});

t.test('the page of a browser at / leads to /docs', async t => {
  const service = await startWhole(t);
  const { body } = await service.call('GET', '/', { headers: { accept: 'text/html' } });
  t.match(body, /<a href="\/docs">/);
  t.match(body, /<a href="\/openapi.json">/);
});
