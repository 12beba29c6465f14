/**
 * Starts of the real process on directories that are not what was written: it exits with the code of its kind and one
 * line of JSON that names the file, the byte and what to do; it changes nothing, and a second start says the same. And
 * the ones that look strange and are no damage: those start. Made of the directories in test/golden/.
 */
import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  cpSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import t from 'tap';
import { FORMAT } from '../../src/snapshot/header.js';
import { frameLine } from '../../src/snapshot/line.js';
import { call, get, set } from '../fixtures/calls.js';
import { linesOf } from '../fixtures/damage-judge.js';
import { needs } from '../fixtures/needs.js';
import { MAIN, ServiceProcess, serviceDirectory } from '../fixtures/service-process.js';

const GOLDEN = new URL('../golden/format-1', import.meta.url).pathname;

t.setTimeout(240_000);

/** A user that owns nothing. */
const NOBODY = 65534;

interface Refusal {
  readonly name: string;
  readonly golden: string;
  readonly damage: (dir: string) => void;
  readonly exit: number;
  readonly says: Readonly<Record<string, unknown>>;
}

const log = (number: number): string => `0000000${number}.log`;
const base = (number: number): string => `0000000${number}.base`;

function sizeOf(golden: string, file: string): number {
  return lstatSync(`${GOLDEN}/${golden}/${file}`).size;
}

/** The byte at which a line of a golden file begins. */
function offsetOf(golden: string, file: string, line: number): number {
  return linesOf(readFileSync(`${GOLDEN}/${golden}/${file}`))[line]?.offset ?? 0;
}

function withLines(dir: string, file: string, change: (lines: Buffer[]) => readonly Buffer[]): void {
  const lines = linesOf(readFileSync(`${dir}/${file}`)).map(({ bytes }) => Buffer.from(bytes));
  writeFileSync(`${dir}/${file}`, Buffer.concat(change(lines)));
}

/** The first line says something else, with a right checksum. */
function withHeader(dir: string, file: string, change: object): void {
  withLines(dir, file, ([first, ...rest]) => {
    const header: unknown = JSON.parse(first?.toString('utf8', 9) ?? '');
    return [frameLine(JSON.stringify(Object.assign({}, header, change))), ...rest];
  });
}

const damaged = { code: 'snapshot_damaged', exit: 65 };
const foreign = { code: 'snapshot_foreign', exit: 65 };

function refusal(
  name: string,
  golden: string,
  { code, exit }: { readonly code: string; readonly exit: number },
  says: Readonly<Record<string, unknown>>,
  damage: (dir: string) => void,
): Refusal {
  return { name, golden, exit, says: { code, ...says }, damage };
}

