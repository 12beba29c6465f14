/** The table of errors says what can happen: every code in it is thrown somewhere, or it tells of nothing. */
import t from 'tap';
import { errorTable } from '../../src/errors.js';
import { sources, type TextFile } from '../fixtures/repository.js';

/** Codes that no file gives as a string. Keys of other tables, without quotes, do not count. */
function unused(codes: readonly string[], files: readonly TextFile[]): string[] {
  const text = files.map(file => file.text).join('\n');
  return codes.filter(code => !text.includes(`'${code}'`));
}

t.test('every code of the table is thrown somewhere in src/', async t => {
  const others = sources('src').filter(file => file.path !== 'src/errors.ts');
  t.strictSame(unused(Object.keys(errorTable), others), []);
});

t.test('a code that nobody throws is found', async t => {
  const file = {
    path: 'src/a.ts',
    text: "throw new CairnError('usage', 'x');\nconst status = { gone: 410 };",
  };
  t.strictSame(unused(['usage', 'gone'], [file]), ['gone']);
});
