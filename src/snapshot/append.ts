/** Appending all of some bytes: write(2) may take fewer, and says so only by its result. */
import type { File } from '../platform/files.js';

export async function appendAll(file: Pick<File, 'append'>, bytes: Uint8Array): Promise<void> {
  for (let done = 0; done < bytes.length; ) {
    const written = await file.append(done === 0 ? bytes : bytes.subarray(done));
    // A write that takes nothing and reports nothing would be tried for ever.
    if (written === 0) throw new Error('the file took no bytes');
    done += written;
  }
}
