/**
 * The real disk, over node:fs. One method is one thing asked of the operating system: nothing is retried,
 * nothing is kept in a buffer, and the system's error comes out as it is, that of close(2) included: on network
 * mounts it is the only word about a write that was lost.
 *
 * The modes are upper bounds. A umask only takes bits away: whoever runs with 077 wants the group kept out, and
 * gets that.
 */

import { constants } from 'node:fs';
import { type FileHandle, mkdir, open, readdir, rename, statfs, unlink } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { systemCode } from '../errors.js';
import type { File, FileFacts, Files } from './files.js';

/** Read by the group too: another user of the same fsGroup makes the backup. */
const FILE_MODE = 0o640;
const DIRECTORY_MODE = 0o750;

const { O_APPEND, O_CREAT, O_DIRECTORY, O_EXCL, O_NONBLOCK, O_RDONLY, O_WRONLY } = constants;

class NodeFile implements File {
  readonly #handle: FileHandle;

  constructor(handle: FileHandle) {
    this.#handle = handle;
  }

  async read(buffer: Uint8Array, position: number): Promise<number> {
    const { bytesRead } = await this.#handle.read(buffer, 0, buffer.length, position);
    return bytesRead;
  }

  async append(bytes: Uint8Array): Promise<number> {
    const { bytesWritten } = await this.#handle.write(bytes);
    return bytesWritten;
  }

  sync(): Promise<void> {
    return this.#handle.datasync();
  }

  truncate(size: number): Promise<void> {
    return this.#handle.truncate(size);
  }

  async stat(): Promise<FileFacts> {
    const { size, nlink } = await this.#handle.stat();
    return { size, named: nlink > 0 };
  }

  close(): Promise<void> {
    return this.#handle.close();
  }
}

/**
 * EINVAL and ENOTSUP mean that this file system has no fsync of a directory (CIFS, shared folders of virtual
 * machines). That passes: nobody could ask it for more, and refusing would help nobody. PostgreSQL and Redis
 * pass over it too. Every other error stands.
 */
async function syncNames(directory: FileHandle): Promise<void> {
  try {
    await directory.sync();
  } catch (error) {
    const code = systemCode(error);
    if (code !== 'EINVAL' && code !== 'ENOTSUP') throw error;
  }
}

async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path, O_RDONLY | O_DIRECTORY);
  try {
    await syncNames(directory);
  } finally {
    await directory.close();
  }
}

/** A directory is as durable as its name in the one above, so all of the new ones' parents are synced. */
async function makeDirectory(path: string): Promise<void> {
  const leaf = resolve(path);
  const highest = await mkdir(leaf, { recursive: true, mode: DIRECTORY_MODE });
  if (highest === undefined) return;
  for (let made = leaf; made.length >= highest.length; made = dirname(made)) {
    await syncDirectory(dirname(made));
  }
}

/** A FIFO, opened as a file, would wait for somebody who writes to it: EFTYPE, as the BSDs have it. */
async function openForReading(path: string): Promise<File> {
  const handle = await open(path, O_RDONLY | O_NONBLOCK);
  try {
    const stat = await handle.stat();
    if (stat.isFile()) return new NodeFile(handle);
    const code = stat.isDirectory() ? 'EISDIR' : 'EFTYPE';
    throw Object.assign(new Error(`${code}: no regular file, open '${path}'`), { code });
  } catch (error) {
    await handle.close();
    throw error;
  }
}

export const nodeFiles: Files = {
  makeDirectory,
  list: directory => readdir(directory),
  openForReading,
  create: async path => new NodeFile(await open(path, O_WRONLY | O_CREAT | O_EXCL | O_APPEND, FILE_MODE)),
  rename,
  remove: unlink,
  syncDirectory,
  async space(directory) {
    const { bavail, blocks, bsize } = await statfs(directory);
    return { free: bavail * bsize, total: blocks * bsize };
  },
};
