import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { asPitrError, type PitrErrorJson } from '../../lib/base/errors/pitr-error.ts';
import { productPlaybooks } from '../../lib/language/playbook/assets.ts';
import { loadPlaybook } from '../../lib/language/playbook/load.ts';
import { flatTasks } from '../../lib/language/playbook/load-steps.ts';
import type { Task } from '../../lib/language/playbook/model.ts';
import { play } from '../engine/support.ts';

/** A recovery whose gap was accepted ends before it, also where the missing WAL is found meanwhile. */

async function tasksOf(file: string): Promise<readonly Task[]> {
  const { plays } = await loadPlaybook(join(productPlaybooks(), file));
  return plays.flatMap(({ tasks }) => flatTasks(tasks));
}

const UNTIL = '000000010000000000000005';
const proved = (wal: string, gap: boolean) => ({
  archived_until: { wal },
  ...(gap ? { gap: { missing: ['000000010000000000000006'] } } : {}),
});

describe.each(['recover.yml', 'spare.yml'])('in %s', (file) => {
  /** How it refuses with what was proved for the plan, and with what is proved once more. */
  async function refusal(wal: unknown, wal_now: unknown): Promise<PitrErrorJson | undefined> {
    const task = (await tasksOf(file)).find(({ args }) => args.value.refuse === 'gap-has-moved');
    const yaml = `- hosts: one
  vars: ${JSON.stringify({ wal, wal_now })}
  tasks:
    - core.assert: ${JSON.stringify(task?.args.value)}
`;
    return await play(yaml).then(
      ({ outcome }) => outcome.error?.toJSON(),
      (thrown: unknown) => asPitrError(thrown).toJSON(),
    );
  }

  it.each([
    ['no gap was met', proved(UNTIL, false), proved('000000010000000000000007', false)],
    ['it is where it was', proved(UNTIL, true), proved(UNTIL, true)],
    ['nothing but what a node has lies behind it', proved(UNTIL, true), proved(UNTIL, false)],
  ])('it goes on where %s', async (_, wal, now) => {
    expect(await refusal(wal, now)).toBeUndefined();
  });

  it.each([
    ['has closed', proved('000000010000000000000008', false)],
    ['has moved', proved('000000010000000000000006', true)],
  ])('it refuses before anything is restored where the gap %s', async (_, now) => {
    const refused = await refusal(proved(UNTIL, true), now);
    expect(refused).toMatchObject({ kind: 'refused', code: 'gap-has-moved' });
    expect(refused?.next?.join()).toMatch(/pitr undo \S+/);
  });

  it('that is looked at before anything is restored', async () => {
    const tasks = await tasksOf(file);
    const asked = tasks.findIndex(({ args }) => args.value.refuse === 'gap-has-moved');
    const after = tasks.slice(asked).map(({ module }) => module);
    expect(after).toContain('barman.recover');
    expect(tasks.slice(0, asked).map(({ module }) => module)).not.toContain('barman.recover');
  });
});

it.each([
  [{ time: 'latest' }, false],
  [{ lsn: '0/500060', stops_at: '0/600000' }, true],
  [{ time: '2026-11-22 09:34:43+00' }, true],
])('the steps by hand wait for a pause where PostgreSQL is told a target: %j', async (aim, stops) => {
  const task = (await tasksOf('prepare.yml')).find(({ stage }) => stage === 'prepared');
  const { stops: told } = Object(task?.args.value.prepared);
  const { messages } = await play(`- hosts: one
  vars: ${JSON.stringify({ aimed: { aim }, told })}
  tasks:
    - core.debug: "{{ told }}"
`);
  expect(messages).toEqual([String(stops)]);
});
