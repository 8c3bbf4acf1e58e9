import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { PitrError } from '../../../../lib/base/errors/pitr-error.ts';
import { Masker } from '../../../../lib/base/values/masker.ts';
import { probeScript } from '../../../../lib/contract/probe.ts';
import { onSite } from '../../../../lib/engine/run/site.ts';
import { newDirectory } from '../../../engine/support.ts';

it('a look at a site that was interrupted gives nothing, though each host’s failure was taken for an answer', async () => {
  const inventory = join(await newDirectory(), 'hosts.yml');
  await writeFile(inventory, 'all: { hosts: { one: { ansible_connection: local } } }\n');
  const stop = new AbortController();
  const reason = new PitrError({ kind: 'interrupted', code: 'interrupted', message: 'Ctrl-C' });
  const request = { inventories: [inventory], extraVars: {}, masker: new Masker(), signal: stop.signal };
  const looked = onSite(request, async ({ host }) => {
    setTimeout(() => stop.abort(reason), 50);
    const answer = host('one').query(probeScript('sleep 60')([]));
    return answer.then(
      () => 'it answers',
      () => 'it does not answer',
    );
  });
  await expect(looked).rejects.toBe(reason);
});
