/**
 * System calls that fail, on the built service, by strace: one call on a file of the snapshot, in one way, once or
 * from there on. Reads go on, what is refused is told with its code, writes come back by themselves, and after
 * kill -9 and a start without faults everything is there that was answered as durable.
 *
 * strace counts the calls of each thread, so the service has one thread for its files.
 */
import { readFileSync } from 'node:fs';
import t, { type Test } from 'tap';
import { get, set } from '../fixtures/calls.js';
import { type ClientOptions, Ledger } from '../fixtures/load.js';
import { needs } from '../fixtures/needs.js';
import { ServiceProcess, serviceDirectory } from '../fixtures/service-process.js';
import { allowTime, TORTURE } from '../fixtures/torture.js';

const LOAD_MS = 600;
/** Milliseconds until writes are taken again after a fault that passes. */
const RECOVERY_MS = 12_000;
/** Numbers of logs and bases that a run may reach. */
const NUMBERS = 12;
/** Ends of a start that was refused: damaged or unreadable, unavailable, the volume, denied. */
const REFUSALS = [65, 69, 74, 77];

const CLIENTS: readonly ClientOptions[] = [
  { kind: 'sync' },
  { kind: 'sync' },
  { kind: 'mixed', largeBytes: 20_000 },
  { kind: 'periodic' },
];

/** As `strace -e inject=` has it; several are parted by a space. One that ends with `+` lasts. */
const SHORT = [
  'fdatasync:error=EIO:when=3',
  'write:error=ENOSPC:when=4 ftruncate:error=EIO:when=1',
  'rename:error=EROFS:when=1',
  'write:error=EDQUOT:when=3',
  'fdatasync:delay_exit=2500000:when=4',
];

const LONG = [
  ...SHORT,
  'fsync:error=EIO:when=1',
  'fdatasync:error=EIO:when=1',
  'fdatasync:error=EIO:when=2',
  'fdatasync:error=ENOSPC:when=3..5',
  'fdatasync:error=EDQUOT:when=6',
  'fdatasync:error=EROFS:when=5+',
  'fdatasync:error=EIO:when=4+',
  'write:error=ENOSPC:when=1',
  'write:error=ENOSPC:when=3',
  'write:error=ENOSPC:when=3..6',
  'write:error=EDQUOT:when=2',
  'write:error=EIO:when=4',
  'write:error=EROFS:when=5+',
  'rename:error=EIO:when=1',
  'rename:error=ENOSPC:when=1',
  'rename:error=EIO:when=1+',
  'fsync:error=ENOSPC:when=1..3',
  'fsync:error=EIO:when=1+',
  'close:error=EIO:when=1',
  'close:error=EIO:when=2',
  'close:error=ENOSPC:when=1+',
  'openat:error=EMFILE:when=1',
  'openat:error=EMFILE:when=2',
  'openat:error=EMFILE:when=3',
  'openat:error=EMFILE:when=4',
  'openat:error=ENOSPC:when=3',
  'openat:error=EDQUOT:when=3..4',
  'openat:error=EROFS:when=3+',
  'fdatasync:error=EIO:when=3 openat:error=EMFILE:when=4..6',
  'fdatasync:error=EIO:when=3 ftruncate:error=EIO:when=1 close:error=EIO:when=2',
  'fdatasync:error=EIO:when=3 rename:error=EIO:when=2..3',
  'fdatasync:error=EIO:when=3 fsync:error=EIO:when=2',
  'fdatasync:error=EIO:when=3 unlink:error=EIO:when=1+',
  'write:error=ENOSPC:when=4 unlink:error=EIO:when=1+',
  'statfs:error=EIO:when=1',
  'statfs:error=ENOSYS:when=1+',
  'statx:error=EIO:when=1',
  'statx:error=EIO:when=2+',
  'getdents64:error=EIO:when=1',
  'fdatasync:delay_exit=1500000:when=2+',
];

allowTime(t);

