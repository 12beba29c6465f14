/**
 * Copies what the page at /docs needs of swagger-ui into dist/docs-page/: its script, its style and its picture, and the
 * licence that goes with them. src/http/routes/docs.ts serves the first three by these names.
 */
import { cpSync, mkdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const FILES = [
  'swagger-ui-bundle.js',
  'swagger-ui.css',
  'favicon-32x32.png',
  'LICENSE',
  'NOTICE',
  'swagger-ui-bundle.js.LICENSE.txt',
];

const from = dirname(fileURLToPath(import.meta.resolve('swagger-ui-dist/package.json')));
const to = fileURLToPath(new URL('../dist/docs-page/', import.meta.url));

mkdirSync(to, { recursive: true });
for (const name of FILES) cpSync(join(from, name), join(to, name));
