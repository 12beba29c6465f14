#!/usr/bin/env node
/** The process: its words, streams and events go to the command line, whose exit code is its own. */
import { runCommandLine } from './commands/command-line.js';
import { printFailure } from './commands/failure.js';
import { type Io, inputOf, StreamOutput } from './commands/io.js';
import { exitCodes } from './exit-codes.js';

// Should the event loop run dry before the verb has come to its end, that is a defect, and no success.
process.exitCode = exitCodes.internal;

const stdout = new StreamOutput(process.stdout);
const io: Io = {
  stdin: inputOf(() => process.stdin),
  stdout,
  stderr: new StreamOutput(process.stderr),
  env: process.env,
  events: process,
  exit: code => process.exit(code),
};
const code = await runCommandLine(process.argv.slice(2), io);
const unprinted = code === exitCodes.ok ? await stdout.settled() : null;
process.exit(unprinted === null ? code : printFailure(unprinted, io, { stack: false }));
