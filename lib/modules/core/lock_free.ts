import { z } from 'zod';
import { PitrError } from '../../base/errors/pitr-error.ts';
import { known } from '../../contract/known.ts';
import { defineLook } from '../../contract/module.ts';
import { mayTake } from '../../system/lock/judge.ts';
import { lockId, lockResource } from '../../system/lock/lock-resource.ts';
import { listOf, lockParams } from '../../system/lock/params.ts';
import { heldName } from '../../system/lock/take.ts';

const params = z.strictObject({
  ...lockParams,
  only_tell: z
    .boolean()
    .default(false)
    .describe('true: says whether it is free, and by whom it is not, instead of refusing'),
});

export const module = defineLook({
  summary: 'Refuses when core.lock would be refused: another run is at work, or has left something.',
  description:
    'Looks and takes nothing, so a run can refuse before it has looked at anything else. See core.lock.',
  examples: `- core.lock_free: "{{ patroni_cluster }}"
  delegate_to: "{{ barman_host }}"`,
  params,
  freeForm: 'name',
  returns: {
    name: 'the lock',
    free: 'whether it could be taken',
    own: 'whether this run has it: it was taken before the run was broken off, and all that came before was well',
    why: 'why not: the run that is at work, or that has left something to be decided',
    runs: 'where it is not: that run, and those whose leftovers it took over',
  },
  read: async (host, { name, user, directory, allow, break: breaks, only_tell }, context) => {
    const place = { name, user, directory: directory ?? '' };
    if (context.held(heldName(host.name, place)) !== undefined)
      return { name, free: true, own: true, runs: [] };
    const state = known(await host.look(lockResource, lockId(place)));
    try {
      mayTake({ run: context.runId, allow: listOf(allow), breaks }, state, name, host.name);
    } catch (thrown) {
      if (!only_tell || !(thrown instanceof PitrError)) throw thrown;
      const { claim } = state;
      const runs = claim === undefined ? [] : [claim.run, ...claim.about];
      return { name, free: false, own: false, why: thrown.message, runs };
    }
    return { name, free: true, own: state.claim?.run === context.runId, runs: [] };
  },
});
