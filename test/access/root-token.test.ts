import { mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import {
  type AccessConfig,
  findToken,
  isLoopback,
  provideAccess,
  reasonForNone,
} from '../../src/access/root-token.js';
import { nodeSmallFiles } from '../../src/platform/node-secrets.js';
import type { SmallFiles } from '../../src/platform/secrets.js';

const TOKEN = 'a-token-of-20-letters';
const MADE = 'BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc';

const config: AccessConfig = {
  auth: 'auto',
  host: '0.0.0.0',
  token: null,
  tokenFile: null,
  tokensFile: null,
  snapshotDir: '/s',
};
const randomBytes = (size: number) => new Uint8Array(size).fill(7);

/** Small files in memory; reading or writing can be made to fail. */
class MemoryFiles implements SmallFiles {
  readonly texts: Map<string, string>;
  readFailure: string | null = null;
  writeFailure: string | null = null;

  constructor(texts: Record<string, string> = {}) {
    this.texts = new Map(Object.entries(texts));
  }

  async read(path: string): Promise<string> {
    failWith(this.readFailure);
    const text = this.texts.get(path);
    if (text === undefined) throw Object.assign(new Error('none'), { code: 'ENOENT' });
    return text;
  }

  readRegular(path: string): Promise<string> {
    return this.read(path);
  }

  async writeSecret(path: string, text: string): Promise<void> {
    failWith(this.writeFailure);
    this.texts.set(path, text);
  }
}

function failWith(code: string | null): void {
  if (code !== null) throw Object.assign(new Error('told to'), { code });
}

const failure = (promise: Promise<unknown>) =>
  promise.then(
    () => {
      throw new Error('it was taken');
    },
    (error: unknown) => error,
  );

for (const host of [
  '127.0.0.1',
  '127.255.3.4',
  '::1',
  '0:0:0:0:0:0:0:1',
  '::ffff:127.0.0.1',
  'localhost',
  'LOCALHOST',
  'localhost.',
]) {
  t.ok(isLoopback(host), `${host} is loopback`);
}
for (const host of [
  '0.0.0.0',
  '::',
  '128.0.0.1',
  '10.0.0.1',
  '::2',
  'localhost.example.org',
  'example.org',
  'localhos',
  '127.0.0.1.example.org',
]) {
  t.notOk(isLoopback(host), `${host} is not loopback`);
}

const loopback = { host: '127.0.0.1' };
const cases: readonly (readonly [string, Partial<AccessConfig>, 'off' | 'loopback' | null])[] = [
  ['auto on loopback, none given', loopback, 'loopback'],
  ['auto on loopback, one in the variable', { ...loopback, token: TOKEN }, null],
  ['auto on loopback, one in a file', { ...loopback, tokenFile: '/t' }, null],
  ['auto on loopback, some in the file of tokens', { ...loopback, tokensFile: '/ts' }, null],
  ['off, though there is a file of tokens', { auth: 'off', tokensFile: '/ts' }, 'off'],
  ['auto on an address that others reach', {}, null],
  ['on, on loopback', { ...loopback, auth: 'on' }, null],
  ['off, on an address that others reach', { auth: 'off' }, 'off'],
  ['off, though one is given', { auth: 'off', token: TOKEN }, 'off'],
];
for (const [what, part, reason] of cases) {
  t.equal(reasonForNone({ ...config, ...part }), reason, `${what}: ${reason ?? 'needed'}`);
}

t.test('where none is needed none is read or made', async t => {
  const smallFiles = new MemoryFiles({ '/s/token': 'broken' });
  const access = await provideAccess({ ...config, ...loopback }, { smallFiles, randomBytes });
  t.same(access, { needed: false, reason: 'loopback' });
});

t.test('the variable goes before what is kept', async t => {
  const smallFiles = new MemoryFiles({ '/s/token': `${MADE}\n` });
  const access = await provideAccess({ ...config, token: TOKEN }, { smallFiles, randomBytes });
  t.same(access, { needed: true, token: TOKEN, origin: 'variable' });
});

t.test('one newline at the end of a file is not part of the token', async t => {
  for (const end of ['', '\n', '\r\n']) {
    const smallFiles = new MemoryFiles({ '/t': TOKEN + end });
    t.same(await findToken({ ...config, tokenFile: '/t' }, smallFiles), {
      needed: true,
      token: TOKEN,
      origin: 'file',
    });
  }
});

for (const [what, content, words] of [
  ['empty', '', 'is empty'],
  ['a newline', '\n', 'is empty'],
  ['too short', 'changeme', 'holds no token'],
  ['two newlines', `${TOKEN}\n\n`, 'holds no token'],
  ['two words', `Bearer ${TOKEN}`, 'holds no token'],
] as const) {
  t.test(`a token file that is ${what} is refused, and not shown`, async t => {
    const error = await failure(
      findToken({ ...config, tokenFile: '/t' }, new MemoryFiles({ '/t': content })),
    );
    t.match(error, {
      code: 'configuration',
      message: `/t ${words}: it must be 16 to 1024 visible ASCII characters`,
    });
    t.notMatch(String(error), content.trim() || 'nothing-to-show');
  });
}

t.test('a token file that is not there is not replaced by a made token', async t => {
  const smallFiles = new MemoryFiles();
  const error = await failure(provideAccess({ ...config, tokenFile: '/t' }, { smallFiles, randomBytes }));
  t.match(error, { code: 'configuration', message: 'The token file /t cannot be read: ENOENT.' });
  t.equal(smallFiles.texts.size, 0);
});

t.test('the first start makes a token, the next one finds it', async t => {
  const smallFiles = new MemoryFiles();
  t.equal(await findToken(config, smallFiles), null);
  t.same(await provideAccess(config, { smallFiles, randomBytes }), {
    needed: true,
    token: MADE,
    origin: 'made',
  });
  t.same(await provideAccess(config, { smallFiles, randomBytes: () => new Uint8Array(32) }), {
    needed: true,
    token: MADE,
    origin: 'kept',
  });
});

t.test('a kept token that is broken is no reason for a new one', async t => {
  const smallFiles = new MemoryFiles({ '/s/token': '' });
  const error = await failure(provideAccess(config, { smallFiles, randomBytes }));
  t.match(error, { code: 'configuration', message: '/s/token is empty' });
});

t.test('a token that cannot be read is not taken for a missing one', async t => {
  const smallFiles = new MemoryFiles();
  smallFiles.readFailure = 'EACCES';
  const error = await failure(provideAccess(config, { smallFiles, randomBytes }));
  t.match(error, { code: 'snapshot_denied', message: 'The token in /s/token cannot be read: EACCES.' });
});

t.test('a token that cannot be kept is not used', async t => {
  const smallFiles = new MemoryFiles();
  smallFiles.writeFailure = 'EROFS';
  const error = await failure(provideAccess(config, { smallFiles, randomBytes }));
  t.match(error, { code: 'snapshot_denied', message: 'A token cannot be kept in /s/token: EROFS.' });
});

t.test('on the real disk the file is its owner’s alone', async t => {
  const snapshotDir = await mkdtemp(join(tmpdir(), 'cairn-token-'));
  t.teardown(() => rm(snapshotDir, { recursive: true }));
  const access = await provideAccess({ ...config, snapshotDir }, { smallFiles: nodeSmallFiles, randomBytes });
  t.match(access, { origin: 'made' });
  const path = join(snapshotDir, 'token');
  t.equal((await stat(path)).mode & 0o777, 0o640);
  t.equal(await readFile(path, 'utf8'), `${MADE}\n`);
});
