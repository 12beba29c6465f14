import t from 'tap';
import { editDistance, nearest } from '../../src/config/suggest.js';

for (const [from, to, distance] of [
  ['', '', 0],
  ['port', 'port', 0],
  ['', 'port', 4],
  ['port', '', 4],
  ['prot', 'port', 1],
  ['porrt', 'port', 1],
  ['pot', 'port', 1],
  ['pora', 'port', 1],
  ['host', 'port', 2],
  ['ca', 'abc', 3],
] as const) {
  t.equal(editDistance(from, to), distance, `${from} → ${to}`);
  t.equal(editDistance(to, from), distance, `${to} → ${from}`);
}

const names = ['port', 'host', 'log-level', 'log-format'];
t.equal(nearest('PROT', names), 'port', 'case does not count');
t.equal(nearest('log-f', names), 'log-format', 'a beginning that only one name has');
t.equal(nearest('log', names), undefined, 'a beginning of two names is none');
t.equal(nearest('', names), undefined);
t.equal(nearest('verbosity', names), undefined, 'what is like none is better left alone');