const refusals: readonly Refusal[] = [
  refusal(
    'a base without its last line, and none before it',
    'two-bases',
    damaged,
    { file: base(8), offset: offsetOf('two-bases', base(8), 2), message: /its last line is missing/ },
    dir => {
      for (const file of [base(7), log(7)]) rmSync(`${dir}/${file}`);
      withLines(dir, base(8), lines => lines.slice(0, -1));
    },
  ),
  refusal('an empty base, and none before it', 'two-bases', damaged, { file: base(8), offset: 0 }, dir => {
    for (const file of [base(7), log(7)]) rmSync(`${dir}/${file}`);
    truncateSync(`${dir}/${base(8)}`);
  }),
  refusal('a base without a log', 'two-bases', damaged, { file: base(8), message: /no log/ }, dir => {
    for (const file of [log(7), log(8)]) rmSync(`${dir}/${file}`);
  }),
  refusal('both bases are gone', 'two-bases', damaged, { file: log(6), message: /missing/ }, dir => {
    for (const file of [base(7), base(8)]) rmSync(`${dir}/${file}`);
  }),
  refusal('a log in the middle is gone', 'restarted', damaged, { file: log(2), message: /missing/ }, dir =>
    rmSync(`${dir}/${log(2)}`),
  ),
  refusal(
    'a line in the middle of a log is gone',
    'killed-after-mark',
    damaged,
    { file: log(1), offset: offsetOf('killed-after-mark', log(1), 3), revision: 2 },
    dir => withLines(dir, log(1), lines => lines.toSpliced(3, 1)),
  ),
  refusal(
    'a line in the middle of a log is wrong',
    'killed-after-mark',
    damaged,
    { file: log(1), offset: offsetOf('killed-after-mark', log(1), 2), follows: /right line/ },
    dir => withLines(dir, log(1), lines => lines.with(2, Buffer.from('overwritten\n'))),
  ),
  refusal(
    'a log is shorter than its seal',
    'restarted',
    damaged,
    { file: log(1), offset: 200, follows: /bytes of it count/ },
    dir => truncateSync(`${dir}/${log(1)}`, 200),
  ),
  refusal(
    'an older log is empty',
    'restarted',
    damaged,
    { file: log(1), offset: 0, message: /within its first line/ },
    dir => truncateSync(`${dir}/${log(1)}`),
  ),
  refusal(
    'a log of another store',
    'restarted',
    foreign,
    { file: log(1), offset: 0, message: /another store/ },
    dir => withHeader(dir, log(1), { store: '00000000-0000-4000-8000-000000000000' }),
  ),
  refusal(
    'another log of the same number',
    'restarted',
    foreign,
    { file: log(1), offset: 0, message: /not the log that/ },
    dir => withHeader(dir, log(1), { epoch: 1 }),
  ),
  refusal(
    'a log under another number',
    'clean-stop',
    foreign,
    { file: log(4), offset: 0, message: /of another file/ },
    dir => cpSync(`${dir}/${log(1)}`, `${dir}/${log(4)}`),
  ),
  refusal(
    'a log of a newer format',
    'new',
    foreign,
    { file: log(1), offset: 0, message: new RegExp(`format ${FORMAT + 1}`) },
    dir => withHeader(dir, log(1), { format: FORMAT + 1 }),
  ),
  refusal(
    'a base of a newer format',
    'two-bases',
    foreign,
    { file: base(8), offset: 0, message: new RegExp(`format ${FORMAT + 1}`) },
    dir => withHeader(dir, base(8), { format: FORMAT + 1 }),
  ),
  refusal(
    'a log that is a directory',
    'clean-stop',
    damaged,
    { file: log(2), message: /no regular file/ },
    dir => mkdirSync(`${dir}/${log(2)}`),
  ),
  refusal(
    'a log that is a link to nothing',
    'clean-stop',
    damaged,
    { file: log(2), message: /ENOENT/ },
    dir => symlinkSync('nowhere', `${dir}/${log(2)}`),
  ),
];

/** Every name in a directory, with what it is and what it holds. */
function contents(dir: string): unknown[] {
  return readdirSync(dir)
    .sort()
    .map(name => {
      const { mode, size, mtimeMs } = lstatSync(`${dir}/${name}`);
      const bytes = lstatSync(`${dir}/${name}`).isFile() ? readFileSync(`${dir}/${name}`, 'latin1') : '';
      return [name, mode, size, mtimeMs, bytes];
    });
}

interface Start {
  readonly status: number | null;
  readonly lines: readonly string[];
}

function start(dir: string, uid?: number): Start {
  const { status, stderr } = spawnSync(
    process.execPath,
    [MAIN, 'serve', '--port', '0', '--snapshot-dir', dir],
    {
      encoding: 'utf8',
      env: { PATH: process.env['PATH'] },
      timeout: 60_000,
      ...(uid === undefined ? {} : { uid, gid: uid }),
    },
  );
  return { status, lines: stderr.trim().split('\n') };
}

for (const { name, golden, damage, exit, says } of refusals) {
  t.test(`${name}: exit ${exit}, one line that says where, nothing is changed`, async t => {
    const dir = serviceDirectory(t);
    cpSync(`${GOLDEN}/${golden}`, dir, { recursive: true });
    damage(dir);
    const before = contents(dir);
    const first = start(dir);
    t.equal(first.status, exit);
    t.equal(first.lines.length, 1, first.lines.join('\n'));
    t.match(JSON.parse(first.lines[0] ?? ''), { level: 'error', hint: /\w{3}/, ...says });
    t.strictSame(start(dir), first, 'a second start says the same');
    t.strictSame(contents(dir), before);
  });
}

t.test('a log that belongs to another user: exit 77 and which', { skip: needs('root') }, async t => {
  const dir = serviceDirectory(t);
  cpSync(`${GOLDEN}/clean-stop`, dir, { recursive: true });
  chownSync(dir, NOBODY, NOBODY);
  chmodSync(`${dir}/${log(1)}`, 0o600);
  const before = contents(dir);
  const first = start(dir, NOBODY);
  t.equal(first.status, 77);
  t.match(JSON.parse(first.lines[0] ?? ''), { code: 'snapshot_denied', file: log(1), hint: /chown/ });
  // Behind it the coverage of the tests may complain, since that user may not write its files.
  t.strictSame(start(dir, NOBODY).lines[0], first.lines[0]);
  t.strictSame(contents(dir), before);
});

