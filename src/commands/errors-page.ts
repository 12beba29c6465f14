/** docs/errors.md, made from the table of the codes and from what each becomes: `cairn help errors --markdown`. */
import { CairnError, type ErrorCode, errorTable } from '../errors.js';
import { exitCodeOf, exitCodes } from '../exit-codes.js';
import { answeredCodes, statusIn, statusOf } from '../http/problem.js';

export function errorsPage(): string {
  return [
    '# Errors',
    '',
    '<!-- Made by `npm run docs` from src/errors.ts. Edits here are lost. -->',
    '',
    ...opening,
    '',
    '## Answers to a request',
    '',
    ...table(['code', 'status', 'when', 'what to do'], codes.filter(isAnswer).map(answerCells)),
    '',
    ...statusNotes(),
    '',
    '## Ends of the process and of commands',
    '',
    'One line of JSON on stderr with `code`, `message` and `hint`, and the place where it is about damage; on a terminal',
    'the same in words.',
    '',
    ...table(['code', 'exit code', 'when', 'what to do'], codes.filter(isEnd).map(endCells)),
    '',
  ].join('\n');
}

const codes = Object.keys(errorTable).filter((code): code is ErrorCode => code in errorTable);

const opening = [
  'Programs match on `code`, which is part of the contract; the words around it may change. An error of a request is',
  'JSON, and its `hint` says what would have worked, often better than this table can:',
  '',
  '```json',
  '{"status":"error","message":"…","code":"unknown_field","hint":"…"}',
  '```',
  '',
  'With `Accept: application/problem+json` it is that of RFC 9457:',
  '',
  '```json',
  '{"type":"about:blank","title":"Bad Request","status":400,"detail":"…","code":"unknown_field","hint":"…"}',
  '```',
  '',
  'Two paths word theirs as the services have it that users come from: `/get` for a key that is not there, with `status`',
  'and `message` alone, and `/config` with `error` (the status), `message`, `success` and, where that service does not know',
  'the error, `code` and `hint`. What is no request at all (a broken header, TLS) has the first form, whatever it accepts.',
  '',
  'More members, where they are known: `current` (the change id that a condition met), `field` and `key` (a value that',
  'another document has), `pointer` and `rule` (of a schema), `op` (of a batch, from 0), `line` and `imported` (of an',
  'import), `outcome` (whether a write that failed is in memory: `not_applied`, `unknown`). The id of the request is in',
  '`X-Request-Id`, and in the log.',
];

function isAnswer(code: ErrorCode): boolean {
  return answeredCodes.has(code);
}

/** Those that end a process by themselves; every other one that did would be a defect. */
function isEnd(code: ErrorCode): boolean {
  return exitOf(code) !== exitCodes.internal || code === 'internal';
}

function exitOf(code: ErrorCode): number {
  return exitCodeOf(new CairnError(code, code));
}

function answerCells(code: ErrorCode): string[] {
  const { when, hint } = errorTable[code];
  return [`\`${code}\``, String(statusOf(code)), when, hint];
}

function endCells(code: ErrorCode): string[] {
  const { when, hint } = errorTable[code];
  return [`\`${code}\``, String(exitOf(code)), when, hint];
}

function statusNotes(): string[] {
  const others = codes.filter(code => statusIn(code, 'service') !== statusOf(code));
  return [
    `On \`/config\` these are 422: ${others.map(code => `\`${code}\``).join(', ')}. A 503 and a 429 have \`Retry-After\`, a 405`,
    'has `Allow`, a 401 `WWW-Authenticate`, a 415 of a patch `Accept-Patch`.',
  ];
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string[] {
  const line = (cells: readonly string[]) =>
    `| ${cells.map(cell => cell.replaceAll('|', '\\|')).join(' | ')} |`;
  return [line(head), `|${head.map(() => '---').join('|')}|`, ...rows.map(line)];
}
