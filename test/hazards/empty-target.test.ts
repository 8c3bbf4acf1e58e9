import { join } from 'node:path';
import { expect, it } from 'vitest';
import { productPlaybooks } from '../../lib/language/playbook/assets.ts';
import { targetSchema } from '../../lib/recovery/wal/target.ts';
import { play } from '../engine/support.ts';

/** Whether the modules take what the playbooks make of these variables, as `-e` or an inventory gives them. */
async function isTaken(given: Readonly<Record<string, unknown>>): Promise<boolean> {
  const { messages } = await play(`- hosts: one
  defaults_files: [${join(productPlaybooks(), 'vars', 'recovery.yml')}]
  vars: ${JSON.stringify({ ...given, pgdata: '/nonexistent/data' })}
  tasks:
    - core.debug: "{{ json wanted }}"
`);
  return targetSchema.safeParse(JSON.parse(messages.at(-1) ?? '')).success;
}

it.each(['target_time', 'target_lsn', 'target_xid', 'target_name'])(
  'a recovery with an empty %s is refused, and not one to latest',
  async (name) => {
    expect(await isTaken({ [name]: '' })).toBe(false);
  },
);

it('the defaults alone, and an empty one beside another target, are taken', async () => {
  expect(await isTaken({})).toBe(true);
  expect(await isTaken({ target_xid: '', target_lsn: '0/5000060' })).toBe(true);
  expect(await isTaken({ target_lsn: null })).toBe(true);
});
