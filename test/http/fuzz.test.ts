/**
 * Requests that nobody should send, to the real process over real sockets: those of every operation with something wrong
 * in them, cut into pieces, in a row, broken off; between them some that are right, and some that hide another request.
 *
 * Whatever comes, each answer is HTTP and one of ours, none is our fault, the process lives, what was refused has changed
 * nothing, and what was answered is there: in the export, in a watch, and after a restart.
 *
 * CAIRN_SEED=n repeats a run, CAIRN_CONVERSATION=n of it that one conversation.
 */
import { existsSync, readdirSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import t, { type Test } from 'tap';
import { type Answer, answersIn, codeOf, complaints, tellsOfChange } from '../fixtures/fuzz/answers.js';
import { CONTROL, type Conversation, SMUGGLED, Talk } from '../fixtures/fuzz/conversations.js';
import { bytesOf, examplesIn, messageOf } from '../fixtures/fuzz/message.js';
import { converse, type Heard } from '../fixtures/fuzz/wire.js';
import {
  canonical,
  differences,
  exportOf,
  get,
  placeOf,
  type State,
  Witness,
} from '../fixtures/fuzz/witness.js';
import { parseMetrics } from '../fixtures/metrics.js';
import { seedOf } from '../fixtures/seeded-random.js';
import { ServiceProcess, serviceDirectory } from '../fixtures/service-process.js';
import { allowTime, cyclesOf } from '../fixtures/torture.js';

allowTime(t);

const SEED = seedOf();
const ONLY = process.env['CAIRN_CONVERSATION'];
const REQUESTS = cyclesOf(10_000, 200_000);
/** Conversations between two looks at the whole store. */
const BATCH = 300;
/** Conversations at the same time. */
const AT_ONCE = 32;
/** After so many failures nothing new is to be learnt. */
const FAILURES_MAX = 5;
/** Milliseconds in which what is said in two ways comes to be the same, on a machine that does other things too. */
const SETTLED_MS = 60_000;

class Run {
  readonly #test: Test;
  readonly #service: ServiceProcess;
  readonly #port: number;
  readonly #witness: Witness;
  readonly #talk: Talk;
  /** What control conversations have left, by place. */
  readonly #kept = new Map<string, string>();
  /** By request id: whether an answer told of a change, and whether one told of none. */
  readonly #told = new Map<string, { changed: boolean; refused: boolean }>();
  readonly statuses = new Map<number, number>();
  readonly codes = new Map<string, number>();
  requests = 0;
  answers = 0;
  changes = 0;
  failures = 0;
  #descriptors: number | null = null;

  constructor(test: Test, service: ServiceProcess, talk: Talk) {
    this.#test = test;
    this.#service = service;
    this.#port = Number(new URL(service.url).port);
    this.#witness = new Witness(this.#port);
    this.#talk = talk;
  }

  get isOver(): boolean {
    return this.failures >= FAILURES_MAX || this.#service.child.exitCode !== null;
  }

  /** Conversations of these numbers, and then a look at everything. */
  async batch(numbers: readonly number[]): Promise<void> {
    const left = [...numbers].reverse();
    const talker = async (): Promise<void> => {
      for (let number = left.pop(); number !== undefined && !this.isOver; number = left.pop()) {
        await this.#have(this.#talk.at(number));
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, talker));
    await this.#look(numbers.at(-1) ?? 0).catch((error: unknown) => this.#gone(error));
    this.#told.clear();
  }

  async #have(conversation: Conversation): Promise<void> {
    this.requests += conversation.requests;
    const heard = await converse(this.#port, conversation.pieces, conversation.end);
    const wrong = this.#judge(conversation, heard);
    if (wrong.length > 0) this.#failAt(conversation, heard, wrong);
    for (const { collection, key, text } of wrong.length > 0 ? [] : conversation.effects) {
      const place = placeOf(collection, Buffer.from(key, 'latin1').toString('utf8'));
      if (text !== null) this.#kept.set(place, canonical(Buffer.from(text, 'latin1').toString('utf8')));
      else this.#kept.delete(place);
    }
  }

  #judge(conversation: Conversation, heard: Heard): readonly string[] {
    if (heard.isStuck) return ['the server did not close'];
    try {
      const answers = answersIn(heard.bytes, conversation.pieces.join(''));
      for (const answer of answers) this.#note(answer);
      // A watch has no end of its own: what is no request behind it ends it in the middle.
      const mayBreakOff = heard.isPart || answers.at(-1)?.headers.get('content-type') === 'text/event-stream';
      const cut = answers.some(({ isWhole }, i) => !isWhole && (i < answers.length - 1 || !mayBreakOff));
      return [
        ...answers.flatMap(complaints),
        ...(cut ? ['an answer is cut off'] : []),
        ...judges[conversation.kind](conversation, answers),
      ];
    } catch (error) {
      return [`this is no HTTP: ${String(error)}`];
    }
  }

  #note(answer: Answer): void {
    if (answer.status === 0) return;
    this.answers++;
    this.statuses.set(answer.status, (this.statuses.get(answer.status) ?? 0) + 1);
    const code = codeOf(answer);
    if (code !== undefined) this.codes.set(code, (this.codes.get(code) ?? 0) + 1);
    const id = answer.headers.get('x-request-id') ?? '';
    const told = this.#told.get(id) ?? { changed: false, refused: false };
    // Of an answer that is cut off nobody knows the rest.
    if (tellsOfChange(answer) || !answer.isWhole) told.changed = true;
    else told.refused = true;
    this.#told.set(id, told);
  }

  /** What must be so after every batch. */
  async #look(number: number): Promise<void> {
    this.#test.equal(await get(this.#port, '/livez'), 'ok');
    await this.#settle('a watch and the export are one', number, async () => {
      const exported = await exportOf(this.#port);
      return differences(this.#witness.state, exported);
    });
    const exported = await exportOf(this.#port);
    const control = new Map([...exported].filter(([place]) => place.includes(` ${CONTROL}`)));
    for (const difference of differences(this.#kept, control)) this.#fail('an answered write', difference);
    for (const place of exported.keys()) if (place.includes(SMUGGLED)) this.#fail('a hidden request', place);
    await this.#settle('connections and descriptors are those of before', number, () => this.#leftOver());
    this.#readLog();
  }

  /** The process does not answer: what it said last is the reason. */
  #gone(error: unknown): void {
    this.#readLog();
    const { stderr, child } = this.#service;
    this.#fail(`it does not answer: ${String(error)}`, { stderr, code: child.exitCode });
  }

  async #leftOver(): Promise<readonly string[]> {
    const scrape = parseMetrics(await get(this.#port, '/metrics'));
    const [connections, watchers] = [scrape.value('cairn_http_connections'), scrape.sum('cairn_watchers')];
    const descriptors = this.#openDescriptors();
    this.#descriptors ??= connections === 2 ? descriptors : null;
    // The watch, and that of this very call.
    const left = connections === 2 && watchers === 1 && descriptors === this.#descriptors;
    return left ? [] : [`${connections} connections, ${watchers} watchers, ${descriptors} descriptors`];
  }

  #openDescriptors(): number {
    const path = `/proc/${this.#service.child.pid}/fd`;
    return existsSync(path) ? readdirSync(path).length : 0;
  }

  /** No defect, and no change by a request that was refused. */
  #readLog(): void {
    for (const line of this.#service.log.splice(0)) {
      if (line['level'] === 'error') this.#fail('an error in the log', JSON.stringify(line));
      if (line['msg'] !== 'audit') continue;
      this.changes++;
      const told = this.#told.get(String(line['id']));
      if (told?.refused === true && !told.changed) this.#fail('refused and done', JSON.stringify(line));
    }
  }

  async #settle(what: string, number: number, look: () => Promise<readonly string[]>): Promise<void> {
    const end = Date.now() + SETTLED_MS;
    for (;;) {
      const wrong = await look();
      if (wrong.length === 0) return;
      if (Date.now() > end) return this.#fail(`${what}, after conversation ${number}`, wrong.join('\n'));
      await delay(5);
    }
  }

  #failAt({ number, kind, pieces, end }: Conversation, heard: Heard, wrong: readonly string[]): void {
    const sent = pieces.map(piece => JSON.stringify(piece).slice(0, 2_000));
    const answered = JSON.stringify(heard.bytes).slice(0, 2_000);
    const again = `CAIRN_SEED=${SEED} CAIRN_CONVERSATION=${number}`;
    this.#fail(`${kind}: ${wrong.join('; ')} (${again})`, { sent, end, answered });
  }

  #fail(message: string, found: unknown): void {
    this.failures++;
    if (this.failures <= FAILURES_MAX) this.#test.fail(message, { found });
  }

  /** The end of it: everything is there again after a restart. */
  async end(): Promise<State> {
    this.#test.equal(this.#witness.resets, 0, 'the watch never lost its place');
    const state = await exportOf(this.#port);
    this.#witness.close();
    this.#test.strictSame(await this.#service.stop(), { code: 0, signal: null });
    this.#readLog();
    return state;
  }
}

