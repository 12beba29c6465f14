/** Every bound of the client, with its unit and its reason. */

/** Milliseconds for one call with all of its repetitions, unless told otherwise. */
export const TIMEOUT_MS = 30_000;
/** Repetitions of one call, unless told otherwise. */
export const RETRIES = 3;
/** Milliseconds before the first repetition; doubled with each, and of that a random part is taken. */
export const BACKOFF_FIRST_MS = 100;
/** Milliseconds that no back-off is longer than. */
export const BACKOFF_LAST_MS = 5_000;
/** Milliseconds of a Retry-After that are still waited for; whoever is told to wait longer decides for himself. */
export const RETRY_AFTER_MS_MAX = 30_000;
/** Seconds for which one call waits for a change: below the 300 s after which Node's fetch gives up on an answer. */
export const WAIT_SECONDS_MAX = 240;
/** Milliseconds of silence after which a watch takes its connection for dead; the service says something every 15 s. */
export const SILENCE_MS = 45_000;
/** Characters of one line of an event stream: a value of 1 MiB with what stands around it, and room to spare. */
export const EVENT_CHARS_MAX = 4 * 1024 * 1024;
/** Characters of an import that are handed on at once. */
export const IMPORT_CHUNK_CHARS = 64 * 1024;
