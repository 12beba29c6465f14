/**
 * Who may import whom, as a table. A room is a folder of src/ or a file at its top; `engine` is two rooms, since
 * everybody may know the contract and nobody the engine behind it. A room that is not in the table has no place yet.
 */
import { posix } from 'node:path';
import t from 'tap';
import ts from 'typescript';
import { sources, type TextFile } from '../fixtures/repository.js';

interface Room {
  /** Rooms that it may import. */
  readonly from: readonly string[];
  /** Rooms of which it may import types. */
  readonly types?: readonly string[];
}

const words = ['model', 'errors', 'limits'];
const process = ['access', 'banner', 'config', 'exit-codes', 'version'];
const data = ['engine/engine', 'engine/memory', 'snapshot', 'store'];
const everything = [
  ...words,
  ...process,
  ...data,
  'condition',
  'duration',
  'instant',
  'histogram',
  'json',
  'platform',
  'service',
  'http',
  'commands',
  'cli',
  'app',
];

const rooms: Readonly<Record<string, Room>> = {
  model: { from: [] },
  errors: { from: [] },
  limits: { from: [] },
  condition: { from: words },
  duration: { from: words },
  instant: { from: words },
  histogram: { from: words },
  json: { from: words },
  platform: { from: words },
  snapshot: { from: [...words, 'histogram'], types: ['platform', 'engine/engine'] },
  store: { from: [...words, 'condition', 'json'], types: ['platform'] },
  'engine/engine': { from: [...words, 'histogram'] },
  'engine/memory': { from: [...words, 'engine/engine', 'snapshot', 'store'], types: ['platform'] },
  service: { from: [...words, 'condition', 'duration', 'json', 'engine/engine'], types: ['platform'] },
  http: {
    from: [
      ...words,
      'condition',
      'duration',
      'histogram',
      'instant',
      'json',
      'engine/engine',
      'service',
      'version',
    ],
    types: ['platform'],
  },
  version: { from: [] },
  'exit-codes': { from: words },
  config: { from: [...words, 'duration', 'exit-codes'] },
  access: { from: [...words, 'config', 'duration', 'instant', 'json', 'service'], types: ['platform'] },
  banner: { from: ['duration', 'version'], types: ['access', 'config', 'platform'] },
  client: { from: [] },
  cli: { from: [...words, 'duration', 'config', 'exit-codes', 'commands', 'client'] },
  commands: { from: everything },
  app: { from: everything },
  main: { from: everything },
};

/** Packages, and the parts of Node that reach outside the process, with the only places that may import them. */
const packages: Readonly<Record<string, readonly string[]>> = {
  koa: ['src/http/'],
  '@koa/router': ['src/http/'],
  'koa-bodyparser': ['src/http/'],
  'lru-cache': ['src/store/eviction.ts'],
  pino: ['src/platform/pino-logger.ts'],
  'prom-client': ['src/http/metrics-text.ts'],
  yaml: ['src/config/file.ts'],
  zod: ['src/http/openapi/'],
  'zod-openapi': ['src/http/openapi/'],
  ajv: ['src/service/schema.ts'],
  'ajv/dist/2020.js': ['src/service/schema.ts'],
  'ajv-formats': ['src/service/schema.ts'],
  'node:fs': ['src/platform/'],
  'node:fs/promises': ['src/platform/'],
  'node:child_process': ['src/platform/'],
};

/** Parts of Node that compute, or that a room needs for its own work. */
const harmless =
  /^node:(buffer|crypto|events|http|module|net|os|path|stream|stream\/promises|url|util|v8|zlib)$/;

interface Import {
  readonly from: string;
  readonly typeOnly: boolean;
}

function importsOf({ path, text }: TextFile): Import[] {
  const found: Import[] = [];
  const visit = (node: ts.Node): void => {
    const specifier = specifierOf(node);
    if (specifier !== undefined) found.push({ from: specifier.text, typeOnly: isTypeOnly(node) });
    ts.forEachChild(node, visit);
  };
  visit(ts.createSourceFile(path, text, ts.ScriptTarget.Latest));
  return found;
}

