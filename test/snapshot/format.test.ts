import assert from 'node:assert';
import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import t from 'tap';
import type { BaseEntry, Change, JsonText, Key } from '../../src/model.js';
import {
  decodeBaseLine,
  decodeLogLine,
  encodeBatch,
  encodeEntries,
  encodeGroup,
  encodeNote,
  encodeVersions,
} from '../../src/snapshot/format.js';
import {
  decodeHeader,
  encodeHeader,
  FORMAT,
  FormatError,
  type LogHeader,
} from '../../src/snapshot/header.js';
import { checksumOf, frameLine, hidesRightLine, isRightLine } from '../../src/snapshot/line.js';

const header: LogHeader = {
  cairn: 'log',
  format: FORMAT,
  store: '6e1f4c5a-0000-4000-8000-000000000000',
  epoch: 1_700_000_000,
  number: 7,
  after: 16,
  prev: { number: 6, checksum: '01234567', bytes: 4096 },
};

const place = { collection: 'kv', version: 1, epoch: 1_700_000_000, time: 1_700_000_001 };
const put = (revision: number, key: string, text: string, deadline: number | null = null): Change => ({
  type: 'put',
  ...place,
  revision,
  key: key as Key,
  text: text as JsonText,
  deadline,
});

const bytes = (text: string): string => Buffer.from(text).toString('latin1');

t.test('a line is its checksum, a space, its JSON and a newline', async t => {
  const line = frameLine('{"mark":1}');
  t.match(line.toString(), /^[0-9a-f]{8} \{"mark":1\}\n$/);
  t.equal(line.toString().slice(0, 8), checksumOf(Buffer.from('{"mark":1}')));
  t.ok(isRightLine(line));
});

t.test('every flip of one bit and every shortening of a line is noticed', async t => {
  const line = encodeBatch([encodeGroup([put(1, 'k', '{"a":[1,2,3]}')])]);
  let passed = 0;
  for (let bit = 0; bit < line.length * 8; bit++) {
    const flipped = Buffer.from(line);
    flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7));
    if (isRightLine(flipped)) passed += 1;
  }
  t.equal(passed, 0, `${line.length * 8} flips`);
  for (let length = 0; length < line.length; length++) if (isRightLine(line.subarray(0, length))) passed += 1;
  t.equal(passed, 0, `${line.length} lengths`);
});

t.test('a right line behind one that lost its newline is found', async t => {
  const batch = encodeBatch([encodeGroup([put(1, 'k', '{"a": {"b": {}}}')])]);
  const mark = encodeNote('mark', 1);
  const joined = Buffer.concat([batch, mark]);
  t.notOk(hidesRightLine(joined.subarray(0, batch.length)), 'nothing behind it');
  joined[batch.length - 1] = 0x0b;
  t.ok(hidesRightLine(joined));
  t.notOk(hidesRightLine(joined.subarray(0, -1)), 'the one behind it is cut');
  t.notOk(hidesRightLine(Buffer.from('01234567 { {"mark":1}')), 'too close to the beginning to be two lines');
  joined[12] = 0x20;
  t.notOk(hidesRightLine(joined), 'both are wrong');
});

t.test('a batch comes back as it was written', async t => {
  const changes: Change[] = [
    put(17, 'a', '10.0'),
    put(18, bytes('ключ/€'), bytes('{"naïve":"日本"}'), 1_700_000_099_999),
    put(19, '__proto__', '{\n  "pretty": true\n}'),
    { type: 'touch', ...place, revision: 20, key: 'a' as Key, deadline: 1_700_000_000_001 },
    { type: 'delete', ...place, revision: 21, key: 'b"],"values":[' as Key, reason: 'expired' },
    put(22, ',"values":["x"', '",\\"values\\":["'.replace(/\\/g, '')),
  ];
  const line = encodeBatch([encodeGroup(changes.slice(0, 2)), encodeGroup(changes.slice(2))]);
  t.notOk(line.subarray(0, -1).includes('\n'), 'there is no newline within the line');
  t.strictSame(decodeLogLine(line), { type: 'batch', first: 17, count: 6, changes });
});

