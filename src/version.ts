/**
 * Which Cairn this is. The version stands in package.json, one directory above this file in the sources and in
 * `dist` alike, so an image needs that file too. The commit stands in `build.json` beside the compiled file, which
 * the build writes; it is null where nobody built.
 */
import { createRequire } from 'node:module';

export interface VersionFacts {
  readonly version: string;
  readonly commit: string | null;
  /** The version of Node.js, without its `v`. */
  readonly node: string;
}

const require = createRequire(import.meta.url);

export function readVersion(): VersionFacts {
  const { version }: { version: string } = require('../package.json');
  return { version, commit: readCommit(), node: process.versions.node };
}

function readCommit(): string | null {
  try {
    const { commit }: { commit?: unknown } = require('./build.json');
    return typeof commit === 'string' && commit !== '' ? commit : null;
  } catch {
    return null;
  }
}

/** `0.1.0 (3f2a9c1)`, or the version alone. */
export function formatVersion({ version, commit }: VersionFacts): string {
  return commit === null ? version : `${version} (${commit.slice(0, 7)})`;
}
