/**
 * What a figure hangs on beside the code: processor, core, runtime. And what Linux tells of a process: its CPU
 * time and memory, read from /proc, null where there is no /proc.
 */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { cpus } from 'node:os';

export interface Machine {
  readonly cpu: string;
  readonly cores: number;
  readonly node: string;
  readonly commit: string;
  readonly date: string;
  readonly pinned: boolean;
  readonly platform: string;
}

/** The kernel counts the times in /proc in hundredths of a second, on every Linux that Node runs on. */
const TICK_MS = 10;

export function describeMachine(pinned: boolean): Machine {
  return {
    cpu: cpus()[0]?.model ?? 'unknown',
    cores: cpus().length,
    node: process.version,
    commit: commitOf(),
    date: new Date().toISOString().slice(0, 16).replace('T', ' '),
    pinned,
    platform: `${process.platform} ${process.arch}`,
  };
}

function commitOf(): string {
  const commit = outputOf('git', ['rev-parse', '--short', 'HEAD']);
  if (commit === null) return 'unknown';
  // Without the lock this does not disturb who works in the same tree.
  const changes = outputOf('git', ['--no-optional-locks', 'status', '--porcelain']);
  return changes === '' ? commit : `${commit} with changes`;
}

function outputOf(command: string, args: readonly string[]): string | null {
  const { status, stdout } = spawnSync(command, args, { encoding: 'utf8' });
  return status === 0 ? stdout.trim() : null;
}

/** Whether this program is installed. */
export function hasProgram(name: string): boolean {
  return outputOf(name, ['--version']) !== null;
}

/** Whether a process can be bound to core 0 and another one to core 1. */
export function canPin(): boolean {
  return (
    outputOf('taskset', ['-c', '0', 'true']) !== null && outputOf('taskset', ['-c', '1', 'true']) !== null
  );
}

/** Binds this process, with the threads that it has and will have. */
export function pinSelf(core: number): void {
  if (outputOf('taskset', ['-a', '-c', '-p', String(core), String(process.pid)]) === null) {
    throw new Error(`taskset cannot bind this process to core ${core}.`);
  }
}

/** User and system time of the whole process since it began, in milliseconds, in steps of 10. */
export function cpuTimeMs(pid: number): number | null {
  const stat = readProc(pid, 'stat');
  if (stat === null) return null;
  // The second field is the name in parentheses, which may hold anything; utime and stime are 14 and 15.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) * TICK_MS;
}

export interface Memory {
  readonly residentMiB: number;
  readonly peakMiB: number;
}

export function memoryOf(pid: number): Memory | null {
  const status = readProc(pid, 'status');
  if (status === null) return null;
  return { residentMiB: mebibytes(status, 'VmRSS'), peakMiB: mebibytes(status, 'VmHWM') };
}

function mebibytes(status: string, field: string): number {
  return Number(new RegExp(`^${field}:\\s+(\\d+) kB$`, 'm').exec(status)?.[1]) / 1024;
}

function readProc(pid: number, file: string): string | null {
  if (process.platform !== 'linux') return null;
  return readFileSync(`/proc/${pid}/${file}`, 'utf8');
}

/** The `code` of a system error (`ECONNREFUSED`), or undefined. */
export function systemCode(error: unknown): string | undefined {
  if (!(error instanceof Error) || !('code' in error)) return undefined;
  return typeof error.code === 'string' ? error.code : undefined;
}
