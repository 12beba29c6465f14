/**
 * The lock of a directory, by the kernel: flock(2) on the directory's own descriptor. Node cannot call flock(2),
 * but the lock belongs to the open file description, which a child shares: flock(1), run on the inherited
 * descriptor, takes the lock and ends, and the lock stays with ours. The kernel frees it when the last copy of
 * the descriptor is closed, so also on kill -9. Nothing is written into the directory.
 *
 * It holds between the processes of one machine. NFS keeps the lock of a directory to the machine that took it.
 */

import { type ChildProcess, spawn } from 'node:child_process';
import { close as closeCallback, constants, open as openCallback } from 'node:fs';
import { promisify } from 'node:util';
import { CairnError, systemCode } from '../errors.js';
import { LOCK_COMMAND_MS } from '../limits.js';
import type { DirectoryLock, Locks } from './files.js';

// Descriptors as numbers: a FileHandle that nothing refers to is closed by the garbage collector, and the lock
// would go with it. Both kinds are closed on exec: a child has only what it is given.
const open = promisify(openCallback);
const close = promisify(closeCallback);

const { O_DIRECTORY, O_NONBLOCK, O_RDONLY } = constants;
/** macOS only: flock(2) as a part of open(2). Node has no name for it. */
const O_EXLOCK = 0x20;

/** What a way came to: the descriptor that holds the lock, or why there is none. */
type Attempt = number | 'busy' | 'missing';

/** A way to lock a directory. `missing`: this machine does not have it. */
export type LockWay = (directory: string) => Promise<Attempt>;

/** Status 1 without a word is busy, here and in every flock(1). */
const PERL = `
  open(my $directory, "<&=", 3) or die "perl: $!";
  flock($directory, LOCK_EX | LOCK_NB) and exit 0;
  exit 1 if $!{EWOULDBLOCK};
  die "perl: $!";
`;

export const flockWay = commandWay('flock', ['-xn', '3']);
export const perlWay = commandWay('perl', ['-MFcntl=:flock', '-e', PERL]);

export const exclusiveOpenWay: LockWay = async directory => {
  try {
    return await open(directory, O_RDONLY | O_DIRECTORY | O_NONBLOCK | O_EXLOCK);
  } catch (error) {
    if (systemCode(error) === 'EAGAIN') return 'busy';
    throw error;
  }
};

/** The first of the ways that this machine has decides. */
export class NodeLocks implements Locks {
  readonly #ways: readonly LockWay[];

  constructor(ways: readonly LockWay[]) {
    this.#ways = ways;
  }

  async tryLock(directory: string): Promise<DirectoryLock | null> {
    for (const way of this.#ways) {
      const attempt = await way(directory);
      if (attempt === 'busy') return null;
      if (attempt !== 'missing') return new DescriptorLock(attempt);
    }
    throw new CairnError('lock_unavailable', `There is no way to lock the directory ${directory}.`);
  }
}

export const nodeLocks: Locks = new NodeLocks(
  process.platform === 'darwin' ? [exclusiveOpenWay] : [flockWay, perlWay],
);

class DescriptorLock implements DirectoryLock {
  readonly #descriptor: number;
  #released: Promise<void> | undefined;

  constructor(descriptor: number) {
    this.#descriptor = descriptor;
  }

  /** Closes once, however often it is called: the number may belong to another file after that. */
  release(): Promise<void> {
    this.#released ??= close(this.#descriptor);
    return this.#released;
  }
}

/**
 * A program that locks its descriptor 3 without waiting and ends with 0; with 1 and not a word where it is busy;
 * with anything else, and the reason on the standard error, where it cannot. busybox ends with 1 then too, so
 * the status alone would take a file system without locks for a busy one.
 */
export function commandWay(program: string, args: readonly string[]): LockWay {
  return async directory => {
    const descriptor = await open(directory, O_RDONLY | O_DIRECTORY);
    let result: Result | undefined;
    try {
      result = judge(program, directory, await run(program, args, descriptor));
      return result === 'locked' ? descriptor : result;
    } finally {
      if (result !== 'locked') await close(descriptor);
    }
  };
}

type Result = 'locked' | 'busy' | 'missing';

function judge(program: string, directory: string, ending: Ending): Result {
  if (ending === 'missing') return 'missing';
  const { status, complaint } = ending;
  if (status === 0) return 'locked';
  if (status === 1 && complaint === '') return 'busy';
  const reason = complaint || (status === null ? 'it was killed' : `it ended with status ${status}`);
  throw new CairnError('lock_unavailable', `${program} cannot lock the directory ${directory}: ${reason}`, {
    hint: 'Use a volume that has locks, or pass --no-lock if you are sure that no second process starts.',
  });
}

/** `status` null: a signal ended it, ours after LOCK_COMMAND_MS perhaps. */
type Ending = { readonly status: number | null; readonly complaint: string } | 'missing';

/** With a timer of our own: that of `spawn` goes on where the program is missing, and the process with it. */
async function run(program: string, args: readonly string[], descriptor: number): Promise<Ending> {
  const child = start(program, args, descriptor);
  const killer = setTimeout(() => child.kill('SIGKILL'), LOCK_COMMAND_MS);
  try {
    return await end(child);
  } finally {
    clearTimeout(killer);
  }
}

function end(child: ChildProcess): Promise<Ending> {
  return new Promise((resolve, reject) => {
    let complaint = '';
    child.stderr?.setEncoding('utf8').on('data', text => {
      complaint += text;
    });
    child.once('error', error => (isMissing(error) ? resolve('missing') : reject(error)));
    child.once('close', status => resolve({ status, complaint: complaint.trim() }));
  });
}

/** Of our environment only the path: no secrets, no locale to warn of, no library that speaks up in between. */
function start(program: string, args: readonly string[], descriptor: number): ChildProcess {
  return spawn(program, args, {
    stdio: ['ignore', 'ignore', 'pipe', descriptor],
    env: { PATH: process.env['PATH'], LC_ALL: 'C' },
  });
}

/** Not on the path, or not for this user to run. */
function isMissing(error: unknown): boolean {
  const code = systemCode(error);
  return code === 'ENOENT' || code === 'EACCES';
}
