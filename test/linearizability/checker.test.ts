/** The search for an order, on small histories of which a person can say whether they are linearizable. */
import t from 'tap';
import type {
  Answer,
  History,
  Life,
  Operation,
  Request,
  State,
  Versioned,
} from '../fixtures/linearizability/history.js';
import { checkLinearizable } from '../fixtures/linearizability/linearizability.js';

const NOTHING: State = { revision: 0, keys: new Map() };
/** The search looks at no id. */
const ID = '1-1';

function operation(
  key: string,
  request: Request,
  answer: Answer,
  [called, returned]: readonly [number, number],
  durable = false,
): Operation {
  return { client: 0, key, request, answer, called, returned, durable, epoch: 1 };
}

type Times = readonly [number, number];

const seen = (value: string): Versioned => ({ value, id: ID });
const written = { type: 'written', id: ID } as const;
const set = (key: string, value: string, times: Times, answer: Answer = written): Operation =>
  operation(key, { type: 'set', value }, answer, times);
const durable = (key: string, value: string, times: Times): Operation =>
  operation(key, { type: 'set', value }, written, times, true);
const get = (key: string, value: string | null, times: Times): Operation =>
  operation(
    key,
    { type: 'get' },
    value === null ? { type: 'missing', revision: 1 } : { type: 'found', ...seen(value) },
    times,
  );
const cas = (key: string, from: string | null, value: string, times: Times, answer: Answer): Operation =>
  operation(key, { type: 'cas', value, expected: from === null ? null : seen(from) }, answer, times);
const remove = (key: string, times: Times, answer: Answer = { type: 'deleted', id: ID }): Operation =>
  operation(key, { type: 'delete' }, answer, times);
const mismatch = { type: 'mismatch', current: ID } as const;
const unknown = { type: 'unknown' } as const;

function one(...operations: readonly Operation[]): History {
  const life: Life = { epoch: 1, start: NOTHING, operations, ended: 1_000, end: 'stop' };
  return { lives: [life], periodicMax: Number.POSITIVE_INFINITY };
}

/** A life that crashed at 100, and what the next one found. */
function crashed(
  found: Readonly<Record<string, string>>,
  operations: readonly Operation[],
  periodicMax = Number.POSITIVE_INFINITY,
): History {
  const keys = new Map(Object.entries(found).map(([key, value]) => [key, seen(value)]));
  const next: Life = { epoch: 2, start: { revision: 1, keys }, operations: [], ended: 200, end: 'crash' };
  return {
    lives: [{ ...(one(...operations).lives[0] as Life), ended: 100, end: 'crash' }, next],
    periodicMax,
  };
}

const good: Readonly<Record<string, History>> = {
  'nothing at all': one(),
  'reads that overlap a write, the later-called one still of before': one(
    set('a', '1', [0, 100]),
    get('a', '1', [25, 75]),
    get('a', null, [30, 60]),
  ),
  'two writes that overlap, in either order': one(
    set('a', '1', [0, 10]),
    set('a', '2', [0, 10]),
    get('a', '2', [11, 12]),
    get('a', '2', [13, 14]),
  ),
  'intervals that touch overlap': one(set('a', '1', [0, 10]), get('a', null, [10, 20])),
  'a write without an answer that is read much later': one(
    set('a', '1', [0, Number.POSITIVE_INFINITY], unknown),
    get('a', null, [500, 510]),
    get('a', '1', [600, 610]),
  ),
  'a write without an answer that never happened': one(
    set('a', '1', [0, Number.POSITIVE_INFINITY], unknown),
    get('a', null, [900, 910]),
  ),
  'a cas that is refused because another came between': one(
    set('a', '1', [0, 1]),
    cas('a', '1', '2', [2, 10], written),
    cas('a', '1', '3', [2, 10], mismatch),
  ),
  'a deletion, and a write that needs the key gone': one(
    set('a', '1', [0, 1]),
    remove('a', [2, 10]),
    cas('a', null, '2', [3, 11], written),
    get('a', '2', [12, 13]),
  ),
  'a crash that takes back what was not durable': crashed({ a: '1' }, [
    durable('a', '1', [0, 10]),
    set('a', '2', [20, 30]),
    set('b', '3', [40, 50]),
  ]),
  'a crash that takes back what was read': crashed({}, [
    set('a', '1', [0, Number.POSITIVE_INFINITY], unknown),
    get('a', '1', [20, 30]),
  ]),
  'a crash that keeps what nobody was told of': crashed({ a: '1' }, [
    set('a', '1', [90, Number.POSITIVE_INFINITY], unknown),
  ]),
  'a crash that keeps the one of two that overlap': crashed({ b: '2' }, [
    set('a', '1', [0, 10]),
    set('b', '2', [5, 15]),
  ]),
};