type Judge = (conversation: Conversation, answers: readonly Answer[]) => readonly string[];

const judges: Readonly<Record<Conversation['kind'], Judge>> = {
  mutated: () => [],
  control: ({ expected }, answers) => {
    const wrong = expected.flatMap(({ status, body }, i) => {
      const answer = answers[i];
      if (answer?.status !== status) return [`answer ${i} is ${answer?.status} and not ${status}`];
      return body === undefined || answer.body === body ? [] : [`answer ${i} has another body`];
    });
    return answers.length === expected.length ? wrong : [...wrong, `${answers.length} answers`];
  },
  smuggled: (_, answers) => {
    const statuses = answers.map(({ status }) => status);
    // Where the connection is closed before all of it has come, a reset may overtake the answer.
    const isOne = statuses.length === 0 || (statuses.length === 1 && Number(statuses[0]) >= 400);
    return isOne ? [] : [`answered ${statuses.join(', ')}`];
  },
};

function numbersFrom(first: number): readonly number[] {
  return Array.from({ length: BATCH }, (_, i) => first + i);
}

t.test(`${REQUESTS} requests that nobody should send (CAIRN_SEED=${SEED})`, async t => {
  const argv = ['--snapshot-dir', `${serviceDirectory(t)}/snapshots`, '--audit', 'on'];
  const service = await ServiceProcess.start(t, argv);
  const examples = examplesIn(await get(Number(new URL(service.url).port), '/openapi.json'));
  const run = new Run(t, service, new Talk(SEED, examples));
  if (ONLY !== undefined) await run.batch([Number(ONLY)]);
  else for (let at = 0; run.requests < REQUESTS && !run.isOver; at += BATCH) await run.batch(numbersFrom(at));
  const state = await run.end();
  t.comment(
    `${run.requests} requests, ${run.answers} answers, ${run.changes} changes: ${counted(run.statuses)}`,
  );
  t.comment(`${run.codes.size} codes: ${counted(run.codes)}`);
  if (ONLY !== undefined || run.failures > 0) return;
  const again = await ServiceProcess.start(t, argv);
  t.strictSame(differences(await exportOf(Number(new URL(again.url).port)), state), [], 'after a restart');
  // Those that chance could leave out are not among these.
  for (const status of [200, 201, 204, 400, 404, 405, 409, 412, 413, 415, 417, 422, 431, 501]) {
    t.ok(run.statuses.has(status), `${status} was among the answers`);
  }
});

t.test('callers that go away with the first bytes of an answer are no error of the service', async t => {
  const service = await ServiceProcess.start(t, ['--snapshot-dir', `${serviceDirectory(t)}/snapshots`]);
  const port = Number(new URL(service.url).port);
  const requests = [
    messageOf('POST', '/import?progress', [], 'nonsense\n'),
    messageOf('GET', '/export', [], ''),
    messageOf('GET', '/watch?initial', [], ''),
  ];
  for (let i = 0; i < 300; i++) await converse(port, [bytesOf(requests[i % requests.length]!)], 'first');
  t.strictSame(await service.stop(), { code: 0, signal: null });
  t.strictSame(
    service.log.filter(({ level }) => level === 'error'),
    [],
  );
});

function counted(counts: ReadonlyMap<unknown, number>): string {
  return [...counts]
    .sort(([, a], [, b]) => b - a)
    .map(([name, count]) => `${String(name)} ${count}`)
    .join(', ');
}
