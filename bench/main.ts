/**
 * The benches' command: asks the questions that are named, or all, prints the tables, and leaves nothing behind,
 * however it ends. Everything happens on the loopback address.
 */
import { writeFileSync } from 'node:fs';
import { baseStall } from './base-stall.js';
import { getSet } from './get-set.js';
import { history } from './history.js';
import { describeMachine } from './machine.js';
import { helpText, type Options, parseOptions } from './options.js';
import { page } from './page.js';
import { type Findings, formatMachine, formatTable } from './report.js';
import { slowClients } from './slow-clients.js';
import { startUp } from './start-up.js';
import { transfer } from './transfer.js';
import { watch } from './watch.js';
import { Workbench } from './workbench.js';

type Question = (bench: Workbench, options: Options) => Promise<Findings>;

const questions: Readonly<Record<string, Question>> = {
  'get-set': getSet,
  'start-up': startUp,
  base: baseStall,
  transfer,
  page,
  history,
  watch,
  'slow-clients': slowClients,
};

async function main(args: readonly string[]): Promise<void> {
  if (args.includes('--help')) return void process.stdout.write(helpText(Object.keys(questions)));
  const options = parseOptions(args);
  const asked = options.questions.length === 0 ? Object.keys(questions) : options.questions;
  const stop = new AbortController();
  process.on('SIGINT', () => stop.abort(new Error('Interrupted.')));
  process.on('SIGTERM', () => stop.abort(new Error('Terminated.')));
  const limit = setTimeout(
    () => stop.abort(new Error(`Not done in ${options.timeLimitSeconds} s (--time-limit).`)),
    options.timeLimitSeconds * 1000,
  );
  const bench = new Workbench(stop.signal);
  try {
    await answer(asked, bench, options, ['npm run bench --', ...args].join(' '));
  } catch (error) {
    // Servers that end at the same Ctrl-C make errors of their own, which only hide the reason.
    throw stop.signal.aborted ? stop.signal.reason : error;
  } finally {
    clearTimeout(limit);
    await bench.close();
  }
}

async function answer(
  asked: readonly string[],
  bench: Workbench,
  options: Options,
  command: string,
): Promise<void> {
  const machine = describeMachine(bench.pinned);
  process.stdout.write(formatMachine(machine, command));
  const results: Record<string, unknown> = {};
  for (const name of asked) {
    const question = questions[name];
    if (question === undefined)
      throw new Error(`No question "${name}".\n${helpText(Object.keys(questions))}`);
    const { tables, data } = await question(bench, options);
    process.stdout.write(`\n${tables.map(formatTable).join('\n')}`);
    results[name] = data;
  }
  if (options.json === null) return;
  writeFileSync(options.json, `${JSON.stringify({ machine, command, results }, null, 2)}\n`);
}

try {
  await main(process.argv.slice(2));
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}
