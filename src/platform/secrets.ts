/**
 * Small files of text: the configuration, and secrets. Apart from files.ts, since these are read whole and
 * replaced whole. Every method rejects with the system's error.
 */
export interface SmallFiles {
  /**
   * The whole file, as UTF-8, whether it is a file, a link or a pipe. Rejects with EFBIG over `SMALL_FILE_BYTES_MAX`
   * and with a TypeError for what is not UTF-8.
   */
  read(path: string): Promise<string>;
  /**
   * The same for what is looked at again and again: a file or a link to one, and nothing that may keep its reader
   * waiting. A pipe without a writer would hold a thread for ever, and the end of the process with it.
   */
  readRegular(path: string): Promise<string>;
  /**
   * Puts a file (0640) in the place of whatever is there: whole or not at all, and durable when it resolves. What
   * stands at `<path>.tmp` is taken away; two writers at once must be kept apart by the caller.
   */
  writeSecret(path: string, text: string): Promise<void>;
}
