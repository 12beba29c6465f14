import { spawn } from 'node:child_process';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import t, { type Test } from 'tap';
import { CairnError } from '../../src/errors.js';
import {
  createPinoLogger,
  type PinoLoggerOptions,
  type ProcessLogger,
} from '../../src/platform/pino-logger.js';

// Text lines are in the time of the machine; this one is in a place where it is always the same.
process.env['TZ'] = 'UTC';

/** What a logger writes to a file while `use` runs. */
async function written(
  t: Test,
  options: Partial<PinoLoggerOptions>,
  use: (logger: ProcessLogger) => void,
): Promise<string> {
  const path = join(t.testdir(), 'log');
  const descriptor = openSync(path, 'w');
  const logger = createPinoLogger({
    level: 'info',
    format: 'json',
    colours: false,
    to: descriptor,
    ...options,
  });
  use(logger);
  await logger.flush();
  closeSync(descriptor);
  return readFileSync(path, 'utf8');
}

t.test('JSON: time, level as a word, the fields, the message', async t => {
  const text = await written(t, {}, logger => logger.warn({ keys: 3, url: 'http://x' }, 'ready'));
  t.equal(text.at(-1), '\n');
  const { time, ...line } = JSON.parse(text);
  t.same(line, { level: 'warn', keys: 3, url: 'http://x', msg: 'ready' });
  t.match(time, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
});

t.test('what is under the level is not logged', async t => {
  const text = await written(t, { level: 'warn' }, logger => {
    logger.debug({}, 'debug');
    logger.info({}, 'info');
    logger.warn({}, 'warn');
    logger.error({}, 'error');
  });
  t.same(
    text
      .trim()
      .split('\n')
      .map(line => JSON.parse(line).level),
    ['warn', 'error'],
  );
});

t.test('an error of ours comes with code, place and hint, and without its stack', async t => {
  const err = new CairnError('snapshot_damaged', 'a line is broken', {
    file: '00000007.log',
    offset: 120,
    cause: new Error('the reason'),
  });
  const { err: shown } = JSON.parse(await written(t, {}, logger => logger.error({ err }, 'damage')));
  t.match(shown, {
    code: 'snapshot_damaged',
    message: 'a line is broken',
    file: '00000007.log',
    offset: 120,
    cause: 'the reason',
  });
  t.notOk('stack' in shown);
});

t.test('any other error comes with its stack', async t => {
  const err = Object.assign(new TypeError('x is no function'), { code: 'ERR_X' });
  const { err: shown } = JSON.parse(await written(t, {}, logger => logger.error({ err }, 'defect')));
  t.match(shown, {
    type: 'TypeError',
    code: 'ERR_X',
    message: 'x is no function',
    stack: /pino-logger\.test/,
  });
});

t.test('text: short lines, the fields behind the message', async t => {
  const text = await written(t, { format: 'text' }, logger => {
    logger.info({ url: 'http://x', keys: 3, note: 'two words', list: [1] }, 'ready');
    logger.error({}, 'bad');
  });
  const [first, second] = text.split('\n');
  t.match(first, /^\d\d:\d\d:\d\d info {2}ready url=http:\/\/x keys=3 note="two words" list=\[1\]$/);
  t.match(second, /^\d\d:\d\d:\d\d error bad$/);
});

t.test('text: what a client sent cannot begin a line or move the cursor', async t => {
  const nasty = 'a\nb\r\u001b[2J\u009b1m\u2028';
  const text = await written(t, { format: 'text' }, logger => logger.info({ nasty, [nasty]: 1 }, nasty));
  t.equal(text.split('\n').length, 2, 'one line');
  t.notMatch(text.trimEnd(), /[\u0000-\u001f\u007f-\u009f\u2028]/);
});

t.test('text: colours only where they are asked for', async t => {
  const line = (colours: boolean) =>
    written(t, { format: 'text', colours }, logger => logger.error({ a: 1 }, 'bad'));
  t.notMatch(await line(false), '\u001b[');
  t.match(await line(true), '\u001b[31merror');
});

async function childOutput(...argv: string[]): Promise<string> {
  const script = fileURLToPath(new URL('../fixtures/log-child.ts', import.meta.url));
  const child = spawn(process.execPath, [...process.execArgv, script, ...argv], {
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  let output = '';
  for await (const chunk of child.stdout) output += chunk;
  return output;
}

for (const how of ['flush', 'exit', 'throw']) {
  t.test(`more lines than a pipe holds are all there after the process ended by ${how}`, async t => {
    const numbers = (await childOutput('3000', 'json', how))
      .trimEnd()
      .split('\n')
      .map(line => JSON.parse(line).number);
    t.equal(numbers.length, 3000);
    t.equal(new Set(numbers).size, 3000);
    if (how === 'flush')
      t.same(
        numbers,
        [...numbers].sort((a, b) => a - b),
        'in their order',
      );
  });
}
