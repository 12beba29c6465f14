import { readFile } from 'node:fs/promises';
import t from 'tap';
import { optionHelp } from '../../src/config/help.js';
import { optionList, variableOf } from '../../src/config/options.js';
import { configurationPage } from '../../src/config/page.js';

t.test('docs/configuration.md is what the tables say (if it is stale: npm run docs)', async t => {
  const file = await readFile(new URL('../../docs/configuration.md', import.meta.url), 'utf8');
  t.equal(file, configurationPage());
});

t.test('the page and the help have every option', async t => {
  const [page, help] = [configurationPage(), optionHelp().join('\n')];
  for (const option of optionList) {
    for (const text of [page, help]) {
      t.match(text, option.sentence);
      t.match(text, variableOf(option));
    }
  }
});

t.test('every option can be read back from its example', async t => {
  for (const option of optionList) {
    if (option.secret) continue;
    t.not(option.kind.parse(option.kind.example), undefined, option.name);
  }
});
