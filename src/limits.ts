/**
 * Every bound that Cairn puts on a size, a time or a queue, with its unit and its reason. This file imports
 * nothing. What a person may change is in config.ts, which takes its defaults from here.
 */

const KIB = 1024;
const MIB = 1024 * KIB;

// Keys and values

/** UTF-8 bytes; long enough for any path of names, short enough for a URL behind every proxy. */
export const KEY_BYTES_MAX = 512;
/** Bytes of JSON text; etcd takes 1.5 MiB a request, and both engines must keep the same promise. */
export const VALUE_BYTES_MAX = MIB;
/** Nesting of a value. JSON.parse takes a million levels, JSON.stringify fails at some thousands. */
export const VALUE_DEPTH_MAX = 64;
/** What may stand around a value in a body: its key, its ttl, white space. */
export const BODY_ENVELOPE_BYTES = 16 * KIB;
/** Bytes of a request body that carries one value. */
export const BODY_BYTES_MAX = VALUE_BYTES_MAX + BODY_ENVELOPE_BYTES;
/** Ten years, leap days included, in milliseconds: a longer life is a mistake of the unit. */
export const TTL_MS_MAX = 10 * 365.25 * 24 * 3600 * 1000;

/** Operations of one JSON Patch. */
export const PATCH_OPERATIONS_MAX = 1_000;
/** Bytes that one patch may read and move: a patch of some lines must not double a document thirty times. */
export const PATCH_BYTES_MAX = 8 * MIB;
/** Members and elements, of the patch and of the document, that one patch may take apart: some 50 ms. */
export const PATCH_PARTS_MAX = 50_000;
/** Members and elements, of both texts together, that a diff takes apart before it replaces the document: some 40 ms. */
export const DIFF_PARTS_MAX = 40_000;
/** Bytes that it goes over for it: two values of any size, and what lies within them where that is smaller. */
export const DIFF_BYTES_MAX = 3 * MIB;
/** Bytes that a diff may have beyond the document that it leads to. */
export const DIFF_SPARE_BYTES = 64 * KIB;
/** Bytes of all versions of a service from which on their answer is made while it is read. */
export const CONFIG_STREAM_BYTES = MIB;
/** Versions in the answer to `?history`, or to `/config`, that is made at once; a longer one is made while it is read. */
export const HISTORY_AT_ONCE_MAX = 1_000;
/** UTF-8 bytes of the comment on a version. */
export const COMMENT_BYTES_MAX = 1_000;

// Requests

/** Bytes of request line and headers together; Node answers 431 above it. */
export const HEADER_BYTES_MAX = 16 * KIB;
export const HEADERS_MAX = 100;
/** Milliseconds for all headers to arrive. */
export const HEADERS_TIMEOUT_MS = 10_000;
/** Milliseconds for a whole request to arrive. */
export const REQUEST_TIMEOUT_MS = 30_000;
/** Milliseconds an idle connection is kept: longer than the 60 s of usual load balancers. */
export const KEEP_ALIVE_TIMEOUT_MS = 65_000;
/** Milliseconds between two looks at connections that are late. */
export const CONNECTIONS_CHECK_MS = 5_000;
/** Requests of one connection that wait for an answer (pipelining); more are answered 503. */
export const UNANSWERED_PER_CONNECTION_MAX = 1_000;
/** Turns of the event loop, in each of which a connection came, until work in slices goes on: some 10 ms. */
export const ARRIVALS_TURNS_MAX = 32;
/** Connections beyond the most there may be, on which only probes are answered: a full service is not a dead one. */
export const PROBE_CONNECTIONS = 16;
/** Milliseconds after SIGTERM until idle connections are closed: what is on its way is still answered. */
export const IDLE_GRACE_MS = 200;
/** Milliseconds after SIGTERM for requests in flight. */
export const DRAIN_MS = 10_000;
/** Milliseconds after SIGTERM for bodies that are read as they come: the fsync and the answer need some of the rest. */
export const DRAIN_BODIES_MS = 8_000;
/** Milliseconds that a connection with an unread, refused body is kept for its answer to arrive. */
export const LINGER_MS = 1_000;
/** Open connections, unless set: more than a cluster of pods keeps, and a bound on what a flood can cost. */
export const CONNECTIONS_MAX = 10_000;

/**
 * Bytes of all bodies that are on their way together, as a share of the heap limit, and at least one of the largest: one
 * more is refused before it is read. While a batch of 8 MiB is handled it takes three to four times its bytes: the body,
 * the texts within, and with an id put in, those again.
 */