t.test('any batch comes back as it was written', async () => {
  const text = fc
    .oneof(
      fc.json(),
      fc.json().map(json => `[\n${json}\r\n]`),
    )
    .map(bytes);
  const key = fc.string({ minLength: 1, unit: 'grapheme' }).map(bytes);
  const deadline = fc.option(fc.nat(2 ** 40));
  const operation = fc.record({ key, text, deadline, kind: fc.constantFrom('put', 'touch', 'delete') });
  fc.assert(
    fc.property(fc.array(operation, { minLength: 1, maxLength: 20 }), operations => {
      const changes = operations.map(({ key, text, deadline, kind }, i): Change => {
        if (kind === 'put') return put(i + 1, key, text, deadline);
        const change = { ...place, revision: i + 1, key: key as Key };
        return kind === 'touch'
          ? { type: 'touch', ...change, deadline }
          : { type: 'delete', ...change, reason: 'evicted' };
      });
      const line = encodeBatch(changes.map(change => encodeGroup([change])));
      assert.ok(isRightLine(line) && line.indexOf('\n') === line.length - 1);
      const read = decodeLogLine(line);
      assert.deepStrictEqual(read.type === 'batch' && read.changes, changes);
      JSON.parse(line.toString('utf8', 9)); // what `cut -c10- FILE | jq` reads
    }),
    { numRuns: 200, seed: Number(process.env['CAIRN_SEED'] ?? Date.now()) },
  );
});

t.test('a group says at least how many bytes it adds to a line', async t => {
  const groups = [put(1, 'a', '"x"'), put(2, 'b', '[\n"\\"\\""\n]')].map(change => encodeGroup([change]));
  const one = encodeBatch(groups.slice(0, 1)).length;
  const two = encodeBatch(groups).length;
  t.ok(two - one <= (groups[1]?.bytes ?? 0));
});

t.test('entries of a base come back as they were written', async t => {
  const entry = { version: 3, revision: 9, epoch: 1, time: 2, deadline: null };
  const entries: BaseEntry[] = [
    { ...entry, key: 'a' as Key, text: '{"values":[1]}' as JsonText },
    { ...entry, key: bytes('ä') as Key, text: '[\n]' as JsonText, deadline: 2 ** 41 },
  ];
  t.strictSame(decodeBaseLine(encodeEntries('kv', entries)), { type: 'entries', collection: 'kv', entries });
  const footer = { entries: 2, lines: 2, checksum: '89abcdef' };
  t.strictSame(decodeBaseLine(encodeHeader(footer)), { type: 'footer', ...footer });
});

t.test('first lines and notes come back as they were written', async t => {
  t.strictSame(decodeHeader(encodeHeader(header)), header);
  const base = {
    cairn: 'base',
    format: FORMAT,
    store: header.store,
    epoch: 1,
    number: 7,
    revision: 16,
  } as const;
  t.strictSame(decodeHeader(encodeHeader(base)), base);
  t.strictSame(decodeLogLine(encodeNote('mark', 4)), { type: 'mark', revision: 4 });
  t.strictSame(decodeLogLine(encodeNote('end', 4)), { type: 'end', revision: 4 });
});

t.test('of a newer format only the number is read', async t => {
  const newer = frameLine('{"cairn":"log","format":2,"anything":"else"}');
  t.throws(() => decodeHeader(newer), { name: 'NewerFormatError', message: /format 2/ });
});

