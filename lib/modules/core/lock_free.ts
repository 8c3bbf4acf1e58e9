import { z } from 'zod';
import { known } from '../../contract/known.ts';
import { defineLook } from '../../contract/module.ts';
import { mayTake } from '../../system/lock/judge.ts';
import { lockId, lockResource } from '../../system/lock/lock-resource.ts';
import { listOf, lockParams } from '../../system/lock/params.ts';
import { heldName } from '../../system/lock/take.ts';

const params = z.strictObject(lockParams);

export const module = defineLook({
  summary: 'Refuses when core.lock would be refused: another run is at work, or has left something.',
  description:
    'Looks and takes nothing, so a run can refuse before it has looked at anything else. See core.lock.',
  examples: `- core.lock_free: "{{ patroni_cluster }}"
  delegate_to: "{{ barman_host }}"`,
  params,
  freeForm: 'name',
  returns: { name: 'the lock' },
  read: async (host, { name, user, directory, allow, break: breaks }, context) => {
    const place = { name, user, directory: directory ?? '' };
    if (context.held(heldName(host.name, place)) !== undefined) return { name };
    const state = known(await host.look(lockResource, lockId(place)));
    mayTake({ run: context.runId, allow: listOf(allow), breaks }, state, name, host.name);
    return { name };
  },
});
