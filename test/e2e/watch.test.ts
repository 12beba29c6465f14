/**
 * The npm package `eventsource`, as browsers have it built in, against the built service: connections are cut in the
 * middle of events, the service is stopped and killed, and writes go on. Each client must have the log of writes, each
 * change once and in order; a reset may come only where the change that it saw last did not survive. CAIRN_SEED=n
 * repeats the choices of a run.
 */
import { EventSource } from 'eventsource';
import t from 'tap';
import { CuttingProxy } from '../fixtures/cutting-proxy.js';
import { type Random, randomOf, seedOf } from '../fixtures/seeded-random.js';
import { ServiceProcess, serviceDirectory } from '../fixtures/service-process.js';
import { allowTime, cyclesOf } from '../fixtures/torture.js';

allowTime(t);

const CLIENTS = 4;
const WRITES = 120;
const KEYS = 10;
/** Bytes of the answer after which a connection is cut: from within the headers to some hundred events. */
const BYTES_MAX = 15_000;
/**
 * Turns after which every client is waited for. Each start leaves a log behind, and the oldest go with a base when there
 * are `ROTATE_LOGS_MAX`: who is behind by more starts than that is told so, by a reset.
 */
const TOGETHER_TURNS = 8;

/** What happens between two rounds of writes. */
type Turn = 'nothing' | 'stop' | 'kill';

/** A change as its writer knows it. */
interface Written {
  readonly type: 'put' | 'delete';
  readonly key: string;
  readonly value?: number;
}

interface Entry {
  readonly epoch: number;
  readonly revision: number;
}

/** What a client was told, in its order. */
type Told = (Entry & { readonly reset: false; readonly data: Written }) | (Entry & { readonly reset: true });

t.test('every client has the log of writes, exactly once and in order', async t => {
  const seed = seedOf();
  t.comment(`CAIRN_SEED=${seed}`);
  const random = randomOf(seed);
  const directory = serviceDirectory(t);
  const proxies = [
    new CuttingProxy(() => Number.POSITIVE_INFINITY),
    new CuttingProxy(() => 1 + Math.floor(random() ** 2 * BYTES_MAX)),
  ] as const;
  const [steadyPort, port] = [await proxies[0].listen(), await proxies[1].listen()];
  t.teardown(() => {
    for (const proxy of proxies) proxy.close();
  });
  // What is not asked to be durable is lost by a kill.
  const start = () => ServiceProcess.start(t, ['--snapshot-dir', directory, '--snapshot-interval', '60s']);
  let service = await start();
  const log = new Log();
  const point = () => {
    for (const proxy of proxies) proxy.target = Number(new URL(service.url).port);
  };
  point();
  const urlOf = (at: number) => `http://127.0.0.1:${at}/watch`;
  const steady = new Client(urlOf(steadyPort));
  const clients = [steady, ...Array.from({ length: CLIENTS }, () => new Client(urlOf(port)))];
  t.teardown(() => {
    for (const client of clients) client.close();
  });
  const turns: Turn[] = Array.from({ length: cyclesOf(6, 60) }, () => turnOf(random()));
  for (const [i, turn] of ['nothing' as const, 'stop' as const, 'kill' as const, ...turns].entries()) {
    await writes(log, random, service.url);
    if (i % TOGETHER_TURNS === TOGETHER_TURNS - 1) {
      const last = await log.write(service.url, random);
      await Promise.all(clients.map(client => client.until(last)));
    }
    if (turn === 'nothing') continue;
    if (turn === 'kill') await steady.until(await log.write(service.url, random));
    const last = log.write(service.url, random).catch(() => {});
    if (turn === 'stop') t.equal((await service.stop('SIGTERM')).code, 0);
    else await service.stop('SIGKILL');
    await last;
    service = await start();
    point();
    await log.restarted(service.url);
  }
  proxies[1].spare();
  const end = await log.write(service.url, randomOf(1));
  await Promise.all(clients.map(client => client.until(end)));
  for (const [i, client] of clients.entries()) {
    t.equal(log.wrongOf(client.told), null, `client ${i}`);
    t.comment(`${client.told.length} events, ${client.told.filter(({ reset }) => reset).length} resets`);
  }
  t.ok(proxies[1].cuts > CLIENTS, `${proxies[1].cuts} connections were cut`);
  t.ok(
    steady.told.some(({ reset }) => reset),
    'who saw what was lost was told',
  );
});

function turnOf(chance: number): Turn {
  return chance < 0.3 ? 'nothing' : chance < 0.65 ? 'stop' : 'kill';
}

/** Some in a row, now and then with a pause in which clients come back. */
async function writes(log: Log, random: Random, url: string): Promise<void> {
  for (let i = 0; i < WRITES; i++) {
    await log.write(url, random);
    if (random() < 0.1) await new Promise(resolve => setTimeout(resolve, random() * 100));
  }
}