t.test('a right line that is none of ours is refused', async t => {
  const operations = (text: string, rest = '"lengths":[],"values":[]'): string =>
    `{"first":1,"count":1,"epoch":1,"operations":[${text}],${rest}}`;
  const lines = [
    'null',
    '[]',
    '{"a":',
    '{}',
    '{"mark":-1}',
    '{"first":1}',
    operations(''),
    operations('1'),
    operations('["put","kv","a",1]'),
    operations('["put","kv","a",1,1,"x"]'),
    operations('["put","kv","a",1,1,null]'),
    operations('["move","kv","a",1,1,null]'),
    operations('["touch","kv","a",1,1,"deleted"]'),
    operations('["delete","kv","a",1,1,"lost"]'),
    operations('["delete","kv","a",1,1,"deleted"]', '"lengths":[1],"values":[1]'),
    operations('["put","kv","a",1,1,null]', '"lengths":[1],"values":[10]'),
    operations('["put","kv","a",1,1,null]', '"lengths":[9],"values":[10]'),
    operations('["put","kv","a",1,1,null]', '"lengths":[0],"values":[]'),
    operations('["put","kv","a",1,1,null]', '"lengths":["1"],"values":[1]'),
    operations('["put","kv","a",1,1,null]', '"lengths":[-2],"values":[10]'),
    operations('["put","kv","a",1,1,null]', '"length":[2],"values":[10]'),
    // An escape that means more than a byte: keys and texts are bytes, and are kept as such.
    operations('["put","kv","\\u0161",1,1,null]', '"lengths":[2],"values":[10]'),
    operations('["put","kv","a",1,1,null]', '"lengths":[-12],"values":["\\"\\u0161\\""]'),
  ];
  for (const line of lines) t.throws(() => decodeLogLine(frameLine(line)), { name: 'FormatError' }, line);
  const entries = (row: string): string =>
    `{"collection":"kv","entries":[${row}],"lengths":[1],"values":[1]}`;
  const baseLines = [
    '{"collection":"kv"}',
    entries(''),
    entries('1'),
    entries('["a",1,1,1]'),
    entries('["a",1,1,1,1,"x"]'),
    entries('["\\u0161",1,1,1,1,null]'),
    '{"collection":"kv","entries":[["a",1,1,1,1,null]],"lengths":[-12],"values":["\\"\\u0161\\""]}',
    '{"entries":1,"lines":1}',
  ];
  for (const line of baseLines) t.throws(() => decodeBaseLine(frameLine(line)), FormatError, line);
  const seal = '"prev":{"number":1}';
  const headers = [
    '{"cairn":"tower"}',
    '{"cairn":"log"}',
    '{"cairn":"log","format":1}',
    '{"cairn":"base","format":1}',
    `{"cairn":"log","format":1,"store":"s","epoch":1,"number":1,"after":1,${seal}}`,
  ];
  for (const line of headers) t.throws(() => decodeHeader(frameLine(line)), FormatError, line);
});

t.test('the worked example of the documentation is what the code writes and reads', async t => {
  const page = readFileSync('docs/snapshot-format.md', 'utf8');
  const [log = '', base = ''] = [...page.matchAll(/```text\n([0-9a-f]{8} [^`]*)```/g)].map(
    match => match[1] ?? '',
  );
  const lines = (file: string): Buffer[] => file.split(/(?<=\n)/).map(line => Buffer.from(line));
  for (const line of [...lines(log), ...lines(base)]) t.ok(isRightLine(line), line.toString().slice(0, 40));
  const [first, ...rest] = lines(log) as [Buffer, ...Buffer[]];
  const read = decodeHeader(first);
  t.strictSame(encodeHeader(read), first);
  for (const line of rest) {
    const decoded = decodeLogLine(line);
    t.strictSame(
      decoded.type === 'batch'
        ? encodeBatch([encodeGroup(decoded.changes)])
        : encodeNote(decoded.type, decoded.revision),
      line,
    );
  }
  const [baseFirst, ...baseRest] = lines(base) as [Buffer, ...Buffer[]];
  t.strictSame(encodeHeader(decodeHeader(baseFirst)), baseFirst);
  for (const line of baseRest) {
    const decoded = decodeBaseLine(line);
    if (decoded.type === 'entries') t.strictSame(encodeEntries(decoded.collection, decoded.entries), line);
    else if (decoded.type === 'versions')
      t.strictSame(encodeVersions(decoded.collection, decoded.versions), line);
    else
      t.strictSame(
        encodeHeader({ entries: decoded.entries, lines: decoded.lines, checksum: decoded.checksum }),
        line,
      );
  }
});
