/** Users of the real process, on the memory engine: an email is that of one of them, however many ask for it at once. */
import t from 'tap';
import { ServiceProcess, serviceDirectory } from '../fixtures/service-process.js';

/** Who ask at the same moment, each on a connection of its own. */
const CALLERS = 20;

interface Answer {
  readonly status: number;
  readonly body: { readonly id?: string; readonly code?: string; readonly key?: string };
}

/** All at once; every other one writes the email in capitals. */
function createAll(url: string, emailOf: (i: number) => string): Promise<Answer[]> {
  const create = async (i: number): Promise<Answer> => {
    const email = i % 2 === 0 ? emailOf(i) : emailOf(i).toUpperCase();
    const answer = await fetch(`${url}/users`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ name: `caller ${i}`, email }),
    });
    return { status: answer.status, body: await answer.json() };
  };
  return Promise.all(Array.from({ length: CALLERS }, (_, i) => create(i)));
}

async function count(url: string, query = ''): Promise<number> {
  const users: unknown = await (await fetch(`${url}/users${query}`)).json();
  return Array.isArray(users) ? users.length : Number.NaN;
}

t.test('of many who create a user with one email at once one gets it, after a kill too', async t => {
  const argv = ['--snapshot-dir', serviceDirectory(t)];
  const first = await ServiceProcess.start(t, argv);
  const answers = await createAll(first.url, () => 'ada@example.com');
  const made = answers.filter(({ status }) => status === 201);
  t.equal(made.length, 1, JSON.stringify(answers.map(({ status }) => status)));
  const refusal = { status: 409, body: { code: 'duplicate_value' } };
  for (const answer of answers) if (answer !== made[0]) t.match(answer, refusal);
  const others = await createAll(first.url, i => `user${i}@example.com`);
  t.ok(
    others.every(({ status }) => status === 201),
    'each with its own email: all of them',
  );
  t.equal(await count(first.url), 1 + CALLERS);
  await first.stop('SIGKILL');

  const second = await ServiceProcess.start(t, argv);
  for (const answer of await createAll(second.url, () => 'Ada@example.com')) t.match(answer, refusal);
  t.equal(await count(second.url), 1 + CALLERS);
  t.equal(await count(second.url, '?where=email=ADA@example.com'), 1);
});
