/** The table of settings as the help of `cairn serve`. */
import { mayComeFrom, type Option, optionList, variableOf } from './options.js';

const MACHINE_FREE = { heapLimitBytes: 0 };
const INDENT = '      ';

export function optionHelp(): string[] {
  const lines: string[] = [];
  let group = '';
  for (const option of optionList) {
    if (option.group !== group) lines.push(...(group === '' ? [] : ['']), `${option.group}:`);
    group = option.group;
    lines.push(`  ${heading(option)}`, `${INDENT}${option.sentence}`, `${INDENT}[${facts(option)}]`);
  }
  return [...lines, '', ...closing];
}

const closing = [
  'A flag goes before its variable, that before the file, that before the default. Every key of the file is',
  'the name of a flag; collections stand only there. `cairn config` prints what is in force, and from where.',
];

function heading(option: Option<unknown>): string {
  if (!mayComeFrom(option, 'flag')) return variableOf(option);
  return `--${option.name}${option.kind.placeholder === '' ? '' : `=${option.kind.placeholder}`}`;
}

function facts(option: Option<unknown>): string {
  const variables = mayComeFrom(option, 'flag') ? variablesOf(option) : 'no flag';
  return `${variables}; default ${defaultOf(option)}`;
}

export function variablesOf(option: Option<unknown>): string {
  return [variableOf(option), ...(option.alsoVariable === undefined ? [] : [option.alsoVariable])].join(', ');
}

export function defaultOf(option: Option<unknown>): string {
  return option.fallbackWords ?? option.kind.show(option.fallback(MACHINE_FREE));
}
