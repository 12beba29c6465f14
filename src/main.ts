#!/usr/bin/env node
/** The process: its words, streams and events go to the command line, whose exit code is its own. */
import { runCommandLine } from './commands/command-line.js';
import { ignoreBrokenPipe, inputOf, outputOf } from './commands/io.js';
import { exitCodes } from './exit-codes.js';

// Should the event loop run dry before the verb has come to its end, that is a defect, and no success.
process.exitCode = exitCodes.internal;

ignoreBrokenPipe(process.stdout);
ignoreBrokenPipe(process.stderr);

const code = await runCommandLine(process.argv.slice(2), {
  stdin: inputOf(() => process.stdin),
  stdout: outputOf(process.stdout),
  stderr: outputOf(process.stderr),
  env: process.env,
  events: process,
  exit: code => process.exit(code),
});
process.exit(code);