export const BODIES_HEAP_SHARE = 1 / 8;
export const BODIES_BYTES_MIN = 8 * MIB;
/** Bytes of a body that is read in any case, though it counts: no more than its headers may cost. */
export const BODY_SMALL_BYTES = 16 * KIB;
/** Of the memory that a container has, what counts as the heap at most where V8 would have more. */
export const HEAP_CONTAINER_SHARE = 0.6;
/** Bytes of all long answers that wait for their readers together, as a share of the heap limit, and at least. */
export const ANSWERS_HEAP_SHARE = 1 / 8;
export const ANSWERS_BYTES_MIN = 16 * MIB;
/** Dates that are kept as texts, of some 100 bytes each. */
export const HTTP_DATES_MAX = 4_096;
/** Parts of long answers, each of `EXPORT_CHUNK_BYTES` at most, that are made in one turn: a millisecond or less. */
export const ANSWER_PARTS_A_TURN = 4;
/** Milliseconds for which a reader may take nothing where more than that waits for readers. */
export const ANSWER_STALLED_MS = 10_000;

// Documents

/** UTF-8 bytes of an email address, as RFC 5321 §4.5.3.1.3 has it, less the brackets around it. */
export const EMAIL_BYTES_MAX = 254;
/** References of a JSON Schema that one check follows: a schema that refers to itself twice doubles them with each level. */
export const SCHEMA_STEPS_MAX = 100_000;
/** Nesting of a JSON Schema in a file: an anchor within itself has no end. */
export const SCHEMA_DEPTH_MAX = 100;

// Views

/** Values within a document that is shown as `?as=env|yaml`: nothing else runs meanwhile. */
export const VIEW_PARTS_MAX = 25_000;
/** Bytes of such a form: names that repeat, or indentation, could make a thousand MiB of a document. */
export const VIEW_BYTES_MAX = 4 * MIB;
/** Bytes of data in a ConfigMap, as Kubernetes has it (`MaxSecretSize`). */
export const CONFIG_MAP_BYTES_MAX = MIB;

// Lists

/** Documents of one page. */
export const LIST_LIMIT_MAX = 1_000;
/** Bytes of keys and values after which a page ends sooner. */
export const LIST_BYTES_MAX = 4 * MIB;
/** Bytes of values from which on a page is made while it is read. */
export const LIST_STREAM_BYTES = 256 * KIB;
/** Documents that are looked at for one page of a `where`. */
export const LIST_LOOKS_MAX = 10_000;
/** Bytes of values that are looked at for one page of a `where`, once for each that looks. */
export const LIST_LOOK_BYTES_MAX = 16 * MIB;
/** Conditions of one list. */
export const WHERES_MAX = 16;
/** Bytes of an array that a condition goes over before it pauses: it takes some milliseconds at most. */
export const WHERE_STEP_BYTES = 16 * KIB;
/** Values within one that is compared with a condition: more than fit into the headers of a request. */
export const WHERE_PARTS_MAX = 20_000;
/**
 * Documents that are taken out of the store at once, and milliseconds of looking at documents, of whoever asks and however
 * many do, before others have a turn.
 */
export const LIST_SLICE = 250;
export const LIST_SLICE_MS = 5;

// Many at once

/** Operations of one batch. */
export const BATCH_OPERATIONS_MAX = 100;
/** Bytes of the body of one batch: its changes must fit into one line of the snapshot with room to spare. */
export const BATCH_BYTES_MAX = 8 * MIB;
/** Bytes of a batch that is read, and whose documents are looked at, in one turn: some milliseconds. */
export const BATCH_AT_ONCE_BYTES = 256 * KIB;
/** Members of one operation of a batch that are looked at: more of them are wrong whatever they are. */
export const BATCH_MEMBERS_MAX = 32;
/** Bytes of one line of an import. */
export const IMPORT_LINE_BYTES_MAX = BODY_BYTES_MAX;
/** Bytes of keys and values of an import that are stored at once; no more than `CHANGES_SLICE` lines are. */
export const IMPORT_SLICE_BYTES = MIB;
/** Milliseconds of storing lines of an import before others have a turn. */
export const IMPORT_SLICE_MS = 5;
/** Bytes that an import holds while it comes, at most: two slices, and a line that is not whole in up to twice its room. */
export const IMPORT_HELD_BYTES = 2 * IMPORT_SLICE_BYTES + 2 * IMPORT_LINE_BYTES_MAX;
/** Milliseconds until an import tries again what an overloaded volume did not take, and for how long it does. */
export const IMPORT_PAUSE_MS = 100;
export const IMPORT_PATIENCE_MS = 60_000;
/** Milliseconds between two lines of an import that tells its progress. */
export const IMPORT_PROGRESS_MS = 1_000;
/** Milliseconds that nothing of a body may come that is read as it comes: it may take longer than any other request. */
export const BODY_PAUSE_MS = 30_000;
/** Bytes of lines of an export that are handed on at once. */
export const EXPORT_CHUNK_BYTES = 64 * KIB;
/** Bytes of one file of the page at /docs. */
export const ASSET_BYTES_MAX = 4 * MIB;
/** Milliseconds for which the reader of a long answer may take nothing of it; it may be a person with a pager. */
export const READER_PAUSE_MS = 600_000;

