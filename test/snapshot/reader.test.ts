import t from 'tap';
import { encodeNote } from '../../src/snapshot/format.js';
import { decodeSegment, withFile } from '../../src/snapshot/opening.js';
import { readFirstLine, readSegments, type Segment } from '../../src/snapshot/reader.js';
import { CrashFiles, systemError } from '../fixtures/crash-files.js';

async function read(bytes: Uint8Array, chunkBytes: number, end = bytes.length): Promise<string[]> {
  const files = new CrashFiles();
  files.write('/f', bytes);
  const file = await files.openForReading('/f');
  const seen: string[] = [];
  for await (const segments of readSegments(file, end, chunkBytes)) {
    for (const { state, offset, end, line } of segments)
      seen.push(`${state} ${offset}-${end} ${line.length}`);
  }
  return seen;
}

const lines = [1, 22, 333].map(revision => encodeNote('mark', revision));
const whole = Buffer.concat(lines);

t.test('segments are the same however the file is cut into reads', async t => {
  const file = Buffer.concat([whole, Buffer.from('wrong\n'), lines[0] as Buffer, Buffer.from('cut')]);
  const expected = await read(file, 1024);
  t.match(expected, [/^right/, /^right/, /^right/, /^wrong .* 6$/, /^right/, /^cut .* 0$/]);
  for (let chunk = 2; chunk < file.length; chunk++) {
    const seen = await read(file, chunk);
    if (seen.join() !== expected.join()) t.fail(`chunks of ${chunk}: ${seen}`);
  }
});

t.test('what stands behind the end is not read', async t => {
  t.equal((await read(whole, 8, lines[0]?.length)).length, 1);
  t.match(await read(whole, 8, (lines[0]?.length ?? 0) + 3), [/^right/, /^cut/]);
  t.strictSame(await read(whole, 8, 0), []);
});

t.test('a segment longer than any line is told and not kept', async t => {
  const long = Buffer.alloc(40 * 1024 * 1024, 120);
  long[long.length - 1] = 0x0a;
  t.match(await read(Buffer.concat([long, whole]), 1024 * 1024), [
    /^wrong 0-41943040 0$/,
    /^right/,
    /^right/,
    /^right/,
  ]);
});

t.test('the first line of a file, or that there is none', async t => {
  const files = new CrashFiles();
  const first = async (bytes: Uint8Array): Promise<Segment> => {
    files.write('/f', bytes);
    return readFirstLine(await files.openForReading('/f'));
  };
  t.equal((await first(whole)).state, 'right');
  t.equal((await first(Buffer.alloc(0))).state, 'cut');
  t.equal((await first(Buffer.from('abc'))).state, 'cut');
});

t.test('a read that fails rejects, also when it fails ahead of the lines before it', async t => {
  const files = new CrashFiles();
  files.write('/f', whole);
  const file = await files.openForReading('/f');
  let reads = 0;
  files.fail(call => (call.op === 'read' && ++reads > 1 ? systemError('EIO') : undefined));
  const iterator = readSegments(file, whole.length, 30);
  t.equal((await iterator.next()).done, false);
  await t.rejects(
    async () => {
      while (!(await iterator.next()).done);
    },
    { code: 'EIO' },
  );
});

t.test('a close that fails after reading changes nothing', async t => {
  const files = new CrashFiles();
  files.write('/f', whole);
  files.fail(call => (call.op === 'close' ? systemError('EIO') : undefined));
  t.equal(await withFile(files, '/', 'f', 0, async file => (await file.stat()).size), whole.length);
});

t.test('a defect of a decoder is no fault of the file', async t => {
  const segment: Segment = { state: 'right', offset: 0, end: 1, line: whole };
  const decode = (): never => {
    throw new TypeError('a defect');
  };
  t.throws(() => decodeSegment('f', segment, decode), { message: 'a defect' });
});
