import t from 'tap';
import { systemCode } from '../../src/errors.js';
import { unreadableFile } from '../../src/snapshot/damage.js';

const systemError = (code: string, errno: number): Error => Object.assign(new Error(code), { code, errno });

t.test('a quota that is used up has a name, though libuv has none for it', async t => {
  t.equal(systemCode(systemError('Unknown system error -122', -122)), 'EDQUOT');
  t.equal(systemCode(systemError('ENOSPC', -28)), 'ENOSPC');
});

t.test(
  'what cannot be read is damage, unless it is the right that is missing, or something that passes',
  async t => {
    for (const [code, expected] of [
      ['EIO', 'snapshot_damaged'],
      ['EISDIR', 'snapshot_damaged'],
      ['EACCES', 'snapshot_denied'],
      ['EMFILE', 'storage_error'],
      ['ENOMEM', 'storage_error'],
    ] as const) {
      t.equal(unreadableFile('00000001.log', code, systemError(code, -1)).code, expected, code);
    }
  },
);
