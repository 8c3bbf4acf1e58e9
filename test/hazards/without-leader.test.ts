import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { productPlaybooks } from '../../lib/language/playbook/assets.ts';
import { loadPlaybook } from '../../lib/language/playbook/load.ts';
import { flatTasks } from '../../lib/language/playbook/load-steps.ts';
import type { Task } from '../../lib/language/playbook/model.ts';
import { play } from '../engine/support.ts';

/** rollback.yml starts a node with its old data: what it proves where nobody leads, by its own conditions. */

async function tasksOf(): Promise<readonly Task[]> {
  const { plays } = await loadPlaybook(join(productPlaybooks(), 'rollback.yml'));
  return plays.flatMap((one) => flatTasks(one.tasks));
}

const conditions = ({ when }: Task): string => JSON.stringify(when.map(({ value }) => String(value)));

describe('the node that was started with its old data', () => {
  /** Which of the two proofs is asked for. */
  async function proof(vars: Readonly<Record<string, unknown>>): Promise<readonly string[]> {
    const proofs = (await tasksOf()).filter(({ module }) =>
      ['patroni.streaming', 'patroni.leader'].includes(module),
    );
    const yaml = proofs.map((task) => `    - core.debug: ${task.module}\n      when: ${conditions(task)}\n`);
    const { messages } = await play(
      `- hosts: one\n  vars: ${JSON.stringify(vars)}\n  tasks:\n${yaml.join('')}`,
    );
    return messages;
  }

  it.each([
    ['to follow the leader', { without_leader: false, leads_then: { skipped: true } }, 'patroni.streaming'],
    [
      'to lead where nobody else does',
      { without_leader: true, leads_then: { leader: 'one' } },
      'patroni.leader',
    ],
    ['to lead where nobody does yet', { without_leader: true, leads_then: {} }, 'patroni.leader'],
    [
      'to follow who leads nevertheless',
      { without_leader: true, leads_then: { leader: 'two' } },
      'patroni.streaming',
    ],
  ])('is proved %s', async (_words, vars, module) => {
    expect(await proof(vars)).toEqual([module]);
  });
});
