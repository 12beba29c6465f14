/**
 * Files, as small as the snapshot needs them, so that tests own the disk. Paths are what the operating system
 * takes. Every method rejects with the system's error (`code`: ENOSPC, EIO …) and does nothing more then.
 */

export interface FileFacts {
  /** In bytes. */
  readonly size: number;
  /** Whether any name still leads to it: what is written to a file without one is gone with its descriptor. */
  readonly named: boolean;
}

export interface VolumeSpace {
  /** Bytes that this user may still write. */
  readonly free: number;
  /** Bytes of the whole volume. */
  readonly total: number;
}

/** An open file. */
export interface File {
  /** Reads up to `buffer.length` bytes at `position`; resolves with their number, 0 at the end. */
  read(buffer: Uint8Array, position: number): Promise<number>;
  /** Appends the bytes at the end of the file; may write fewer, as write(2) does, and resolves with their number. */
  append(bytes: Uint8Array): Promise<number>;
  /** fdatasync(2): what was appended is on the device, the file's size included. */
  sync(): Promise<void>;
  /** Cuts the file to `size` bytes. */
  truncate(size: number): Promise<void>;
  stat(): Promise<FileFacts>;
  close(): Promise<void>;
}

export interface Files {
  /**
   * Makes the directory and those above it (0750) where they are missing, each new one's parent fsynced.
   * One that is there is left as it is.
   */
  makeDirectory(path: string): Promise<void>;
  /** The names in a directory, in no order. */
  list(directory: string): Promise<string[]>;
  openForReading(path: string): Promise<File>;
  /** Makes a new file (0640) to append to; EEXIST where there is one. */
  create(path: string): Promise<File>;
  /** Replaces what stands at `to`, atomically. Durable after `syncDirectory`. */
  rename(from: string, to: string): Promise<void>;
  remove(path: string): Promise<void>;
  /** fsync(2) of a directory: the names that were made, moved and removed in it are on the device. */
  syncDirectory(path: string): Promise<void>;
  /** Of the volume that the directory is on. */
  space(directory: string): Promise<VolumeSpace>;
}

/** The lock of a directory, held until it is released or the process ends, however it ends. */
export interface DirectoryLock {
  release(): Promise<void>;
}

export interface Locks {
  /**
   * Tries once. Null: another process has it. Throws `lock_unavailable` where this machine has no way to lock,
   * and the system's error where the directory cannot be opened.
   */
  tryLock(directory: string): Promise<DirectoryLock | null>;
}
