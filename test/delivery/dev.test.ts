/** `make dev` is scripts/dev.js: here over a service of a few lines, which compiles as the real one does. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import t, { type Test } from 'tap';
import { root } from '../fixtures/repository.js';

/** Says that it serves, with its flags, and that it has flushed when it is told to stop. */
const service = (version: string): string => `
const alive = setInterval(() => {}, 1000);
process.on('SIGTERM', () => { clearInterval(alive); setImmediate(() => console.log('flushed ${version}')); });
console.log('serving ${version} ' + process.argv.slice(2).join(' '));
`;

class Dev {
  readonly lines: string[] = [];
  readonly #child: ChildProcess;
  readonly #directory: string;
  #wake: () => void = () => {};

  private constructor(directory: string) {
    this.#directory = directory;
    this.#child = spawn(process.execPath, ['scripts/dev.js', '--port=4000'], {
      cwd: directory,
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { PATH: process.env['PATH'] },
    });
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      if (stream !== null) createInterface(stream).on('line', line => this.#take(line));
    }
    this.#child.on('close', () => this.#take('closed'));
  }

  static async start(t: Test, code: string): Promise<Dev> {
    const directory = mkdtempSync(join(tmpdir(), 'cairn-test-'));
    mkdirSync(join(directory, 'src'));
    mkdirSync(join(directory, 'scripts'));
    for (const name of ['dev.js', 'copy-docs-page.js', 'write-build-facts.js'])
      cpSync(join(root, 'scripts', name), join(directory, 'scripts', name));
    for (const name of ['package.json', 'tsconfig.json', 'src/tsconfig.json'])
      cpSync(join(root, name), join(directory, name));
    symlinkSync(join(root, 'node_modules'), join(directory, 'node_modules'));
    writeFileSync(join(directory, 'src/main.ts'), code);
    const dev = new Dev(directory);
    t.teardown(async () => {
      await dev.stop('SIGTERM');
      rmSync(directory, { recursive: true });
    });
    return dev;
  }

  save(code: string): void {
    writeFileSync(join(this.#directory, 'src/main.ts'), code);
  }

  /** Waits for a line that matches, and takes away what came before it. */
  async until(pattern: RegExp): Promise<readonly string[]> {
    for (;;) {
      const at = this.lines.findIndex(line => pattern.test(line));
      if (at >= 0) return this.lines.splice(0, at + 1);
      if (this.lines.includes('closed'))
        throw new Error(`it ended before ${pattern}: ${this.lines.join('\n')}`);
      await new Promise<void>(resolve => {
        this.#wake = resolve;
      });
    }
  }

  async stop(signal: NodeJS.Signals): Promise<number | null> {
    if (this.#child.exitCode === null) {
      this.#child.kill(signal);
      await once(this.#child, 'close');
    }
    return this.#child.exitCode;
  }

  #take(line: string): void {
    this.lines.push(line);
    this.#wake();
  }
}

t.test('a save starts the service anew, after the one before has flushed', async t => {
  const dev = await Dev.start(t, service('one'));
  t.match((await dev.until(/^serving/)).at(-1), 'serving one serve --port=4000');
  dev.save(service('two'));
  const lines = await dev.until(/^serving two/);
  t.ok(lines.includes('flushed one'), `${lines}`);

  t.comment('an error leaves it as it is');
  dev.save(`${service('three')}\nconst text: string = 1;`);
  const failure = await dev.until(/goes on as it was/);
  t.ok(
    failure.some(line => /main\.ts.*TS2322/.test(line)),
    `${failure}`,
  );
  t.notOk(failure.some(line => /flushed|serving/.test(line)));

  t.comment('one that ends by itself starts with the next save');
  dev.save("console.log('serving four'); process.exitCode = 78;");
  await dev.until(/^serving four/);
  await dev.until(/the service ended \(exit 78\)/);
  dev.save(service('five'));
  await dev.until(/^serving five/);

  t.equal(await dev.stop('SIGINT'), 0);
  t.match(dev.lines, ['flushed five', 'closed'], 'and a stop waits for it too');
});