/** The one writer's: what happened, by revision, in each epoch. */
class Log {
  readonly #changes = new Map<string, Written>();
  /** The first revision that each epoch does not have from the one before, by epoch, in their order. */
  readonly #epochs: { readonly epoch: number; readonly after: number }[] = [];
  #revision = 0;
  /** Keys that are there; what nobody knows after a kill is read. */
  readonly #present = new Set<string>();
  #value = 0;

  async write(url: string, random: Random): Promise<Entry> {
    if (this.#epochs.length === 0) await this.restarted(url);
    const key = `k${Math.floor(random() * KEYS)}`;
    const isDeletion = this.#present.has(key) && random() < 0.2;
    const written: Written = isDeletion
      ? { type: 'delete', key }
      : { type: 'put', key, value: ++this.#value };
    // Whether it happens is not known before the answer; that nothing else does is.
    this.#changes.set(`${this.#epoch}-${this.#revision + 1}`, written);
    const response = await fetch(`${url}/kv/${key}${random() < 0.02 ? '?sync=true' : ''}`, {
      method: isDeletion ? 'DELETE' : 'PUT',
      ...(isDeletion ? {} : { body: String(written.value) }),
      headers: isDeletion ? {} : { 'Content-Type': 'application/json' },
    });
    await response.arrayBuffer();
    if (!response.ok) throw new Error(`a write was answered ${response.status}`);
    const id = entryOf(JSON.parse(response.headers.get('etag') ?? '""'));
    if (id.revision !== this.#revision + 1 || id.epoch !== this.#epoch)
      throw new Error('not the only writer');
    this.#revision = id.revision;
    if (isDeletion) this.#present.delete(key);
    else this.#present.add(key);
    return id;
  }

  /** What is there after a start, before anybody writes. */
  async restarted(url: string): Promise<void> {
    const response = await fetch(`${url}/kv?keys`);
    const keys: string[] = JSON.parse(await response.text());
    this.#present.clear();
    for (const key of keys) this.#present.add(key);
    const epoch = Number(response.headers.get('x-epoch'));
    this.#revision = Number(response.headers.get('x-revision'));
    if (epoch !== this.#epoch) this.#epochs.push({ epoch, after: this.#revision });
  }

  /** Null: what a client was told is what it should have been told. */
  wrongOf(told: readonly Told[]): string | null {
    let last: Entry = { epoch: 0, revision: 0 };
    for (const one of told) {
      const wrong = (what: string) => `${what}: ${JSON.stringify({ last, one })}`;
      const line = this.#epochs.filter(({ epoch }) => epoch <= one.epoch);
      if (one.reset) {
        if (!this.#isLost(last)) return wrong('a reset, though what was seen last is there');
      } else {
        if (this.#isLost(last, line)) return wrong('no reset, though what was seen last is gone');
        if (one.revision !== last.revision + 1) return wrong('a gap, or twice');
        const written = this.#changes.get(`${one.epoch}-${one.revision}`);
        const { type, key, value } = one.data;
        if (written?.type !== type || written.key !== key || written.value !== value)
          return wrong(`not what was written, ${JSON.stringify(written)}`);
      }
      last = one;
    }
    return null;
  }

  /** Whether an epoch after its own began before it. */
  #isLost(
    { epoch, revision }: Entry,
    line: readonly { epoch: number; after: number }[] = this.#epochs,
  ): boolean {
    return revision > 0 && line.some(later => later.epoch > epoch && later.after < revision);
  }

  get #epoch(): number {
    return this.#epochs.at(-1)?.epoch ?? 0;
  }
}

/** An EventSource; one that gave up, as it does at a 503, is followed by another. */
class Client {
  readonly told: Told[] = [];
  readonly #url: string;
  #source: EventSource;
  #onTold = () => {};

  constructor(url: string) {
    this.#url = url;
    this.#source = this.#open('?since=0');
  }

  async until({ epoch, revision }: Entry): Promise<void> {
    while (!this.told.some(one => one.epoch === epoch && one.revision === revision)) {
      await new Promise<void>(resolve => {
        this.#onTold = resolve;
      });
    }
  }

  close(): void {
    this.#source.close();
  }

  #open(query: string): EventSource {
    const source = new EventSource(this.#url + query);
    const take = (one: Told) => {
      this.told.push(one);
      this.#onTold();
    };
    source.addEventListener('message', ({ lastEventId, data }) => {
      take({ ...entryOf(lastEventId), reset: false, data: JSON.parse(data) });
    });
    source.addEventListener('reset', ({ lastEventId }) => take({ ...entryOf(lastEventId), reset: true }));
    source.addEventListener('error', () => {
      if (source.readyState !== source.CLOSED) return;
      const last = this.told.at(-1);
      this.#source = this.#open(`?since=${last === undefined ? 0 : `${last.epoch}-${last.revision}`}`);
    });
    return source;
  }
}

function entryOf(id: string): Entry {
  const [epoch, revision] = id.split('-').map(Number);
  if (epoch === undefined || revision === undefined) throw new Error(`"${id}" is no change id`);
  return { epoch, revision };
}