/** What strace wrote of the calls that it was told of goes to `report`. */
function wrapper(directory: string, faults: string, report: string): string[] {
  const injections = faults.split(' ').map(fault => ({ fault, call: fault.split(':')[0] }));
  const numbers = Array.from({ length: NUMBERS }, (_, i) => String(i + 1).padStart(8, '0'));
  const names = numbers.flatMap(number => [`${number}.log`, `${number}.base`]);
  const paths = [
    directory,
    ...names.flatMap(name => [name, `${name}.tmp`].map(end => `${directory}/${end}`)),
  ];
  const trace = `trace=${injections.map(({ call }) => call).join(',')}`;
  return [
    'strace',
    ...['-D', '-f', '-qq', '-o', report, '-e', 'signal=none', '-e', trace],
    ...injections.flatMap(({ fault }) => ['-e', `inject=${fault}`]),
    ...paths.flatMap(path => ['-P', path]),
  ];
}

async function withFaults(t: Test, faults: string): Promise<Ledger> {
  const ledger = new Ledger(CLIENTS);
  const root = serviceDirectory(t);
  const directory = `${root}/snapshots`;
  const argv = ['serve', '--port', '0', '--snapshot-dir', directory, '--snapshot-interval', '50ms'];
  const environment = { UV_THREADPOOL_SIZE: '1' };
  const service = ServiceProcess.spawn(t, argv, environment, wrapper(directory, faults, `${root}/report`));
  const started = await service.line('ready').then(
    () => true,
    () => false,
  );
  if (started) await liveAndCrash(t, service, faults, ledger);
  else
    t.ok(
      REFUSALS.includes((await service.ended).code ?? -1),
      `a start that is refused says why: ${service.stderr}`,
    );
  t.match(readFileSync(`${root}/report`, 'utf8'), /\((INJECTED|DELAYED)\)/, 'a call was touched');
  const again = await ServiceProcess.start(t, argv.slice(3));
  await ledger.check(again.url, { at: crashOf(service) });
  await again.stop();
  return ledger;
}

const crashes = new WeakMap<ServiceProcess, number>();

/** Of a process whose volume failed for good, what is lost is what was answered before that. */
function crashOf(service: ServiceProcess): number {
  return crashes.get(service) ?? 0;
}

async function liveAndCrash(t: Test, service: ServiceProcess, faults: string, ledger: Ledger): Promise<void> {
  const life = { url: service.url, over: false, persistent: true };
  const living = ledger.live(life);
  const lasts = /\+$|\+ /.test(faults);
  if (lasts) {
    const failed = service.line('writes are refused, reads go on').catch(() => undefined);
    await Promise.race([failed, pause(LOAD_MS)]);
    crashes.set(service, performance.now());
  }
  await pause(LOAD_MS);
  t.match((await get(service.url, 'sync-0/1')).status, /200|404/, 'reads go on');
  if (!lasts) t.equal(await writeInTime(service), 200, 'writes come back');
  life.over = true;
  if (!lasts) crashes.set(service, performance.now());
  await service.stop('SIGKILL');
  await living;
}

/** The status of a durable write, which is repeated while it is refused. */
async function writeInTime({ url }: ServiceProcess): Promise<number> {
  const until = performance.now() + RECOVERY_MS;
  for (;;) {
    const { status } = await set(url, 'back', 1, '?sync=true');
    if (status !== 503 || performance.now() > until) return status;
    await pause(50);
  }
}

function pause(ms: number): Promise<void> {
  return new Promise(resolve => setTimeout(resolve, ms));
}

t.test('system calls that fail', { skip: needs('linux', 'strace') }, async t => {
  let durable = 0;
  for (const faults of TORTURE ? LONG : SHORT) {
    await t.test(faults, async t => {
      const ledger = await withFaults(t, faults);
      t.comment(ledger.summary());
      t.strictSame(ledger.problems, []);
      const code = /ENOSPC|EDQUOT/.test(faults) ? 'storage_full' : 'storage_error';
      const others = [...ledger.refusals.keys()].filter(refusal => ![code, 'overloaded'].includes(refusal));
      t.strictSame(others, [], `what is refused is ${code}`);
      if (faults.includes('delay_exit'))
        t.ok(ledger.refusals.has('overloaded'), 'a slow volume is overloaded');
      durable += ledger.figures.durable;
    });
  }
  t.ok(durable > SHORT.length, 'durable answers were at stake');
});
