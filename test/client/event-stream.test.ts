/** The parser of event streams against the standard, byte by byte, and against another parser. */
import { createParser } from 'eventsource-parser';
import t from 'tap';
import { EventParser, type StreamEvent } from '../../src/client/event-stream.js';
import { randomOf, seedOf } from '../fixtures/seeded-random.js';

const ROUNDS = 2_000;

/** All events of the bytes, handed over in these pieces. */
function parsed(pieces: readonly Uint8Array[]): {
  events: readonly StreamEvent[];
  retryMs: number | undefined;
} {
  const parser = new EventParser();
  return { events: pieces.flatMap(piece => parser.push(piece)), retryMs: parser.retryMs };
}

function bytesOf(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

function event(data: string | undefined, parts: Partial<StreamEvent> = {}): StreamEvent {
  return { type: 'message', data, id: undefined, ...parts };
}

/** From the standard, with what each yields. */
const cases: readonly (readonly [name: string, text: string, events: readonly StreamEvent[]])[] = [
  ['one line', 'data: a\n\n', [event('a')]],
  ['two lines are one text', 'data: a\ndata: b\n\n', [event('a\nb')]],
  ['one space is taken away, and no more', 'data:  a\ndata:b\n\n', [event(' a\nb')]],
  ['a field without a colon is empty', 'data\n\ndata\ndata\n\n', [event(''), event('\n')]],
  ['comments', ': 1\ndata: a\n:\n\n:\n\n', [event('a')]],
  [
    'CR LF',
    'id: 1\r\nevent: e\r\ndata: a\r\n\r\ndata: b\r\n\r\n',
    [event('a', { id: '1', type: 'e' }), event('b')],
  ],
  ['CR', 'data: a\rdata: b\r\rdata: c\r\r', [event('a\nb'), event('c')]],
  [
    'ends of all kinds',
    'data: a\r\n\ndata: b\n\rdata: c\r\r\ndata: d\n\n',
    [event('a'), event('b'), event('c'), event('d')],
  ],
  ['a byte order mark in front', '\ufeffdata: a\n\n', [event('a')]],
  ['one further in is a part of a name', 'data: a\n\n\ufeffdata: b\n\n', [event('a')]],
  ['a type is of its event alone', 'event: e\n\ndata: a\n\n', [event('a')]],
  ['an id alone says where one is', 'id: 7\n\n', [event(undefined, { id: '7' })]],
  ['an id with NUL is none', 'id: a\0b\ndata: a\n\n', [event('a')]],
  ['an empty id', 'id\ndata: a\n\n', [event('a', { id: '' })]],
  ['other fields are passed over', 'nope: 1\nDATA: 2\n data: 3\ndata: a\n\n', [event('a')]],
  ['an event without its end is dropped', 'data: a\n\ndata: b\n', [event('a')]],
  ['characters of several bytes', 'data: ü€😀\n\n', [event('ü€😀')]],
];

for (const [name, text, events] of cases) {
  t.test(`${name}, wherever the bytes are cut`, async t => {
    const bytes = bytesOf(text);
    t.strictSame(parsed([bytes]).events, events);
    for (let at = 0; at <= bytes.length; at++) {
      t.strictSame(parsed([bytes.slice(0, at), bytes.slice(at)]).events, events, `cut at ${at}`);
    }
    t.strictSame(parsed(Array.from(bytes, byte => Uint8Array.of(byte))).events, events, 'byte by byte');
  });
}

t.test('retry is a whole number of milliseconds, and nothing else', async t => {
  const retryOf = (value: string) => parsed([bytesOf(`retry: ${value}\n\n`)]).retryMs;
  t.equal(retryOf('250'), 250);
  for (const value of ['', '1.5', '-1', '1e3', 'x', '99999999999']) t.equal(retryOf(value), undefined, value);
});

t.test('a line or an event that has no end is refused, and not kept', async t => {
  for (const [name, piece] of [
    ['line', 'x'.repeat(100_000)],
    ['event', `data: ${'x'.repeat(100_000)}\n`],
  ] as const) {
    const parser = new EventParser();
    const bytes = bytesOf(piece);
    t.throws(
      () => {
        for (let i = 0; i < 100; i++) parser.push(bytes);
      },
      { code: 'bad_answer' },
      name,
    );
  }
});

t.test('random streams are read as eventsource-parser reads them', async t => {
  const seed = seedOf();
  t.comment(`CAIRN_SEED=${seed}`);
  const random = randomOf(seed);
  const pick = <T>(from: readonly [T, ...T[]]): T => from[Math.floor(random() * from.length)] ?? from[0];
  const words = [
    'data: a',
    'data:b',
    'data:',
    'data',
    'event: e',
    'id: 1',
    'id: 2',
    ': c',
    '',
    '',
    '',
    'x: y',
    'retry: 5',
    'data: ü',
  ] as const;
  let differing = 0;
  for (let round = 0; round < ROUNDS; round++) {
    const end = pick(['\n', '\r\n', '\r']);
    const lines = Array.from(
      { length: Math.floor(random() * 12) },
      () => pick(words) + (random() < 0.9 ? end : pick(['\n', '\r\n', '\r'])),
    );
    const bytes = bytesOf(lines.join(''));
    const cut = Math.floor(random() * (bytes.length + 1));
    const pieces = [bytes.slice(0, cut), bytes.slice(cut)];
    const expected = oracle(lines.join(''));
    const told = parsed(pieces).events.flatMap(({ type, data, id }) =>
      data === undefined ? [] : [{ type, data, id }],
    );
    differing += JSON.stringify(told) === JSON.stringify(expected) ? 0 : 1;
    if (differing === 1) return void t.strictSame(told, expected, JSON.stringify([lines.join(''), cut]));
  }
  t.equal(differing, 0, `of ${ROUNDS} streams`);
});

function oracle(text: string): StreamEvent[] {
  const events: StreamEvent[] = [];
  const parser = createParser({
    onEvent: ({ event = 'message', data, id }) => events.push({ type: event, data, id }),
  });
  parser.feed(text);
  // It waits for what follows a CR at the end: a comment changes nothing.
  parser.feed(':\n');
  return events;
}