// Watch

/** Watches and waits at the same time: each holds a connection. */
export const WATCHERS_MAX = 10_000;
/** Changes that are kept for those who come back, and bytes of their keys, texts and notes. */
export const WINDOW_CHANGES_MAX = 10_000;
export const WINDOW_BYTES_MAX = 32 * MIB;
/** Bytes of events that wait for one watcher; it is cut off then, and may resume. */
export const WATCH_BACKLOG_BYTES_MAX = MIB;
/** Bytes of events that wait for all watchers together that take nothing, as a share of the heap limit, and at least. */
export const EVENTS_HEAP_SHARE = 1 / 16;
export const EVENTS_BYTES_MIN = 16 * MIB;
/** Milliseconds between two comment lines of a stream of events: proxies close what is silent for half a minute. */
export const WATCH_HEARTBEAT_MS = 15_000;
/** Milliseconds for which a call may wait for a change. */
export const WAIT_MS_MAX = 600_000;
/** Milliseconds of handing out events, and bytes for the sockets, before others have a turn. */
export const WATCH_SLICE_MS = 5;
export const WATCH_SLICE_BYTES = MIB;
/** Waits that are answered in one turn: each reads a document and makes an answer, some 0.1 ms. */
export const WAITS_A_TURN = 32;
/** Changes that are taken from the window at once, and bytes of their keys and texts after which those end sooner. */
export const WATCH_CHANGES = 256;
export const WATCH_BYTES = 256 * KIB;
/** Watchers that changes are handed to at once: some milliseconds; one change is handed to all. */
export const WATCH_OFFERS = 10_000;
/** Documents of the state that are looked up for a watcher at once. */
export const WATCH_ENTRIES = 100;
/** Bytes that are handed to the socket of a watcher at once, and up to twice that where no more is left. */
export const WATCH_CHUNK_BYTES = 64 * KIB;
/** Rounds in which no more changes are handed out, because who takes all has not got all: a full queue, behind one value. */
export const WATCH_LATE_ROUNDS_MAX = (WATCH_BACKLOG_BYTES_MAX + 2 * VALUE_BYTES_MAX) / WATCH_CHUNK_BYTES;
/** Milliseconds until a client comes back to a watch that ended; after a stop up to so many more, so that not all come at once. */
export const WATCH_RETRY_MS = 2_000;
export const WATCH_RETRY_SPREAD_MS = 3_000;
/** Milliseconds after SIGTERM until the watches are cut whose readers did not take the end. */
export const WATCH_END_MS = 1_000;

// Access

/** Characters of a token: fewer can be guessed, and are mostly a word such as `changeme`. */
export const TOKEN_CHARS_MIN = 16;
/** Characters of a token: it must fit into a header with room to spare. */
export const TOKEN_CHARS_MAX = 1_024;
/** Bytes of randomness in a token that Cairn makes. */
export const TOKEN_RANDOM_BYTES = 32;
/** Tokens of the file of them: a person keeps it. */
export const TOKENS_MAX = 1_000;
/** Bytes of that file: a thousand tokens of some 500 bytes. */
export const TOKENS_BYTES_MAX = 512 * KIB;
/** Bytes of one token in YAML, which is parsed in one turn: some milliseconds, or some 30 where it is made to take long. */
export const TOKEN_YAML_BYTES_MAX = 2 * KIB;
/** Lists and mappings within each other in that file: its own form has three. */
export const TOKENS_NESTING_MAX = 8;
/** Collections and prefixes that one token may read, and that it may write: each list goes through all of them. */
export const TOKEN_SCOPES_MAX = 100;
/** Milliseconds between two looks at that file. */
export const TOKENS_CHECK_MS = 2_000;
/** Wrong tokens from one address; more are told to wait. */
export const FAILED_LOGINS_PER_MINUTE = 10;
/** Addresses, or tokens, whose requests are counted at the same time. */
export const CALLERS_MAX = 10_000;
/** Changes of one commit that are told by a line of the log each; of more there is one line for all of a collection. */
export const AUDIT_LINES_MAX = 100;

