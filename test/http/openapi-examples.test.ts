/**
 * The examples in the OpenAPI document are calls that work as they are shown: each is made of a service without data, after
 * those that it says, and its answer is that of the example, and one that the document has.
 */
import t from 'tap';
import { beginningOf, conformanceOf, operationsIn, startWhole } from './openapi.js';

const built = { read: async () => ({ bytes: 'a file', tag: '"1"' }) };
const reference = await startWhole(t, { assets: built });
const conformance = await conformanceOf(reference);

for (const { method, path, calls } of operationsIn(conformance)) {
  t.test(`the examples of ${method} ${path} work`, async t => {
    t.ok(calls.length > 0, 'there is one');
    for (const { title, after = [], answerType = 'application/json', answer, status, ...call } of calls) {
      await t.test(title, async t => {
        const service = await startWhole(t, { assets: built });
        for (const before of after) {
          const { status } = await service.call(before.method, before.path, before);
          t.ok(status < 300, `${before.method} ${before.path} is ${status}`);
        }
        const isEndless = answerType === 'text/event-stream';
        const found = isEndless
          ? await beginningOf(service, call.path, answer ?? '')
          : await service.call(method, call.path, call);
        t.equal(found.status, status);
        if (status !== 204) t.equal(found.headers['content-type']?.replace(/;.*/, ''), answerType);
        if (answer !== undefined)
          t.ok(isEndless ? found.body.includes(answer) : found.body === answer, found.body);
        t.strictSame(conformance.complaints(method, call.path, found), []);
      });
    }
  });
}
