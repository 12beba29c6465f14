/** What clients see of a volume that runs full, step by step; test/faults/disk-full.test.ts does it under load. */
import { rmSync, writeFileSync } from 'node:fs';
import t from 'tap';
import { call, get, set } from '../fixtures/calls.js';
import { smallVolume } from '../fixtures/loop-volume.js';
import { parseMetrics } from '../fixtures/metrics.js';
import { needs } from '../fixtures/needs.js';
import { ServiceProcess } from '../fixtures/service-process.js';

async function degraded(url: string): Promise<number> {
  return parseMetrics((await call(`${url}/metrics`)).body).sum('cairn_storage_degraded');
}

t.test('a volume that runs full', { skip: needs('tmpfs') }, async t => {
  const volume = smallVolume(t, 4 * 1024 * 1024);
  const filler = `${volume}/filler`;
  const argv = ['--snapshot-dir', `${volume}/snapshots`];
  const service = await ServiceProcess.start(t, argv);
  await set(service.url, 'first', 1, '?sync=true');
  t.equal(await degraded(service.url), 0);
  writeFileSync(filler, Buffer.alloc(2 * 1024 * 1024));

  const durable: string[] = [];
  let refused = await set(service.url, 'first', 1);
  for (let i = 0; i < 200 && refused.status === 200; i++) {
    const name = `k${i}`;
    refused = await set(service.url, name, 'x'.repeat(100_000), '?sync=true');
    if (refused.status === 200) durable.push(name);
  }

  await t.test('writes are refused with a code, a hint and an outcome', async t => {
    t.equal(refused.status, 503);
    t.match(JSON.parse(refused.body), { code: 'storage_full', outcome: /unknown|not_applied/, hint: String });
    t.ok(refused.headers.get('retry-after'));
    const next = await set(service.url, 'later', 1);
    t.match([next.status, JSON.parse(next.body).outcome], [503, 'not_applied']);
    t.equal((await get(service.url, 'later')).status, 404, 'nothing of it is stored');
  });

  await t.test('reads go on, and the process says what is wrong without being unready', async t => {
    for (const name of ['first', ...durable]) t.equal((await get(service.url, name)).status, 200);
    t.equal((await get(service.url, 'first')).headers.get('x-storage'), 'degraded');
    const ready = await call(`${service.url}/readyz?verbose`);
    t.equal(ready.status, 200);
    t.match(ready.body, /storage/);
    t.match(ready.body, /full/);
    t.equal(await degraded(service.url), 1);
  });

  await t.test('with space again writes come back by themselves, and nothing answered is lost', async t => {
    rmSync(filler);
    let answer = await set(service.url, 'later', 2, '?sync=true');
    while (answer.status === 503) answer = await set(service.url, 'later', 2, '?sync=true');
    t.equal(answer.status, 200);
    t.equal((await get(service.url, 'first')).headers.get('x-storage'), null);
    t.equal(await degraded(service.url), 0);
    await service.stop('SIGKILL');
    const again = await ServiceProcess.start(t, argv);
    for (const name of ['first', 'later', ...durable])
      t.equal((await get(again.url, name)).status, 200, name);
  });
});
