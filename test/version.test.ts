import { createRequire } from 'node:module';
import t from 'tap';
import { formatVersion, readVersion } from '../src/version.js';

const { version }: { version: string } = createRequire(import.meta.url)('../package.json');

t.same(
  readVersion(),
  { version, commit: null, node: process.versions.node },
  'from the sources there is no commit',
);
t.equal(formatVersion({ version: '1.2.3', commit: null, node: '20' }), '1.2.3');
t.equal(formatVersion({ version: '1.2.3', commit: '0123456789abcdef', node: '20' }), '1.2.3 (0123456)');
