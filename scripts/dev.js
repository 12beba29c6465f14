/**
 * Serves what src/ holds and starts anew whenever it was saved and compiles: `make dev`, and compose.yaml in a
 * container.
 *
 *   node scripts/dev.js [FLAG OF SERVE …]
 *
 * While there are errors the last one that compiled goes on. The next process starts only after the one before has
 * ended, with everything flushed, so that both may have the same port and directory. SIGINT, SIGTERM and SIGHUP stop
 * both, the compiler and the service; what stands in dist/ beside the compiled files is made first.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const COMPILER = ['node_modules/typescript/bin/tsc', '-p', 'src', '--watch', '--preserveWatchOutput'];
const SERVICE = ['--max-semi-space-size=16', '--enable-source-maps', 'dist/main.js', 'serve'];
const COMPILED = /Found (\d+) errors?\. Watching for file changes/;

let service = null;
/** What is being done with the service; the next thing waits for it. */
let turn = Promise.resolve();
let isDue = false;
let isStopping = false;

function say(words) {
  process.stderr.write(`dev: ${words}\n`);
}

function start() {
  // In a group of its own: Ctrl-C comes to this process alone, which passes it on once.
  const child = spawn(process.execPath, [...SERVICE, ...process.argv.slice(2)], {
    cwd: root,
    detached: true,
    stdio: 'inherit',
  });
  service = { child, ended: once(child, 'exit') };
  service.ended.then(([code, signal]) => {
    if (service?.child === child)
      say(`the service ended (${signal ?? `exit ${code}`}); it starts with the next save`);
  });
}

async function stop() {
  const last = service;
  service = null;
  last?.child.kill('SIGTERM');
  await last?.ended;
}

function restart() {
  if (isDue) return;
  isDue = true;
  turn = turn.then(async () => {
    isDue = false;
    await stop();
    if (!isStopping) start();
  });
}

async function end(code) {
  if (isStopping) return;
  isStopping = true;
  compiler.kill();
  await turn;
  await stop();
  process.exit(code);
}

for (const script of ['copy-docs-page.js', 'write-build-facts.js'])
  await import(new URL(script, import.meta.url));

const compiler = spawn(process.execPath, COMPILER, { cwd: root, stdio: ['ignore', 'pipe', 'inherit'] });
compiler.on('exit', code => {
  if (!isStopping) say(`the compiler ended (exit ${code})`);
  void end(1);
});
createInterface(compiler.stdout).on('line', line => {
  if (line !== '') process.stderr.write(`${line}\n`);
  const found = COMPILED.exec(line);
  if (found === null) return;
  if (found[1] === '0') restart();
  else say(service === null ? 'it starts when this compiles' : 'the service goes on as it was');
});
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => void end(0));
say('compiling; then it serves, and starts anew at each save');
