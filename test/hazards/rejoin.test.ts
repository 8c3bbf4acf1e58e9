import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { asPitrError } from '../../lib/base/errors/pitr-error.ts';
import { productPlaybooks } from '../../lib/language/playbook/assets.ts';
import { loadPlaybook } from '../../lib/language/playbook/load.ts';
import { flatTasks } from '../../lib/language/playbook/load-steps.ts';
import type { Task } from '../../lib/language/playbook/model.ts';
import { play } from '../engine/support.ts';

/** Which members rejoin-members.yml stops, by its own conditions. */

async function rebuilding(): Promise<readonly Task[]> {
  const { plays } = await loadPlaybook(join(productPlaybooks(), 'rejoin-members.yml'));
  return flatTasks(plays.find(({ name }) => name === 'Rebuild the other members')?.tasks ?? []);
}

describe('a member is stopped only while the target leads', () => {
  it.each([
    [undefined, { leader: 'two' }],
    ['member-leads', { leader: 'one' }],
    ['target-does-not-lead', { leader: 'three' }],
    ['target-does-not-lead', {}],
  ])('which refuses with %s: %j', async (code, leading) => {
    const yaml = `- hosts: one
  vars: ${JSON.stringify({ target: 'two', leading })}
  tasks:
    - import_tasks: ${join(productPlaybooks(), 'tasks/target-still-leads.yml')}
`;
    const refused = await play(yaml).then(
      ({ outcome }) => outcome.error?.code,
      (thrown: unknown) => asPitrError(thrown).code,
    );
    expect(refused).toBe(code);
  });

  it('as is asked before the proof, and once more with nothing but looks between that and the stop', async () => {
    const tasks = await rebuilding();
    const asked = tasks.flatMap(({ args }, place) =>
      args.value.refuse === 'target-does-not-lead' ? [place] : [],
    );
    const stop = tasks.findIndex(({ stage }) => stage === 'rejoin-stop');
    const proof = tasks.findIndex(({ name }) => name.value === 'Prove that it follows the leader');
    expect(stop).toBeGreaterThan(proof);
    expect(asked).toHaveLength(2);
    expect(asked[0]).toBeLessThan(proof);
    expect(asked[1]).toBe(stop - 1);
    // By a look of its own.
    expect(tasks[stop - 3]).toMatchObject({ module: 'patroni.cluster', register: 'leads_yet' });
  });
});
