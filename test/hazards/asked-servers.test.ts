import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { productPlaybooks } from '../../lib/language/playbook/assets.ts';
import { loadPlaybook } from '../../lib/language/playbook/load.ts';
import type { Step, Task } from '../../lib/language/playbook/model.ts';
import { play } from '../engine/support.ts';

/** The servers that restore_command asks are those whose WAL was proved, also where nobody has named the cluster's. */

function tasksOf(steps: readonly Step[]): readonly Task[] {
  return steps.flatMap((step) =>
    step.kind === 'task' ? [step] : tasksOf([...step.block, ...step.rescue, ...step.always]),
  );
}

/** What the task that is meant is given as `servers`, where these variables are known. */
async function serversIn(
  file: string,
  meant: (task: Task) => boolean,
  vars: Readonly<Record<string, unknown>>,
): Promise<string | undefined> {
  const { plays } = await loadPlaybook(join(productPlaybooks(), file));
  const task = plays.flatMap(({ tasks }) => tasksOf(tasks)).find(meant);
  const { messages } = await play(`- hosts: one
  vars: ${JSON.stringify({ ...vars, servers: task?.args.value.servers })}
  tasks:
    - core.debug: "{{ join servers }}"
`);
  return messages.at(-1);
}

const aims = ({ module, args }: Task): boolean =>
  (module === 'postgres.recovery' && args.value.state !== 'absent') || module === 'postgres.forward';
const proves = ({ module, args }: Task): boolean =>
  module === 'barman.access' && args.value.remote_ssh === undefined;

const wal = { servers_used: ['db1', 'db2'] };
const seen = {
  aimed: { servers_used: ['db1', 'db2', 'db3'] },
  aimed_now: { servers_used: ['db1', 'db2', 'db4'] },
};
const files = ['recover.yml', 'spare.yml', 'prepare.yml', 'forward.yml'] as const;

describe.each(files)('in %s', (file) => {
  const last = file === 'recover.yml' || file === 'spare.yml' ? 'db4' : 'db3';

  it('all that were searched are asked where nobody has named them', async () => {
    expect(await serversIn(file, aims, { wal, ...seen })).toBe(`db1, db2, ${last}`);
    const skipped = { ...seen, aimed_now: { skipped: true } };
    expect(await serversIn(file, aims, { wal, ...skipped })).toBe('db1, db2, db3');
  });

  it('those that are named are asked, in their order', async () => {
    const barman_servers = ['db3', 'db2', 'db1'];
    expect(await serversIn(file, aims, { wal, ...seen, barman_servers })).toBe('db3, db2, db1');
  });
});

it.each(['recover.yml', 'spare.yml'])(
  '%s proves that it can fetch from those whose WAL is read',
  async (file) => {
    expect(await serversIn(file, proves, { wal, ...seen })).toBe('db1, db2, db3');
  },
);
