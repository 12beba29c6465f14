/**
 * Writes dist/build.json, the commit that `/version` and `cairn --version` show (src/version.ts reads it). The commit is
 * `REVISION` of the environment, for builds without the repository at hand, else what git says; without both it is null.
 */
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';

function commitOfRepository() {
  try {
    return execFileSync('git', ['rev-parse', 'HEAD'], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    }).trim();
  } catch {
    return null;
  }
}

const commit = process.env.REVISION || commitOfRepository();
writeFileSync(new URL('../dist/build.json', import.meta.url), `${JSON.stringify({ commit })}\n`);