/** Longer than a test should take each time: the second process waits for half a minute. */
if (process.env['CAIRN_TORTURE'] === '1') {
  t.test('a directory that another process serves: exit 75 after the wait', async t => {
    const dir = serviceDirectory(t);
    const service = await ServiceProcess.start(t, ['--snapshot-dir', dir]);
    const second = ServiceProcess.spawn(t, ['serve', '--port', '0', '--snapshot-dir', dir]);
    t.equal((await second.ended).code, 75);
    t.match(JSON.parse(second.stderr), { code: 'snapshot_locked', hint: /Stop it first/ });
    t.equal((await set(service.url, 'a', 1, '?sync=true')).status, 200);
  });
}

t.test('a file where the directory should be: exit 77', async t => {
  const dir = serviceDirectory(t);
  writeFileSync(`${dir}/file`, 'mine');
  const { status, lines } = start(`${dir}/file`);
  t.equal(status, 77);
  t.match(JSON.parse(lines[0] ?? ''), { code: 'snapshot_denied', message: /file/ });
  t.equal(readFileSync(`${dir}/file`, 'utf8'), 'mine');
});

/** Starts, and gives what the log warns of; the process serves until the end of the test. */
async function serves(
  t: Parameters<typeof serviceDirectory>[0],
  dir: string,
): Promise<[ServiceProcess, string[]]> {
  const service = await ServiceProcess.start(t, ['--snapshot-dir', dir]);
  const warnings = service.log.filter(({ level }) => level === 'warn').map(({ msg }) => String(msg));
  return [service, warnings];
}

t.test(
  'a log of 0 bytes alone was never born: it starts empty, says so, and uses its number no more',
  async t => {
    const dir = serviceDirectory(t);
    writeFileSync(`${dir}/${log(1)}`, '');
    const [service, warnings] = await serves(t, dir);
    t.match(warnings, [/00000001.log was cut off within its first line/]);
    await set(service.url, 'a', 1, '?sync=true');
    await service.stop();
    t.equal(lstatSync(`${dir}/${log(1)}`).size, 0);
    t.ok(readdirSync(dir).includes(log(2)));
  },
);

t.test('a broken base with one before it: it starts with all of it, and says so', async t => {
  const dir = serviceDirectory(t);
  cpSync(`${GOLDEN}/two-bases`, dir, { recursive: true });
  truncateSync(`${dir}/${base(8)}`, sizeOf('two-bases', base(8)) - 1);
  const [service, warnings] = await serves(t, dir);
  t.match(warnings, [/00000008.base is broken/]);
  t.equal((await get(service.url, 'number/3')).status, 200);
});

t.test('names that are none of ours are left alone', async t => {
  const dir = serviceDirectory(t);
  cpSync(`${GOLDEN}/clean-stop`, dir, { recursive: true });
  mkdirSync(`${dir}/lost+found`);
  for (const name of ['notes.txt', '0000000001.log', '1.log', '00000009.log.bak', '.nfs0001'])
    writeFileSync(`${dir}/${name}`, 'mine');
  const before = contents(dir);
  const [service] = await serves(t, dir);
  t.equal((await get(service.url, 'key_1')).status, 200);
  await service.stop();
  const names = new Set(before.map(row => (row as [string])[0]));
  t.strictSame(
    contents(dir).filter(row => names.has((row as [string])[0])),
    before,
  );
});

t.test(
  'a volume that is read-only: reads are answered, writes say why',
  { skip: needs('tmpfs') },
  async t => {
    const dir = serviceDirectory(t);
    t.equal(spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=4m', 'tmpfs', dir]).status, 0);
    t.teardown(() => spawnSync('umount', ['-l', dir]));
    cpSync(`${GOLDEN}/clean-stop`, dir, { recursive: true });
    t.equal(spawnSync('mount', ['-o', 'remount,ro', dir]).status, 0);
    const [service] = await serves(t, dir);
    t.equal((await get(service.url, 'key_1')).status, 200);
    const refused = await set(service.url, 'a', 1);
    t.equal(refused.status, 503);
    t.match(JSON.parse(refused.body), { code: 'storage_error', message: /EROFS/ });
    t.equal((await call(`${service.url}/livez`)).status, 200);
  },
);
