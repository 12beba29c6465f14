import { readFile } from 'node:fs/promises';
import t from 'tap';
import { serviceCodes } from '../../src/client/errors.js';
import { errorsPage } from '../../src/commands/errors-page.js';
import { help } from '../../src/commands/help.js';
import { errorTable } from '../../src/errors.js';
import { answeredCodes } from '../../src/http/problem.js';
import { MemoryIo } from '../fixtures/memory-io.js';

t.test('docs/errors.md is what the table says (if it is stale: npm run docs)', async t => {
  const file = await readFile(new URL('../../docs/errors.md', import.meta.url), 'utf8');
  t.equal(file, errorsPage());
});

t.test('`cairn help errors --markdown` prints it', async t => {
  const io = new MemoryIo();
  t.equal(await help(['errors', '--markdown'], io), 0);
  t.equal(io.stdout.text, errorsPage());
});

t.test('the page has every code, with when and what to do', async t => {
  const page = errorsPage();
  for (const [code, { when, hint }] of Object.entries(errorTable)) {
    t.match(page, new RegExp(`^\\| \`${code}\` \\| \\d+ \\|`, 'm'), code);
    for (const text of [when, hint]) t.ok(page.includes(text.replaceAll('|', '\\|')), `${code}: ${text}`);
  }
});

t.test('the client knows every code that an answer can have', async t => {
  t.strictSame(new Set<string>(serviceCodes), answeredCodes);
});
