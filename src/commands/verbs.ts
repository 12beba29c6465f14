/**
 * The verbs of the command line. Each is loaded only when it is called: the service must not pay for the others at
 * its start, nor a health check every few seconds for the service.
 */
import type { Verb } from './io.js';

export interface VerbEntry {
  /** One or two words. */
  readonly name: string;
  readonly usage: string;
  /** One sentence. */
  readonly summary: string;
  /** More for its own help, line by line. */
  readonly details?: readonly string[];
  /** Whether it takes the flags of `serve`. */
  readonly configured: boolean;
  load(): Promise<Verb>;
}

export const verbs: readonly VerbEntry[] = [
  {
    name: 'serve',
    usage: 'cairn serve [flags]',
    summary: 'Starts the service; flags without a verb mean this.',
    configured: true,
    load: async () => (await import('./serve.js')).serve,
  },
  {
    name: 'verify',
    usage: 'cairn verify [DIR | flags]',
    summary: 'Checks the snapshots of a directory and changes nothing; also while it is served.',
    details: ['Without DIR it takes the snapshot-dir in force. Exit code 0: sound, 65: damaged.'],
    configured: true,
    load: async () => (await import('./verify.js')).verify,
  },
  {
    name: 'backup',
    usage: 'cairn backup [DIR | flags]',
    summary: 'Writes the state of a directory as one file, to stdout; also while it is served.',
    details: [
      '--output FILE writes it there instead: the file appears whole or not at all. --force replaces one that is there.',
      'Without DIR it takes the snapshot-dir in force. What it wrote is told on stderr. Exit code 65: DIR is damaged.',
    ],
    configured: true,
    load: async () => (await import('./backup.js')).backup,
  },
  {
    name: 'restore',
    usage: 'cairn restore FILE|- [DIR]',
    summary: 'Brings a backup, or any .base file, into a directory that is not served.',
    details: [
      '--dry-run reads and checks all of the backup, and writes nothing.',
      '--force is needed where DIR holds snapshots: they are moved into DIR/replaced-<number>, and not deleted.',
      'Without DIR it takes the snapshot-dir in force; - is stdin. Exit code 65: the backup is not whole.',
    ],
    configured: true,
    load: async () => (await import('./restore.js')).restore,
  },
  {
    name: 'repair',
    usage: 'cairn repair [DIR | flags]',
    summary: 'Makes a damaged directory, not served, readable: by --prefix or --salvage.',
    details: [
      '--prefix keeps the state as it was just before the damage, and nothing behind it.',
      '--salvage keeps all that can be read; what was lost in between is missing from it.',
      '--dry-run says what each would keep and lose, and changes nothing.',
      'The files of before are moved into DIR/before-repair-<number>, and not deleted. A sound directory is left alone.',
      'Without DIR it takes the snapshot-dir in force. Exit code 65: nothing of it can be repaired.',
    ],
    configured: true,
    load: async () => (await import('./repair.js')).repair,
  },
  {
    name: 'config',
    usage: 'cairn config [flags]',
    summary: 'Prints what is in force and where each value came from, as a file that --config reads.',
    configured: true,
    load: async () => (await import('./config.js')).config,
  },
  {
    name: 'token create',
    usage: 'cairn token create --id NAME [--read SCOPE]… [--write SCOPE]…',
    summary: 'Makes a token that may do less: prints it, and its entry for the file of --tokens.',
    details: [
      'A SCOPE is a collection, or a collection and a prefix: kv, configs:app/, "*", "*:app/". Each flag may be repeated.',
      '--expires is a duration from now, such as 30d, or a day or an instant, such as 2026-12-31; without it: never.',
      'The first line of the output is the token; it is kept nowhere and cannot be shown again. The rest is the entry.',
    ],
    configured: true,
    load: async () => (await import('./token.js')).tokenCreate,
  },
  {
    name: 'token show',
    usage: 'cairn token show [flags]',
    summary: 'Prints the token in force.',
    details: ['Exit code 1: there is none, or none is needed.'],
    configured: true,
    load: async () => (await import('./token.js')).tokenShow,
  },
  {
    name: 'healthcheck',
    usage: 'cairn healthcheck [flags]',
    summary: 'Asks the process that this configuration starts whether it is ready.',
    details: ['GET /readyz, at most 2 s. Exit code 0: ready, 1: not.'],
    configured: true,
    load: async () => (await import('../cli/healthcheck.js')).healthcheck,
  },
  {
    name: 'version',
    usage: 'cairn version',
    summary: 'Prints the version, the commit that it was built from, and that of Node.js.',
    configured: false,
    load: async () => (await import('./version.js')).version,
  },
  {
    name: 'help',
    usage: 'cairn help [verb]',
    summary: 'Prints this, or all about a verb.',
    configured: false,
    load: async () => (await import('./help.js')).help,
  },
];