// Log

/** Bytes of log lines that wait for a reader that stands still; the newest after them are dropped. */
export const LOG_BUFFER_BYTES_MAX = 4 * MIB;
/** Milliseconds that the end of the process waits for its last log lines. */
export const LOG_FLUSH_MS = 1_000;
/** Milliseconds from an error that nobody caught to the end of the process. */
export const CRASH_MS = 2_000;

// Configuration and command line

/** Milliseconds that `cairn healthcheck` waits for the answer. */
export const HEALTHCHECK_MS = 2_000;
/** Milliseconds until a verb begins to show its progress, and between two times it does. */
export const PROGRESS_MS = 1_000;
/** Milliseconds that a verb waits for the lock of a directory: whoever stopped the service may just have done so. */
export const VERB_LOCK_WAIT_MS = 2_000;
/** Bytes that a repair reads at once where the device fails: what one bad place costs. */
export const PATIENT_READ_BYTES = 4 * KIB;
/** Lines that are looked for within a wrong one: more are no accident of single bytes. */
export const LINES_WITHIN_MAX = 64;
/** Places of damage that a repair tells one by one; of the rest it tells how many. */
export const LOST_PLACES_MAX = 100;
/** Lists and mappings within each other in a configuration or schema file: more than a schema may have. */
export const YAML_NESTING_MAX = 256;
/** Bytes of a configuration or token file; what is larger was named by mistake. */
export const SMALL_FILE_BYTES_MAX = MIB;

// Memory

/** Bytes of all collections together that may be set: there must be room for one value. */
export const MEMORY_BYTES_MIN = 2 * MIB;

/**
 * Bytes that an entry is counted with beside its key and value: what one costs as objects, before it is packed or where
 * its text is too long for that. The heap of 500,000 entries of 8 and of 60 bytes, less their keys and texts, came to
 * 139 to 143 an entry on Node 20; the rest is room for the collector, the queue and a base being made. A packed one
 * costs 24. A deadline, and the order of use, cost about 80 more each and are not counted.
 */
export const ENTRY_OVERHEAD_BYTES = 192;
/** Versions of a key that a policy can bound a history to; without a bound it grows with every version. */
export const HISTORY_DEPTH_MAX = 10_000;
/**
 * What a key with a history counts for beside its versions, and a version beside its text and note. Measured on Node 20
 * (test/store/history-memory.test.ts): 510 to 600 bytes for 2 versions, 115 to 155 for each of 20 to 1,000, of which 24
 * each for a name and a comment that a start has read as strings of their own.
 */
export const HISTORY_OVERHEAD_BYTES = 256;
export const VERSION_OVERHEAD_BYTES = 160;
/** Milliseconds for which a start indexes unique fields before others have their turn. */
export const INDEX_SLICE_MS = 10;
/** Bytes of a unique value from which on the index keeps its SHA-256 in its place. */
export const CLAIM_BYTES_MAX = 64;
/** What a unique value costs beside its bytes in the index. */
export const CLAIM_OVERHEAD_BYTES = 128;
/** Keys in a leaf of the ordered store; a larger Map stalls longer when it grows. */
export const LEAF_KEYS_MAX = 2_048;
/** Changes of a leaf that stay objects until it is packed anew: more of them cost memory, fewer more packing. */
export const LEAF_LOOSE_MAX = 512;
/** Bytes of a text that is packed: to pack a leaf anew copies all of its texts, and a long one saves little. */
export const PACKED_TEXT_BYTES_MAX = 512;
/**
 * Changes that stand in one group when many expire or are evicted, and that are made in one turn of the event loop when
 * many expire, or a start finds more than a smaller bound allows. What one commit displaces goes in its own turn, since
 * bounds hold when it is answered: at 6 to 12 µs each, some 50 ms for the 5,250 small entries that a value of 1 MiB takes
 * the place of, and 300 ms for the 37,000 of a batch of 7 MiB. Entries are counted with `ENTRY_OVERHEAD_BYTES`, so no
 * commit displaces more than 43,000.
 */
