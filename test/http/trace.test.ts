import t from 'tap';
import { traceOf } from '../../src/http/trace.js';
import { Audit } from '../../src/service/audit.js';
import { ServicesEngine } from '../../src/service/services.js';
import { ManualClock } from '../fixtures/manual-clock.js';
import { PLAIN } from '../fixtures/memory-engine.js';
import { MemoryLogger } from '../fixtures/memory-logger.js';
import { ModelEngine } from '../fixtures/model-engine.js';
import { EPOCH, exchange, startService } from './service.js';

const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736';
const SPAN = '00f067aa0ba902b7';
const VALID = `00-${TRACE}-${SPAN}-01`;

t.test('a valid traceparent names the trace and the span of the caller', async t => {
  const wanted = { trace_id: TRACE, span_id: SPAN };
  t.strictSame(traceOf(VALID), wanted);
  t.strictSame(traceOf(`00-${TRACE}-${SPAN}-ff`), wanted, 'whatever the flags');
  t.strictSame(traceOf(`42-${TRACE}-${SPAN}-01`), wanted, 'of a later version');
  t.strictSame(traceOf(`42-${TRACE}-${SPAN}-01-more`), wanted, 'which may have more');
});

t.test('what is not valid is as if it had not come', async t => {
  for (const header of [
    undefined,
    '',
    'x',
    `ff-${TRACE}-${SPAN}-01`,
    `00-${TRACE}-${SPAN}-01-more`,
    `42-${TRACE}-${SPAN}-01more`,
    `00-${TRACE}-${SPAN}`,
    `00-${TRACE}-${SPAN}-1`,
    `00-${TRACE.toUpperCase()}-${SPAN}-01`,
    `00-${'0'.repeat(32)}-${SPAN}-01`,
    `00-${TRACE}-${'0'.repeat(16)}-01`,
    `00-${TRACE.slice(1)}-${SPAN}-01`,
    ` ${VALID}`,
    `${VALID}\n`,
    `${VALID}, ${VALID}`,
    [VALID, VALID],
  ]) {
    t.equal(traceOf(header), null, JSON.stringify(header));
  }
});

t.test('the lines of the log have it, whatever became of the request', async t => {
  const { call, engine, logger, port } = await startService(t);
  const headers = { traceparent: VALID, 'x-request-id': 'mine' };
  const wanted = { id: 'mine', trace_id: TRACE, span_id: SPAN };
  const answer = await call('PUT', '/kv/a', { headers, body: '1' });
  t.equal(answer.headers['x-request-id'], 'mine');
  t.match(logger.lines.at(-1), { message: 'request', fields: { ...wanted, status: 201 } });
  await call('GET', '/nowhere', { headers });
  t.match(logger.lines.at(-1)?.fields, { ...wanted, status: 404, route: null });
  engine.failNext(new Error('a defect'));
  await call('PUT', '/kv/a', { headers, body: '2' });
  t.match(
    logger.lines.find(({ level }) => level === 'error'),
    { message: 'a request failed', fields: { ...wanted, status: 500 } },
  );
  await exchange(port, `GET /livez HTTP/1.1\r\nTraceparent: ${VALID}\r\nX-Request-Id: mine\r\n\r\n`);
  t.match(logger.lines.at(-1)?.fields, { ...wanted, status: 400 }, 'one without a Host too');
});

t.test('the line of the audit has it', async t => {
  const logger = new MemoryLogger();
  const clock = new ManualClock();
  const engine = new ModelEngine({ policies: { kv: PLAIN }, clock, epoch: EPOCH });
  const services = new ServicesEngine(engine, new Audit({ logger, isSecret: () => false }));
  const { call } = await startService(t, { engine: () => services });
  await call('PUT', '/kv/a', { headers: { traceparent: VALID }, body: '1' });
  await call('PUT', '/kv/b', { body: '1' });
  t.match(logger.lines[0], { message: 'audit', fields: { key: 'a', trace_id: TRACE, span_id: SPAN } });
  t.match(logger.lines[1], { message: 'audit', fields: { key: 'b', trace_id: undefined } });
});

t.test('the log says nothing of a trace that was not valid', async t => {
  const { call, logger } = await startService(t);
  await call('GET', '/livez', { headers: { traceparent: `00-${TRACE}-x` } });
  await call('GET', '/livez', { headers: { traceparent: [VALID, VALID] } });
  t.equal(logger.lines.length, 2);
  for (const { fields } of logger.lines) t.notOk('trace_id' in fields || 'span_id' in fields);
});
