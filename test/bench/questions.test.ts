/** Two of the questions on a small scale: that their answers are right is checked on the way, by the benches themselves. */
import t from 'tap';
import { history } from '../../bench/history.js';
import { parseOptions } from '../../bench/options.js';
import { page } from '../../bench/page.js';
import type { Findings } from '../../bench/report.js';
import { watch } from '../../bench/watch.js';
import { Workbench } from '../../bench/workbench.js';
import { MAIN } from '../fixtures/service-process.js';

/** Milliseconds; each question starts two services. */
const TIME_MAX = 120_000;
const SMALL = ['--cairn', MAIN, '--rounds', '1', '--connections', '2', '--requests', '300'];

t.setTimeout(TIME_MAX);

async function answered(
  question: (bench: Workbench, options: ReturnType<typeof parseOptions>) => Promise<Findings>,
  args: readonly string[],
): Promise<string[]> {
  const bench = new Workbench(AbortSignal.timeout(TIME_MAX));
  try {
    const { tables } = await question(bench, parseOptions([...SMALL, ...args]));
    return tables.flatMap(({ rows }) => rows.map(([name = '']) => name));
  } finally {
    await bench.close();
  }
}

t.test('pages of few keys and of many are asked for, and are right', async t => {
  const names = await answered(page, ['--page-keys', '3000', '--page-requests', '50']);
  t.same(names, ['1,000 keys', '3,000 keys']);
});

t.test('values are put where a history is kept, and where none is', async t => {
  t.same(await answered(history, ['--history-keys', '10']), ['history off', '100 versions']);
});

t.test('every watcher is told of every write, and GETs are answered beside idle ones', async t => {
  t.same(await answered(watch, ['--watchers', '20', '--keys', '50']), [
    '1',
    '20',
    'no watchers',
    '20 watchers',
  ]);
});
