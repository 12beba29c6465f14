/** Figures as Markdown tables, which can be read in a terminal and kept in README.md as they are. */
import type { Machine } from './machine.js';
import { type Spread, spreadOf } from './statistics.js';

export interface Table {
  readonly title: string;
  readonly head: readonly string[];
  readonly rows: readonly (readonly string[])[];
  readonly notes: readonly string[];
}

/** What a question found: tables for people, and the same with every round for programs. */
export interface Findings {
  readonly tables: readonly Table[];
  readonly data: unknown;
}

/** For a figure that this machine cannot give. */
export const UNKNOWN = '–';

export function formatTable({ title, head, rows, notes }: Table): string {
  const widths = head.map((_, column) => Math.max(...[head, ...rows].map(row => row[column]?.length ?? 0)));
  const line = (cells: readonly string[]) =>
    `| ${cells.map((cell, i) => pad(cell, i, widths)).join(' | ')} |`;
  const rule = widths.map((width, column) =>
    column === 0 ? '-'.repeat(width) : `${'-'.repeat(width - 1)}:`,
  );
  return [`### ${title}`, '', line(head), line(rule), ...rows.map(line), '', ...notes, ''].join('\n');
}

function pad(cell: string, column: number, widths: readonly number[]): string {
  return column === 0 ? cell.padEnd(widths[column]!) : cell.padStart(widths[column]!);
}

export function formatMachine(machine: Machine, command: string): string {
  const bound = machine.pinned
    ? 'Servers are bound to core 0, the load generator to core 1.'
    : 'Nothing is bound to a core: taskset(1) or a second core is missing.';
  return [
    `${machine.cpu}, ${machine.cores} cores, ${machine.platform}; Node ${machine.node}; commit ${machine.commit};`,
    `${machine.date} UTC. ${bound}`,
    `Repeat it: \`${command}\``,
    '',
  ].join('\n');
}

/** Median and range of what could be measured in every round. */
export function formatSpread(values: readonly (number | null)[], digits: number): string {
  const known = values.filter(value => value !== null);
  if (known.length === 0 || known.length < values.length) return UNKNOWN;
  const { median, min, max }: Spread = spreadOf(known);
  return `${formatNumber(median, digits)} (${formatNumber(min, digits)}–${formatNumber(max, digits)})`;
}

export function formatMedian(values: readonly (number | null)[], digits: number): string {
  const known = values.filter(value => value !== null);
  return known.length === 0 ? UNKNOWN : formatNumber(spreadOf(known).median, digits);
}

export function formatNumber(value: number, digits: number): string {
  return value.toLocaleString('en-US', { minimumFractionDigits: digits, maximumFractionDigits: digits });
}
