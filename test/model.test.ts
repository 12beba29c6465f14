import t from 'tap';
import { formatChangeId } from '../src/model.js';

t.equal(
  formatChangeId({ epoch: 1700000000, revision: 17 }),
  '1700000000-17',
  'a change id is epoch and revision',
);
