import assert from 'node:assert';
import fc from 'fast-check';
import t from 'tap';
import type { BaseEntry, Change, JsonText, Key } from '../../src/model.js';
import { scanEntries } from '../../src/snapshot/entry-rows.js';
import {
  encodeBatch,
  encodeEntries,
  encodeGroup,
  encodeNote,
  parseBaseLine,
  parseLogLine,
} from '../../src/snapshot/format.js';
import { FormatError } from '../../src/snapshot/header.js';
import { frameLine, jsonOf } from '../../src/snapshot/line.js';
import { scanBatch } from '../../src/snapshot/rows.js';

const seed = Number(process.env['CAIRN_SEED'] ?? Date.now());
t.comment(`CAIRN_SEED=${seed}`);

const bytes = (text: string): string => Buffer.from(text).toString('latin1');

/** What both ways make of a line: null where it is refused. The scan may also leave it to the parser. */
function read<Line>(parse: (line: Buffer) => Line, line: Buffer): Line | null {
  try {
    return parse(line);
  } catch (error) {
    if (error instanceof FormatError) return null;
    throw error;
  }
}

/** Whether the scan took the line, which must then mean what the parser says. */
function scansAlike(line: Buffer): boolean {
  const batch = scanBatch(line);
  if (batch !== null) {
    const { first, changes } = batch;
    assert.deepStrictEqual(
      { type: 'batch', first, count: changes.length, changes },
      read(parseLogLine, line),
    );
  }
  const entries = scanEntries(line);
  if (entries !== null) {
    const { collection, rows } = entries;
    assert.deepStrictEqual({ type: 'entries', collection, entries: [...rows] }, read(parseBaseLine, line));
  }
  return batch !== null || entries !== null;
}

const whole = fc.oneof(fc.nat(9), fc.nat(2 ** 31 - 1), fc.nat(2 ** 45));
const deadline = fc.option(whole);
const key = fc.string({ minLength: 1, unit: 'grapheme' }).map(text => bytes(text) as Key);
const plainKey = fc.stringMatching(/^[a-z0-9/_.é日-]{1,20}$/).map(text => bytes(text) as Key);
const collection = fc.constantFrom('kv', 'configs', bytes('größen'));
const text = fc
  .oneof(
    fc.json(),
    fc.json().map(json => `[\n${json}\r\n]`),
  )
  .map(json => bytes(json) as JsonText);

const noteText = fc.option(fc.stringMatching(/^[a-z é]{0,9}$/).map(bytes));

const operationWith = (keys: fc.Arbitrary<Key>) =>
  fc.record({
    type: fc.constantFrom('put', 'touch', 'delete'),
    collection,
    key: keys,
    version: whole,
    time: whole,
    deadline,
    text,
    reason: fc.constantFrom('deleted', 'expired', 'evicted', 'purged'),
    note: fc.option(fc.record({ by: noteText, comment: noteText }), { nil: undefined }),
  });

const batchWith = (keys: fc.Arbitrary<Key>) =>
  fc
    .tuple(fc.nat(1e6), whole, fc.array(operationWith(keys), { minLength: 1, maxLength: 12 }))
    .map(([after, epoch, operations]) => {
      const changes = operations.map(
        ({ type, collection, key, version, time, deadline, text, reason, note }, i): Change => {
          const noted = note === undefined ? {} : { note };
          const change = { collection, key, version, time, epoch, revision: after + 1 + i, ...noted };
          if (type === 'put') return { type, ...change, deadline, text };
          return type === 'touch' ? { type, ...change, deadline } : { type: 'delete', ...change, reason };
        },
      );
      return encodeBatch([encodeGroup(changes)]);
    });

const entriesWith = (keys: fc.Arbitrary<Key>) =>
  fc
    .tuple(
      collection,
      fc.array(
        fc.record<BaseEntry>({
          key: keys,
          text,
          version: whole,
          revision: whole,
          epoch: whole,
          time: whole,
          deadline,
        }),
        { minLength: 1, maxLength: 12 },
      ),
    )
    .map(([name, entries]) => encodeEntries(name, entries));

const lineWith = (keys: fc.Arbitrary<Key>) => fc.oneof(batchWith(keys), entriesWith(keys));

t.test('what the scan takes means what the parser says, for any line of the writer', async () => {
  fc.assert(
    fc.property(lineWith(key), line => void scansAlike(line)),
    { numRuns: 500, seed },
  );
});

t.test('a line whose keys need no escape is always taken', async () => {
  fc.assert(
    fc.property(lineWith(plainKey), line => assert.ok(scansAlike(line))),
    { numRuns: 500, seed },
  );
});

/** Bytes that mean something in a line: the likeliest to be read in two ways. */
const byte = fc.oneof(fc.constantFrom(...Buffer.from('",:[]{}\\-0123456789.eE nultruefalse\t')), fc.nat(255));
const edit = fc.record({
  at: fc.double({ min: 0, max: 1, noNaN: true }),
  take: fc.nat(3),
  put: fc.array(byte, { maxLength: 3 }),
});

