/**
 * The built client in a real browser without a window, as a page uses it: its files are modules as they are, and calls go
 * to where the page came from. Cairn lets no page of another origin read its answers, so a page of one's own puts it
 * behind a path of its own server; here that is a proxy that can cut what it hands on.
 */
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Page } from 'playwright-core';
import t, { type Test } from 'tap';
import { openBrowser } from '../fixtures/browser.js';
import { needs } from '../fixtures/needs.js';
import { ServiceProcess, serviceDirectory } from '../fixtures/service-process.js';

const TOKEN = 'a-token-for-a-page-of-ours';

/** What a browser says by itself: of every refusal, and of the cut. */
const EXPECTED = [/ 412 /, / 401 /, /ERR_INCOMPLETE_CHUNKED_ENCODING/, /\/cairn\/watch\?.* failed$/];

t.test('a page sets, gets, and watches over a cut connection', { skip: needs('chromium') }, async t => {
  const service = await ServiceProcess.start(t, ['--snapshot-dir', serviceDirectory(t)], {
    CAIRN_TOKEN: TOKEN,
  });
  const front = await Front.start(t, service.url);
  const { page, heard } = await openBrowser(t);
  await page.goto(front.url);

  t.equal(
    await inPage(page, TOKEN, 'return [await cairn.set("a", { n: 1 }), (await cairn.get("a")).n].join()'),
    'false,1',
  );
  t.equal(
    await inPage(
      page,
      TOKEN,
      `const configs = cairn.collection('configs');
       const { etag } = await configs.put('web', { name: 'web', size: 3 });
       await configs.put('web', { name: 'web', size: 4 }, { ifMatch: etag });
       const late = await configs.put('web', { name: 'web' }, { ifMatch: etag }).catch(error => error.code);
       return [(await configs.get('web')).value.size, late].join()`,
    ),
    '4,revision_mismatch',
  );
  t.equal(
    await inPage(page, 'a-token-that-is-wrong', 'return cairn.get("a").catch(error => error.code)'),
    'unauthenticated',
  );

  await watchInPage(page, TOKEN);
  const put = (n: number) => inPage(page, TOKEN, `await cairn.set('w/${n}', ${n}); return 'done'`);
  for (const n of [1, 2, 3]) await put(n);
  await page.waitForFunction('events.length === 3');
  t.equal(front.cutEvents(), 1, 'one stream of events was on its way');
  for (const n of [4, 5, 6]) await put(n);
  await page.waitForFunction('events.length >= 6');
  t.strictSame(
    await page.evaluate('events'),
    [1, 2, 3, 4, 5, 6].map(n => `w/${n}=${n}`),
    'each once, in order',
  );
  t.match(front.lastEventIds, [undefined, /^\d+-\d+$/], 'it went on behind the last one');
  t.strictSame(
    heard.complaints.filter(complaint => !EXPECTED.some(words => words.test(complaint))),
    [],
  );
});

t.test('a page of another origin reads nothing and writes nothing', { skip: needs('chromium') }, async t => {
  const service = await ServiceProcess.start(t, ['--snapshot-dir', serviceDirectory(t)]);
  const front = await Front.start(t, service.url);
  const { page } = await openBrowser(t);
  await page.goto(front.url);
  const outcome = (call: string) =>
    page.evaluate(`fetch(${call}).then(answer => 'read ' + answer.status, error => error.name)`);
  t.equal(await outcome(`'${service.url}/kv/a'`), 'TypeError');
  // What a page may send without asking: it arrives, and is refused.
  t.equal(
    await outcome(`'${service.url}/set', { method: 'POST', mode: 'no-cors', body: '{"key":"a","value":1}' }`),
    'read 0',
  );
  t.equal((await fetch(`${service.url}/kv/a`)).status, 404);
});

/** The server of the page: the client's files, and Cairn behind `/cairn`. */
class Front {
  url = '';
  /** Of each watch. */
  readonly lastEventIds: unknown[] = [];
  readonly #target: string;
  readonly #streams = new Set<ServerResponse>();

  private constructor(target: string) {
    this.#target = target;
  }

  static async start(t: Test, target: string): Promise<Front> {
    const front = new Front(target);
    const server = createServer((req, res) => front.#serve(req, res));
    t.teardown(() => {
      server.close();
      server.closeAllConnections();
    });
    await once(server.listen(0, '127.0.0.1'), 'listening');
    const { port } = server.address() as AddressInfo;
    front.url = `http://127.0.0.1:${port}/`;
    return front;
  }

  /** How many there were. */
  cutEvents(): number {
    const { size } = this.#streams;
    for (const res of this.#streams) res.destroy();
    return size;
  }

  #serve(req: IncomingMessage, res: ServerResponse): void {
    const [path = ''] = (req.url ?? '').split('?');
    const file = new URL(`../../dist${path}`, import.meta.url);
    if (path.startsWith('/cairn/')) {
      this.#handOn(req, res);
    } else if (/^\/client\/[a-z-]+\.js$/.test(path) && existsSync(file)) {
      res.writeHead(200, { 'content-type': 'text/javascript' }).end(readFileSync(file));
    } else if (path === '/') {
      res
        .writeHead(200, { 'content-type': 'text/html' })
        .end('<!doctype html><link rel="icon" href="data:,">');
    } else {
      res.writeHead(404).end();
    }
  }

  #handOn(req: IncomingMessage, res: ServerResponse): void {
    const url = `${this.#target}${(req.url ?? '').slice('/cairn'.length)}`;
    const onward = request(url, { method: req.method, headers: req.headers }, answer => {
      res.writeHead(answer.statusCode ?? 500, answer.headers);
      if (req.url?.startsWith('/cairn/watch')) {
        this.lastEventIds.push(req.headers['last-event-id']);
        this.#streams.add(res);
        res.on('close', () => this.#streams.delete(res));
      }
      answer.on('error', () => res.destroy());
      answer.pipe(res);
    });
    onward.on('error', () => res.destroy());
    res.on('close', () => onward.destroy());
    req.pipe(onward);
  }
}

const client = (token: string) => `
  const { CairnClient } = await import('/client/index.js');
  const cairn = new CairnClient({ url: new URL('/cairn', location.href), token: ${JSON.stringify(token)} });
`;

/** What a program of the page gives, as text. */
async function inPage(page: Page, token: string, program: string): Promise<string> {
  return page.evaluate(`(async () => { ${client(token)} ${program} })()`);
}

/** Begins to watch, and leaves what it is told in `events`. */
async function watchInPage(page: Page, token: string): Promise<void> {
  await page.evaluate(`(async () => {
    ${client(token)}
    globalThis.events = [];
    const watching = cairn.watch({ collection: 'kv', prefix: 'w/', initial: true });
    // The state is empty, so what comes first says that the watch has begun.
    await watching.next();
    (async () => {
      for await (const { key, value } of watching) events.push(key + '=' + value);
    })();
  })()`);
}
