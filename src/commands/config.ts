/**
 * `cairn config`: what is in force, where each value came from, in the form of a configuration file: kept as one, it
 * gives the same configuration. What may not stand in a file, the token above all, is a comment.
 */

import { mayComeFrom } from '../config/options.js';
import type { Reading, Setting } from '../config.js';
import { exitCodes } from '../exit-codes.js';
import { compileSchemas } from '../service/schema.js';
import type { Io } from './io.js';
import { readConfigHere } from './reading.js';

export async function config(argv: readonly string[], io: Io): Promise<number> {
  const reading = await readConfigHere(argv, io);
  await compileSchemas(reading.config.policies);
  io.stdout.write(`${configLines(reading).join('\n')}\n`);
  return exitCodes.ok;
}

const ORIGIN_COLUMN = 40;

export function configLines({ settings, collections }: Reading): string[] {
  const lines = settings.map(settingLine);
  lines.push('collections:');
  let collection = '';
  for (const setting of collections) {
    if (setting.collection !== collection) lines.push(`  ${setting.collection}:`);
    collection = setting.collection;
    lines.push(
      withOrigin(
        `    ${setting.key}: ${setting.json ? setting.shown : scalar(setting.shown)}`,
        setting.origin,
      ),
    );
  }
  return lines;
}

function settingLine({ option, shown, origin }: Setting): string {
  if (shown !== '' && mayComeFrom(option, 'file')) {
    return withOrigin(`${option.name}: ${scalar(shown)}`, origin.name);
  }
  return withOrigin(`# ${option.name}: ${shown === '' ? 'none' : shown}`, origin.name);
}

function withOrigin(text: string, origin: string): string {
  return `${text.padEnd(ORIGIN_COLUMN)} # ${origin}`;
}

/** Quoted where YAML might read something else than this text. */
function scalar(text: string): string {
  return /^[\w./-]+$/.test(text) ? text : JSON.stringify(text);
}
