import t from 'tap';
import { parseMediaType } from '../../src/http/media-type.js';

t.test('a type and its charset, in lower case', async t => {
  t.strictSame(parseMediaType('application/json'), { name: 'application/json', charset: undefined });
  t.strictSame(parseMediaType('Application/JSON;Charset=UTF-8'), {
    name: 'application/json',
    charset: 'utf-8',
  });
  t.strictSame(parseMediaType('a/b ; x=y; charset="utf-8" ;'), { name: 'a/b', charset: 'utf-8' });
});

t.test('what is no media type', async t => {
  for (const header of ['', 'json', 'a/', '/b', 'a/b/c', 'a b/c', ';', 'a/b, c/d']) {
    t.equal(parseMediaType(header), undefined, header);
  }
});
