/** docs/configuration.md, made from the tables that the parsing uses. */
import { exitCodes } from '../exit-codes.js';
import { builtInNames, members, policyOf, reservedNames } from './collections.js';
import { defaultOf, variablesOf } from './help.js';
import { mayComeFrom, type Option, optionList } from './options.js';

export function configurationPage(): string {
  return [
    '# Configuration',
    '',
    '<!-- Made by `npm run docs` from src/config/. Edits here are lost. -->',
    '',
    ...opening,
    '',
    '## Settings',
    '',
    ...table(['flag', 'variable', 'default', 'value', 'meaning'], optionList.map(optionCells)),
    '',
    ...valueNotes,
    '',
    '## Collections',
    '',
    ...collectionNotes(),
    '',
    '## Exit codes',
    '',
    ...table(
      ['code', 'meaning'],
      Object.entries(exitMeanings).map(([name, meaning]) => [codeOf(name), meaning]),
    ),
    '',
  ].join('\n');
}

const opening = [
  'A flag goes before its variable, the variable before the file (`--config`, YAML or JSON, read once at the',
  'start), the file before the default. The keys of the file are the names of the flags without their dashes.',
  '`cairn config` prints what is in force and where each value came from, in a form that can be kept as a file.',
  '',
  'A name that is not in this table (a flag, a `CAIRN_…` variable, a key of the file) ends the start with a',
  'suggestion, and so do a wrong value, an empty variable and a flag given twice. Variables that Kubernetes',
  'injects for a Service named `cairn` or `cairn-…` are passed over: `CAIRN_PORT=tcp://…`, `CAIRN_SERVICE_…`,',
  '`CAIRN_PORT_…`, `CAIRN_…_SERVICE_HOST` and their like.',
];

const valueNotes = [
  '- Durations: `500ms`, `30s`, `5m`, `2h`, `7d`; a bare number is seconds.',
  '- Sizes, as Kubernetes has them: `64MiB` or `64Mi` is 64 × 1024 × 1024 bytes, `512M` or `512MB` 512 million; a bare',
  '  number is bytes.',
  '- Paths are relative to the working directory, in the file too.',
  '- Secrets come from the environment or from a file of their own, never from a flag, which every process list',
  '  shows.',
];

function optionCells(option: Option<unknown>): string[] {
  const flag = mayComeFrom(option, 'flag') ? `\`--${option.name}\`` : 'none';
  const notInFile = mayComeFrom(option, 'file') ? '' : ' Not in the file.';
  const variables = variablesOf(option).replace(', ', '`, `');
  return [flag, `\`${variables}\``, defaultOf(option), option.kind.rule, `${option.sentence}${notInFile}`];
}

function collectionNotes(): string[] {
  return [
    'They stand under `collections` in the file and nowhere else. What a section does not name keeps its built-in',
    'value; a collection of your own begins as `configs` does, but for its id. `kv` takes its durability from',
    '`--durability` where that is a flag or a variable.',
    '',
    '```yaml',
    'collections:',
    '  sessions:',
    '    ttl: 12h',
    '  notes:',
    '    entries: 10000',
    '    bytes: 32MiB',
    '    full: evict',
    '```',
    '',
    ...table(
      ['key', 'value', 'meaning'],
      Object.values(members).map(({ key, kind, sentence }) => [`\`${key}\``, kind.rule, sentence]),
    ),
    '',
    ...table(['built in', ...Object.values(members).map(({ key }) => key)], builtInNames.map(policyCells)),
    '',
    'What makes room where a collection evicts goes with the write that needs it, while nothing else runs: some 50 ms',
    'where a value of 1 MiB takes the place of thousands of small ones. Keep the two apart.',
    '',
    'A schema holds for the writes that follow it; `cairn config` and the start refuse one that cannot be used: an',
    'unknown keyword or format, a reference out of it. Its `$schema` says which draft, 2020-12 where it is missing.',
    'A `format: email` is the check of `emails`.',
    '',
    '```yaml',
    'collections:',
    '  teams:',
    '    schema:',
    '      type: object',
    '      properties: { owner: { type: string, format: email } }',
    '      required: [owner]',
    '  ports:',
    '    schema: schemas/ports.json',
    '```',
    '',
    'A name is 1 to 63 of `a-z`, `0-9` and `-`, and begins with a letter. Reserved, as first words of paths:',
    `${[...reservedNames]
      .sort()
      .map(name => `\`${name}\``)
      .join(', ')}.`,
  ];
}

function policyCells(name: string): string[] {
  const policy = policyOf(name);
  return [
    `\`${name}\``,
    members.durability.kind.show(policy.durability),
    members.defaultTtl.kind.show(policy.defaultTtl),
    members.entriesMax.kind.show(policy.entriesMax),
    members.bytesMax.kind.show(policy.bytesMax),
    members.full.kind.show(policy.full),
    members.idField.kind.show(policy.idField),
    members.generatedId.kind.show(policy.generatedId),
    members.schema.kind.show(policy.schema),
    members.required.kind.show(policy.required),
    members.emails.kind.show(policy.emails),
    members.unique.kind.show(policy.unique),
    members.history.kind.show(policy.history),
    members.historyTtl.kind.show(policy.historyTtl),
  ];
}

const exitMeanings: Readonly<Record<keyof typeof exitCodes, string>> = {
  ok: 'Done; of the service: stopped cleanly, everything flushed.',
  failed: 'The answer is no: not ready, no token.',
  usage: 'The command line is wrong.',
  damaged: 'A snapshot is damaged, or belongs to another store or a newer Cairn.',
  unavailable: 'The machine lacks something: no way to lock a directory.',
  internal: 'A defect of Cairn.',
  storage: 'The volume is full or fails.',
  temporary: 'Another process has the directory or the port.',
  denied: 'The snapshot directory cannot be made, read or written.',
  configuration: 'A variable, the configuration file, or a file that it names is wrong.',
};

function codeOf(name: string): string {
  return String(Object.entries(exitCodes).find(([candidate]) => candidate === name)?.[1]);
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string[] {
  const line = (cells: readonly string[]) =>
    `| ${cells.map(cell => cell.replaceAll('|', '\\|')).join(' | ')} |`;
  return [line(head), `|${head.map(() => '---').join('|')}|`, ...rows.map(line)];
}