export const CHANGES_SLICE = 500;
/** Milliseconds until expiry looks again at what it could not take away yet. */
export const EXPIRY_PAUSE_MS = 250;
/** Milliseconds that the wall clock may run ahead of the monotonic one before expiry waits. */
export const CLOCK_JUMP_MS = 60_000;
/** Milliseconds that expiry waits then. */
export const CLOCK_FREEZE_MS = 30_000;

// Snapshot

/** Milliseconds between two appends of periodic changes. */
export const SNAPSHOT_INTERVAL_MS = 1_000;
/** What it may be set to: a disk has hardly more than a hundred fsyncs a second, and a minute is much to lose. */
export const INTERVAL_MS_MIN = 10;
export const INTERVAL_MS_MAX = 60_000;
/** Bytes of one line of a snapshot file; a reader keeps no more than this. */
export const LINE_BYTES_MAX = 16 * MIB;
/**
 * Bytes of changes at which a line goes out before its interval is over. To write one, and to read one, takes some
 * milliseconds and a few times its bytes in memory.
 */
export const LINE_BYTES_TARGET = MIB;
/** Bytes of changes that may wait for their fsync; over it writes are refused as overloaded. */
export const UNDURABLE_BYTES_MAX = 32 * MIB;
/** Milliseconds, beyond the interval, that the oldest may wait: a disk slower than this is overloaded. */
export const UNDURABLE_MS_MAX = 1_000;
/** Milliseconds after the last batch until a `mark` proves it durable. */
export const MARK_AFTER_MS = 1_000;
/** Log bytes since the newest base under which no base is made, however small it was. */
export const ROTATE_BYTES_MIN = 64 * MIB;
/** Logs since the newest base. */
export const ROTATE_LOGS_MAX = 16;
/** Milliseconds of a slice of the base before the event loop has its turn. */
export const BASE_SLICE_MS = 2;
/** Bytes of entries in one line of a base: it is encoded at once, in about a millisecond. */
export const BASE_LINE_BYTES = 64 * KIB;
/** Bytes of a base between two fsyncs: so much an fsync of the log may have to wait for. */
export const BASE_SYNC_BYTES = 4 * MIB;
/** What an entry takes in a base beside its key and text, about. */
export const BASE_ROW_BYTES = 64;
/** Milliseconds between attempts to begin a new log after a failure: doubled from the first to the last. */
export const RETRY_FIRST_MS = 250;
export const RETRY_LAST_MS = 10_000;
/** Bytes of the volume that are kept free of growth: for the queue, for deletions and for a smaller base. */
export const SPACE_RESERVE_BYTES = 64 * MIB;
/** The same as a share of the volume, for small ones; the lesser counts. */
export const SPACE_RESERVE_SHARE = 0.1;
/** Milliseconds, and bytes written, after which the free space is looked at again. */
export const SPACE_CHECK_MS = 1_000;
export const SPACE_CHECK_BYTES = 4 * MIB;
/** Bytes of logs under which no base is made for the sake of space. */
export const SPACE_ROTATE_BYTES_MIN = MIB;
/** Milliseconds for which a stop tries to bring what waits to a volume that fails. */
export const CLOSE_TRIES_MS = 5_000;
/** Milliseconds that a stop waits for a volume that does not answer. */
export const CLOSE_MS = 10_000;
/** Milliseconds to wait for the lock of the directory: an old pod may still be draining. */
export const LOCK_WAIT_MS = 30_000;
/** Milliseconds between attempts: doubled from the first to the last. */
export const LOCK_RETRY_FIRST_MS = 200;
export const LOCK_RETRY_LAST_MS = 1_000;
/** Milliseconds for the program that locks; it never waits for the lock, only a hung file system holds it up. */
export const LOCK_COMMAND_MS = 10_000;
/** Milliseconds between two lines about a load that takes long. */
export const LOAD_PROGRESS_MS = 1_000;

// Metrics

/** Upper bounds in seconds: of the buckets for requests, and for a line of the log with its fsync. */
export const REQUEST_SECONDS: readonly number[] = [
  0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10,
];
export const FSYNC_SECONDS: readonly number[] = [
  0.000_5, 0.001, 0.002, 0.004, 0.008, 0.016, 0.032, 0.064, 0.128, 0.256, 0.512, 1.024, 2.048, 4.096, 8.192,
];
/** Different statuses that answers have, with room to spare: what is counted by status has so many places. */
export const STATUSES_MAX = 64;
/** Connections on the port of the metrics alone: scrapers and probes. */
export const METRICS_CONNECTIONS_MAX = 100;
/** Milliseconds that a scrape in flight has at the end of the process. */
export const METRICS_DRAIN_MS = 500;
