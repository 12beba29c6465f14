/**
 * Whatever the service answers stands in its OpenAPI document: the status, the headers, the code of an error and the form of
 * the body. Every operation is asked in many wrong and right ways, and lives of the documents are made at random.
 *
 * CAIRN_SEED=n replays a life.
 */
import t from 'tap';
import { digestOf, TokenGate } from '../../src/http/gate.js';
import { COMMENT_BYTES_MAX } from '../../src/limits.js';
import { Conformance } from '../fixtures/conformance.js';
import { Chance } from '../fixtures/documents/chance.js';
import { anyCommand } from '../fixtures/documents/commands.js';
import { World } from '../fixtures/documents/world.js';
import { randomOf, seedOf } from '../fixtures/seeded-random.js';
import { conformanceOf, type DocumentedOperation, operationsIn, startWhole } from './openapi.js';
import type { CallOptions, Service } from './service.js';

const COMMANDS = 600;
const SEED = seedOf();

const built = { read: async () => ({ bytes: 'a file', tag: '"1"' }) };

/** One call that could go wrong, from one that does not. */
interface Ask {
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | undefined;
}

type Change = (ask: Ask) => Ask;

const withHeader =
  (name: string, value: string): Change =>
  ask => ({ ...ask, headers: { ...ask.headers, [name]: value } });
const withWord =
  (word: string): Change =>
  ask => ({ ...ask, path: `${ask.path}${ask.path.includes('?') ? '&' : '?'}${word}` });
const withBody =
  (body: string, type = 'application/json'): Change =>
  ask => ({ ...ask, body, headers: { ...ask.headers, 'Content-Type': type } });
const json = (body: string): Change => withBody(body);
const same: Change = ask => ask;
const asProblem = withHeader('Accept', 'application/problem+json');

const words =
  `raw default=x path=/a path=/nope path=a as=env as=yaml as=configmap as=x history version=1 version=99
version=x diff=1..2 diff=x ttl=30m ttl=none ttl=-1 sync sync=x purge rollback=1 rollback=9 limit=1 limit=0 cursor=x keys
count where=size=1 where=x enabled=true enabled=false verbose progress prefix=o prefix= since=0 since=x wait=1ms wait=x
collection=kv collection=nope nope`.split(/\s/);

const bodies = [
  ...['', '{', '1', '"x"', '[]', '{}', '{"a":1e400}', '['.repeat(100), '{"a":null}', '{"name":"other"}'],
  ...[
    '{"key":"b","value":1}',
    '{"key":"","value":1}',
    '{"key":"b"}',
    '{"key":"b","value":1,"x":1}',
    '{"email":"x"}',
  ],
  ...['{"ops":[]}', '{"ops":[{"op":"put"}]}', '{"ops":[{"op":"delete","collection":"nope","key":"a"}]}'],
  ...['{"ops":[{"op":"delete","collection":"kv","key":"a"}]}', '{"__proto__":1}'],
];

const changes: readonly Change[] = [
  same,
  asProblem,
  withHeader('Expect', 'more'),
  withHeader('Upgrade', 'websocket'),
  withHeader('If-Match', '*'),
  withHeader('If-Match', '"1-1"'),
  withHeader('If-Match', 'x'),
  withHeader('If-None-Match', '*'),
  withHeader('If-None-Match', '"1-1"'),
  withHeader('If-Modified-Since', 'Fri, 31 Dec 2100 00:00:00 GMT'),
  withHeader('If-Unmodified-Since', 'Sat, 01 Jan 2000 00:00:00 GMT'),
  withHeader('If-Unmodified-Since', 'x'),
  withHeader('X-Comment', 'why'),
  withHeader('X-Comment', 'x'.repeat(COMMENT_BYTES_MAX + 1)),
  withHeader('Sec-Fetch-Site', 'cross-site'),
  withHeader('Content-Encoding', 'gzip'),
  withBody('x', 'application/xml'),
  withBody('"x"', 'application/json; charset=latin1'),
  withBody('x', 'text/plain'),
  withBody('key=a&value=b', 'application/x-www-form-urlencoded'),
  withBody('[{"op":"test","path":"/size","value":7}]', 'application/json-patch+json'),
  withBody('[{"op":"remove","path":"/nope"}]', 'application/json-patch+json'),
  withBody('[{"op":"nope"}]', 'application/json-patch+json'),
  withBody('{"key":"a","value":1}\nnonsense\n', 'application/x-ndjson'),
  json('1'),
  ask => ({ ...ask, path: ask.path.replace(/\?.*/, '') }),
  ask => ({ ...ask, path: ask.path.replace(/one|key_1/, '%ff') }),
  ask => ({ ...ask, path: ask.path.replace(/one|key_1/, 'k'.repeat(600)) }),
  ask => ({ ...ask, method: ask.method === 'GET' ? 'HEAD' : ask.method }),
];

