/**
 * The page at /docs as a person uses it, in a real browser without a window: it is drawn, a token is given, and calls are
 * made that the service answers. All of it comes from the service, and the browser has nothing to complain of.
 */
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import t from 'tap';
import { openBrowser } from '../fixtures/browser.js';
import { needs } from '../fixtures/needs.js';
import { ServiceProcess, serviceDirectory } from '../fixtures/service-process.js';

const TOKEN = 'a-token-for-a-person-to-type';

t.test('a call can be tried on the page of the API', { skip: needs('chromium') }, async t => {
  const service = await ServiceProcess.start(t, ['--snapshot-dir', serviceDirectory(t)], {
    CAIRN_TOKEN: TOKEN,
  });
  const { page, heard } = await openBrowser(t);
  const response = await page.goto(`${service.url}/docs`);
  const policy = response?.headers()['content-security-policy'] ?? '';
  t.notMatch(policy, /unsafe|https?:|\*/, 'nothing from elsewhere, nothing within the page');

  await page.waitForSelector('.opblock-tag-section');
  t.equal(await page.title(), 'Cairn: the API');
  await page.screenshot({ path: picture('page'), fullPage: false });

  await page.click('.btn.authorize');
  await page.fill('.auth-container input', TOKEN);
  await page.click('.auth-btn-wrapper .authorize');
  await page.click('.auth-btn-wrapper .btn-done');

  await page.click('#operations-tag-Plain_keys');
  const set = await tried(page, '#operations-Plain_keys-post_set');
  t.equal(set.status, '200');
  t.match(set.body, /key-value pair is set successfully/);
  const get = await tried(page, '#operations-Plain_keys-get_get_key');
  t.equal(get.status, '200');
  t.match(get.body, /"value": "value_1"/, 'the key of its example is the one that was set');
  await page.screenshot({ path: picture('tried'), fullPage: true });
  for (const name of ['page', 'tried'])
    t.ok(statSync(picture(name)).size > 20_000, `${name} is no empty picture`);

  t.strictSame(heard.complaints, []);
  t.strictSame([...heard.origins], [new URL(service.url).origin]);
  t.ok(heard.paths.has('/docs/swagger-ui-bundle.js') && heard.paths.has('/openapi.json'));
});

const pictures = process.env['CAIRN_PICTURES'] ?? mkdtempSync(join(tmpdir(), 'cairn-docs-'));
t.teardown(() => {
  if (process.env['CAIRN_PICTURES'] === undefined) rmSync(pictures, { recursive: true, force: true });
});

function picture(name: string): string {
  return join(pictures, `${name}.png`);
}

/** Opens an operation and executes it as it stands there. */
async function tried(page: Page, operation: string): Promise<{ status: string; body: string }> {
  await page.click(`${operation} .opblock-summary-control`);
  await page.click(`${operation} .execute`);
  const answer = `${operation} .live-responses-table .response`;
  await page.waitForSelector(answer);
  const status = await page.textContent(`${answer} .response-col_status`);
  return { status: status?.trim() ?? '', body: (await page.textContent(`${answer} .highlight-code`)) ?? '' };
}
