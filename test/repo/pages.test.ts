/** The pages that a newcomer follows, one after the other, in one directory. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { root } from '../fixtures/repository.js';

const PAGES = ['README.md', 'docs/guide.md', 'docs/recipes.md', 'docs/operations.md'];

/** A backup over a file that is there is refused, so no page may write one that another has written. */
t.test('no two commands of the pages write a backup of the same name', t => {
  const written = PAGES.flatMap(page => {
    const text = readFileSync(join(root, page), 'utf8');
    return [...text.matchAll(/^\$ .*(?:> |--output )(\S+\.base)/gm)].map(([, name]) => `${name}`);
  });
  t.ok(written.length > 2, `${written}`);
  t.same(written, [...new Set(written)]);
  t.end();
});
