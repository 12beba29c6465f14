/**
 * The server that one would write in an hour: Koa, its router and its body parser over a Map. No limits, no
 * revisions, no ETags, nothing on disk. What Cairn costs beside this is the price of its promises.
 *
 *   node plain-koa.js <port>
 */
import Router from '@koa/router';
import Koa from 'koa';
import bodyParser from 'koa-bodyparser';

const app = new Koa();
const router = new Router();
const store = new Map<string, unknown>();

router.get('/readyz', ctx => {
  ctx.body = 'ok';
});

router.post('/set', ctx => {
  const pair = ctx.request.body;
  if (!isPair(pair)) return ctx.throw(400, 'Send {"key":"…","value":…}.');
  store.set(pair.key, pair.value);
  ctx.body = { status: 'success', message: 'key-value pair is set successfully' };
});

router.get('/get/*key', ctx => {
  const key = ctx.params['key'] ?? '';
  const value = store.get(key);
  if (value === undefined) {
    ctx.status = 404;
    ctx.body = { status: 'error', message: 'Key not found' };
    return;
  }
  ctx.body = { key, value };
});

function isPair(body: unknown): body is { key: string; value: unknown } {
  return typeof body === 'object' && body !== null && 'key' in body && typeof body.key === 'string';
}

app.use(bodyParser());
app.use(router.routes());
app.use(router.allowedMethods());
app.listen(Number(process.argv[2]), '127.0.0.1');
