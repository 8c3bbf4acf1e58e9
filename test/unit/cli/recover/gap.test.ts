import { expect, it } from 'vitest';
import { gapLines } from '../../../../cli/recover/gap.ts';
import { Masker } from '../../../../lib/base/values/masker.ts';

it('the backups that may be newer than a gap are listed of the cluster that was looked at', () => {
  const masker = new Masker();
  const extraVars = {
    pitr_become_password: 'hunter2hunter2',
    ansible_user: 'deploy',
    backup: 'b',
    target: 'db2',
  };
  masker.learn(extraVars);
  const looked = { inventories: ['my hosts.yml'], extraVars, masker };
  const lines = gapLines({ missing: ['x'], until: 'then' }, { targetTime: 'latest' }, looked);
  expect(lines.find((line) => line.includes('pitr '))).toMatch(
    /: pitr backups -i 'my hosts.yml' -K -e 'ansible_user=deploy'$/,
  );
});
