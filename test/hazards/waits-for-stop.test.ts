import { join } from 'node:path';
import { expect, it } from 'vitest';
import { z } from 'zod';
import { productPlaybooks } from '../../lib/language/playbook/assets.ts';
import { loadPlaybook } from '../../lib/language/playbook/load.ts';
import { play } from '../engine/support.ts';

/** Whether the steps that are printed wait until PostgreSQL pauses, where this was proved and aimed at. */
async function stopsWith(wal: unknown, aim: unknown): Promise<string | undefined> {
  const { plays } = await loadPlaybook(join(productPlaybooks(), 'prepare.yml'));
  const says = plays
    .flatMap(({ tasks }) => tasks)
    .flatMap((step) => (step.kind === 'task' && step.module === 'core.set_fact' ? [step] : []))
    .at(-1);
  const { stops } = z.object({ stops: z.string() }).parse(says?.args.value.prepared);
  const { messages } = await play(`- hosts: one
  vars: ${JSON.stringify({ wal, aimed: { aim }, stops })}
  tasks:
    - core.debug: "{{ json stops }}"
`);
  return messages.at(-1);
}

// Where WAL ends within a segment its last record is the target: PostgreSQL pauses there, and asks for no next segment.
it.each([
  [{ latest: false }, { time: '2026-11-22 09:34:43+00', stops_at: '0/5000060' }, 'true'],
  [{ latest: false }, { immediate: true }, 'true'],
  [{ latest: true }, { lsn: '0/5000060', stops_at: '0/5000098' }, 'true'],
  [{ latest: true }, { time: 'latest' }, 'false'],
])('%j, aimed at %j: PostgreSQL pauses there: %s', async (wal, aim, stops) => {
  expect(await stopsWith(wal, aim)).toBe(stops);
});