t.test('of a line that was changed the scan takes only what the parser takes, and alike', async t => {
  let taken = 0;
  fc.assert(
    fc.property(lineWith(plainKey), fc.array(edit, { minLength: 1, maxLength: 3 }), (line, edits) => {
      let json = Buffer.from(jsonOf(line), 'latin1');
      for (const { at, take, put } of edits) {
        const from = Math.floor(at * json.length);
        json = Buffer.concat([json.subarray(0, from), Buffer.from(put), json.subarray(from + take)]);
      }
      if (scansAlike(frameLine(json.toString('latin1')))) taken += 1;
    }),
    { numRuns: 5_000, seed },
  );
  t.ok(taken > 20, `${taken} of 5000 were still right`);
});

const batch = (operations: string, rest: string, head = '"first":1,"count":1,"epoch":1'): Buffer =>
  frameLine(`{${head},"operations":[${operations}],${rest}}`);
const PUT = '["put","kv","a",1,1,null]';
const VALUE = '"lengths":[2],"values":[10]';

t.test('what is not exactly of the form of the writer is left to the parser', async t => {
  t.ok(scansAlike(batch(PUT, VALUE)), 'the form itself is taken');
  const left: Record<string, Buffer> = {
    'an escape in a key': batch('["put","kv","\\u0061",1,1,null]', VALUE),
    'an escape in a collection': batch('["put","k\\u0076","a",1,1,null]', VALUE),
    'white space': batch('["put","kv","a",1, 1,null]', VALUE),
    'a number with a zero in front': batch('["put","kv","a",01,1,null]', VALUE),
    'a number of 16 digits': batch('["put","kv","a",1000000000000000,1,null]', VALUE),
    'a negative number': batch('["put","kv","a",-1,1,null]', VALUE),
    'a fraction': batch('["put","kv","a",1.0,1,null]', VALUE),
    'no number': batch('["put","kv","a",,1,null]', VALUE),
    'a control character in a key': batch('["put","kv","\t",1,1,null]', VALUE),
    'a member more before the lengths': batch(PUT, `"more":[],${VALUE}`),
    'a member more before the values': batch(PUT, '"lengths":[2],"more":[2],"values":[10]'),
    'lengths twice': batch(PUT, '"lengths":[2],"lengths":[2],"values":[10]'),
    'operations twice': batch(PUT, `"operations":[${PUT}],${VALUE}`),
    'a member behind the values': frameLine(
      '{"first":1,"count":1,"epoch":1,"operations":[],"lengths":[],"values":[],"x":1}',
    ),
    'a length too many': batch(PUT, '"lengths":[2,1],"values":[10,1]'),
    'a comma too many in the lengths': batch(PUT, '"lengths":[2,],"values":[10]'),
    'a length too few': batch(`${PUT},${PUT}`, VALUE, '"first":1,"count":2,"epoch":1'),
    'a length of nothing': batch(PUT, '"lengths":[0],"values":[]'),
    'a length past the end': batch(PUT, '"lengths":[6],"values":[10]'),
    'lengths that leave something': batch(PUT, '"lengths":[1],"values":[10]'),
    'a quoted value that is no string': batch(PUT, '"lengths":[-2],"values":[10]'),
    'a quoted value that is no JSON': batch(PUT, '"lengths":[-2],"values":["x]'),
    'a count too great': batch(PUT, VALUE, '"first":1,"count":2,"epoch":1'),
    'a count too small': batch(`${PUT},["touch","kv","a",1,1,null]`, VALUE),
    'a count of none': batch('', '"lengths":[],"values":[]', '"first":1,"count":0,"epoch":1'),
    'an unknown operation': batch('["move","kv","a",1,1,null]', VALUE),
    'an unknown reason': batch('["delete","kv","a",1,1,"lost"]', '"lengths":[],"values":[]'),
    'no values': frameLine('{"first":1,"count":1,"epoch":1,"operations":[]}'),
    'a base line without entries': frameLine('{"collection":"kv","entries":[],"lengths":[],"values":[]}'),
    'a base row that is cut': frameLine(
      '{"collection":"kv","entries":[["a",1,1,1,1]],"lengths":[1],"values":[1]}',
    ),
    'a note': encodeNote('mark', 1),
  };
  for (const [what, line] of Object.entries(left)) t.notOk(scansAlike(line), what);
});

t.test('a line that is cut anywhere is not taken, and nothing is read behind it', async t => {
  const lines = [
    batch(PUT, VALUE),
    frameLine('{"collection":"kv","entries":[["a",1,1,1,1,null]],"lengths":[2],"values":[10]}'),
  ];
  for (const line of lines) {
    for (let length = 0; length < line.length; length++) {
      const cut = line.subarray(0, length);
      if (scanBatch(cut) !== null || scanEntries(cut) !== null) t.fail(`${length} bytes of ${line}`);
    }
  }
});
