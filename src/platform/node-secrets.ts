/** Small files over node:fs. */
import { constants } from 'node:fs';
import { type FileHandle, open, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { SMALL_FILE_BYTES_MAX } from '../limits.js';
import { nodeFiles } from './node-files.js';
import type { SmallFiles } from './secrets.js';

const { O_NONBLOCK, O_RDONLY } = constants;

/** The group may read it, as it may the snapshots beside it: another uid of the same fsGroup serves them next. */
const SECRET_MODE = 0o640;

export const nodeSmallFiles: SmallFiles = {
  read: path => withHandle(path, 'r', readWhole),

  readRegular: path =>
    withHandle(path, O_RDONLY | O_NONBLOCK, async handle => {
      if (!(await handle.stat()).isFile()) throw notRegular();
      return readWhole(handle);
    }),

  async writeSecret(path, text) {
    const unfinished = `${path}.tmp`;
    await rm(unfinished, { force: true });
    // `wx` never follows a link and never takes over a file, so that the mode is ours.
    await withHandle(unfinished, 'wx', async handle => {
      await handle.writeFile(text);
      await handle.sync();
    });
    await rename(unfinished, path);
    await nodeFiles.syncDirectory(dirname(path));
  },
};

async function withHandle<T>(
  path: string,
  flags: string | number,
  use: (handle: FileHandle) => Promise<T>,
): Promise<T> {
  const handle = await open(path, flags, SECRET_MODE);
  try {
    return await use(handle);
  } finally {
    await handle.close();
  }
}

/** From where the file stands, not by position: a pipe has none. One byte of room more tells what is too long. */
async function readWhole(handle: FileHandle): Promise<string> {
  const buffer = Buffer.alloc(SMALL_FILE_BYTES_MAX + 1);
  let length = 0;
  for (let read = -1; read !== 0 && length < buffer.length; length += read) {
    read = (await handle.read(buffer, length, buffer.length - length, null)).bytesRead;
  }
  if (length > SMALL_FILE_BYTES_MAX) throw tooLarge();
  return new TextDecoder('utf-8', { fatal: true }).decode(buffer.subarray(0, length));
}

function notRegular(): Error {
  return Object.assign(new Error('it is no regular file'), { code: 'EINVAL' });
}

function tooLarge(): Error {
  return Object.assign(new Error(`more than ${SMALL_FILE_BYTES_MAX} bytes`), { code: 'EFBIG' });
}