/**
 * As its examples have it, the first of them changed in every way. Of the words those that it knows and one that nobody
 * does. A stream of events has no end, so it is only asked for what it refuses.
 */
function asksOf({ method, path: template, operation, calls }: DocumentedOperation): readonly Ask[] {
  const start = { method, path: template, headers: {}, body: undefined };
  if (template === '/watch')
    return ['nope', 'since=x', 'collection=nope', 'key='].map(word => withWord(word)(start));
  const known = JSON.stringify(operation['parameters']);
  const fitting = words.filter(word => word === 'nope' || known.includes(`"${word.replace(/=.*/, '')}"`));
  const all = [...changes, ...fitting.map(withWord), ...('requestBody' in operation ? bodies.map(json) : [])];
  return calls.flatMap(({ path, headers = {}, body }, i) =>
    (i === 0 ? all : [same, asProblem]).map(change => change({ method, path, headers, body })),
  );
}

async function ask(
  service: Service,
  conformance: Conformance,
  { method, path, headers, body }: Ask,
): Promise<string[]> {
  const options: CallOptions = { headers, ...(body === undefined ? {} : { body }) };
  const answer = await service.call(method, path, options);
  return conformance
    .complaints(method, path, answer)
    .map(
      complaint =>
        `${method} ${path} ${JSON.stringify(headers)} ${String(body).slice(0, 80)}\n  ${complaint}`,
    );
}

/** Each wrong answer once: one mistake of the document is met a hundred times. */
function distinct(complaints: readonly string[]): readonly string[] {
  return [
    ...new Map(complaints.map(complaint => [complaint.replace(/^.*\n|\d+|".*/g, ''), complaint])).values(),
  ];
}

t.test('every operation answers as the document says, however it is asked', async t => {
  const service = await startWhole(t, { assets: built });
  const conformance = await conformanceOf(service);
  const wrong: string[] = [];
  for (const operation of operationsIn(conformance)) {
    for (const { after = [] } of operation.calls) {
      for (const before of after) await service.call(before.method, before.path, before);
    }
    for (const each of asksOf(operation)) {
      // What waits for a change or for its time ends when the clock does.
      const asked = ask(service, conformance, each);
      if (each.path.includes('wait=1ms')) await service.clock.advance(10);
      wrong.push(...(await asked));
    }
  }
  t.strictSame(distinct(wrong), []);
  t.ok(conformance.seen.size > 400, `${conformance.seen.size} statuses of operations were among the answers`);
});

t.test('who may not come in is answered as the document says', async t => {
  const gate = new TokenGate({ required: true, tokens: [{ id: 'a', sha256: digestOf('secret') }] });
  const service = await startWhole(t, { gate: () => gate, assets: built });
  const conformance = await conformanceOf(service);
  const wrong: string[] = [];
  for (const { method, calls } of operationsIn(conformance)) {
    for (const { path, headers = {}, body, answerType } of calls) {
      if (answerType === 'text/event-stream') continue;
      wrong.push(...(await ask(service, conformance, { method, path, headers, body })));
    }
  }
  t.strictSame(distinct(wrong), []);
  t.ok(conformance.seen.has('get /kv/{key} 401'));
});

t.test('while it loads it answers as the document says', async t => {
  const service = await startWhole(t, { engine: () => null, assets: built });
  const conformance = await conformanceOf(service);
  const wrong: string[] = [];
  for (const { method, calls } of operationsIn(conformance)) {
    for (const { path, headers = {}, body } of calls) {
      wrong.push(...(await ask(service, conformance, { method, path, headers, body })));
    }
  }
  t.strictSame(distinct(wrong), []);
  t.ok(conformance.seen.has('get /kv/{key} 503'));
});

t.test(`lives of the documents are those of the document (CAIRN_SEED=${SEED})`, async t => {
  const random = randomOf(SEED);
  const wrong: string[] = [];
  const conformance = { known: null as Conformance | null };
  const world = await World.open(random, (method, path, answer) => {
    const complaints = conformance.known?.complaints(method, path, answer) ?? [];
    wrong.push(...complaints.map(complaint => `${method} ${path}\n  ${complaint}`));
  });
  conformance.known = new Conformance(await world.openApi());
  const stage = { world, chance: new Chance(random, world.model, world.tags) };
  for (let command = 0; command < COMMANDS; command++) {
    await world.advance(2 + 2 * stage.chance.below(100));
    await anyCommand(stage);
  }
  await world.close();
  t.strictSame(distinct(wrong), []);
  t.ok(world.count.calls > COMMANDS / 2, `${world.count.calls} calls`);
});