function specifierOf(node: ts.Node): ts.StringLiteral | undefined {
  const specifier =
    ts.isImportDeclaration(node) || ts.isExportDeclaration(node)
      ? node.moduleSpecifier
      : ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword
        ? node.arguments[0]
        : undefined;
  return specifier !== undefined && ts.isStringLiteral(specifier) ? specifier : undefined;
}

function isTypeOnly(node: ts.Node): boolean {
  if (ts.isExportDeclaration(node)) return node.isTypeOnly;
  if (!ts.isImportDeclaration(node) || node.importClause === undefined) return false;
  const { name, namedBindings, phaseModifier } = node.importClause;
  if (phaseModifier === ts.SyntaxKind.TypeKeyword) return true;
  if (name !== undefined || namedBindings === undefined || !ts.isNamedImports(namedBindings)) return false;
  return namedBindings.elements.every(element => element.isTypeOnly);
}

function roomOf(path: string): string {
  const [first = '', second] = path
    .replace(/^src\//, '')
    .replace(/\.(ts|js)$/, '')
    .split('/');
  return first === 'engine' ? `engine/${second === 'engine' ? 'engine' : 'memory'}` : first;
}

function breaches(file: TextFile): string[] {
  const room = rooms[roomOf(file.path)];
  if (room === undefined) return [`${file.path} is in no room of the table`];
  return importsOf(file).flatMap(({ from, typeOnly }) => {
    const allowed = from.startsWith('.')
      ? mayImportRoom(file.path, room, posix.join(posix.dirname(file.path), from), typeOnly)
      : mayImportPackage(file.path, from, typeOnly);
    return allowed ? [] : [`${file.path} may not import ${from}${typeOnly ? ' (types)' : ''}`];
  });
}

function mayImportRoom(path: string, room: Room, target: string, typeOnly: boolean): boolean {
  const other = roomOf(target);
  if (other === roomOf(path) || room.from.includes(other)) return true;
  return typeOnly && (room.types ?? []).includes(other);
}

function mayImportPackage(path: string, name: string, typeOnly: boolean): boolean {
  const places = packages[name];
  if (places === undefined) return harmless.test(name) || (typeOnly && name.startsWith('node:'));
  return places.some(place => path.startsWith(place));
}

t.test('every import in src/ goes the way the table allows', async t => {
  t.strictSame(sources('src').flatMap(breaches), []);
});

const forbidden: readonly (readonly [string, string])[] = [
  ['src/store/store.ts', "import { serve } from '../http/server.js';"],
  ['src/store/store.ts', "import { systemClock } from '../platform/clock.js';"],
  ['src/service/keys.ts', "import { MemoryEngine } from '../engine/memory.js';"],
  ['src/http/routes/kv.ts', "import { Store } from '../../store/store.js';"],
  ['src/http/routes/kv.ts', "export { Store } from '../../store/store.js';"],
  ['src/model.ts', "import type { ErrorCode } from './errors.js';"],
  ['src/service/keys.ts', "import Koa from 'koa';"],
  ['src/service/rules.ts', "import { Ajv } from 'ajv';"],
  ['src/store/leaves.ts', "import { LRUCache } from 'lru-cache';"],
  ['src/snapshot/writer.ts', "import { open } from 'node:fs/promises';"],
  ['src/snapshot/writer.ts', "const fs = await import('node:fs');"],
  ['src/http/server.ts', "import pino from 'pino';"],
  ['src/http/routes/openapi.ts', "import { z } from 'zod';"],
  ['src/http/server.ts', "import express from 'express';"],
  ['src/shed/tool.ts', ''],
];

t.test('the table refuses', async t => {
  for (const [path, text] of forbidden) t.equal(breaches({ path, text }).length, 1, `${path}: ${text}`);
});

const allowed: readonly (readonly [string, string])[] = [
  ['src/store/store.ts', "import type { Clock } from '../platform/clock.js';"],
  ['src/store/store.ts', "import { type Clock } from '../platform/clock.js';"],
  ['src/http/routes/kv.ts', "import type { Engine } from '../../engine/engine.js';"],
  ['src/store/eviction.ts', "import { LRUCache } from 'lru-cache';"],
  ['src/platform/node-files.ts', "import { open } from 'node:fs/promises';"],
];

t.test('the table allows', async t => {
  for (const [path, text] of allowed) t.strictSame(breaches({ path, text }), [], `${path}: ${text}`);
});