const bad: Readonly<Record<string, History>> = {
  'a read of before, after one of after': one(
    set('a', '1', [0, 100]),
    get('a', '1', [10, 30]),
    get('a', null, [40, 90]),
  ),
  'a read of what was overwritten': one(set('a', '1', [0, 1]), set('a', '2', [2, 3]), get('a', '1', [4, 5])),
  'two reads that see two writes in two orders': one(
    set('a', '1', [0, 10]),
    set('a', '2', [0, 10]),
    get('a', '1', [11, 12]),
    get('a', '2', [13, 14]),
  ),
  'a read of what was never written': one(get('a', '1', [0, 1])),
  'a read of a write that was refused': one(
    set('a', '1', [0, 50], { type: 'refused' }),
    get('a', '1', [10, 20]),
  ),
  'a read from the future': one(get('a', '1', [0, 1]), set('a', '1', [2, 3])),
  'a read of what is deleted': one(set('a', '1', [0, 1]), remove('a', [2, 3]), get('a', '1', [4, 5])),
  'two deletions of one write': one(set('a', '1', [0, 1]), remove('a', [2, 10]), remove('a', [2, 10])),
  'a deletion that found nothing where something was': one(
    set('a', '1', [0, 1]),
    remove('a', [2, 3], { type: 'missing', revision: 1 }),
  ),
  'two that replace the same': one(
    set('a', '1', [0, 1]),
    cas('a', '1', '2', [2, 10], written),
    cas('a', '1', '3', [2, 10], written),
  ),
  'a cas that is refused where it holds': one(set('a', '1', [0, 1]), cas('a', '1', '2', [2, 3], mismatch)),
  'a write without an answer that happens twice': one(
    set('a', '1', [0, Number.POSITIVE_INFINITY], unknown),
    set('a', '2', [10, 11]),
    get('a', '1', [12, 13]),
    set('a', '3', [14, 15]),
    get('a', '1', [16, 17]),
  ),
  'a crash that takes back what is durable': crashed({}, [durable('a', '1', [0, 10])]),
  'a crash that takes back what was before something durable': crashed({ b: '2' }, [
    set('a', '1', [0, 10]),
    durable('b', '2', [11, 20]),
  ]),
  'a crash that takes back a change and keeps a later one': crashed({ b: '2' }, [
    set('a', '1', [0, 10]),
    set('b', '2', [11, 20]),
  ]),
  'a crash that brings back what was replaced by something durable': crashed({ a: '1' }, [
    durable('a', '1', [0, 10]),
    durable('a', '2', [20, 30]),
  ]),
  'a crash that takes back what is long answered': crashed({}, [set('a', '1', [0, 10])], 50),
  'a crash that finds what was never there': crashed({ a: '2' }, [set('a', '1', [0, 10])]),
};

t.test('an order is found for', async t => {
  for (const [name, history] of Object.entries(good)) t.strictSame(checkLinearizable(history), [], name);
});

t.test('no order is found for', async t => {
  for (const [name, history] of Object.entries(bad)) t.equal(checkLinearizable(history).length, 1, name);
});

t.test('a clean stop may take nothing back', async t => {
  const { lives, periodicMax } = crashed({}, [set('a', '1', [0, 10])]);
  const stopped = lives.map(life => ({ ...life, end: 'stop' as const }));
  t.strictSame(checkLinearizable({ lives, periodicMax }), []);
  t.equal(checkLinearizable({ lives: stopped, periodicMax }).length, 1);
});

t.test('two hundred operations that all overlap are decided', async t => {
  const writes = Array.from({ length: 12 }, (_, i) => set('a', `${i}`, [0, 500]));
  const reads = Array.from({ length: 200 }, (_, i) => get('a', `${i % 12}`, [2 * i, 2 * i + 1]));
  t.equal(checkLinearizable(one(...writes, ...reads)).length, 1, 'each value would have to come again');
});
