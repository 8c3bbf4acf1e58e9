import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { asPitrError, type PitrError } from '../../lib/base/errors/pitr-error.ts';
import { productPlaybooks } from '../../lib/language/playbook/assets.ts';
import { newDirectory, play } from '../engine/support.ts';

/** Playbooks for the members of a cluster, on a host beside it that spare.yml has recovered to. */

async function refusal(
  playbook: string,
  host: string,
  extraVars: Readonly<Record<string, string>>,
): Promise<PitrError | undefined> {
  const directory = await newDirectory();
  await mkdir(join(directory, 'data'));
  const inventory = join(directory, 'hosts.yml');
  await writeFile(
    inventory,
    `
all:
  vars:
    { ansible_connection: local, pgdata: ${directory}/data, pg_bin: /none, pg_port: 1, pg_user: none, patroni_cluster: shop, barman_host: one, barman_servers: [db1] }
  children:
    patroni: { hosts: { one: {}, two: {} } }
    spares: { hosts: { spare1: {} } }
`,
  );
  const yaml = `- import_playbook: ${join(productPlaybooks(), playbook)}\n`;
  const vars = Object.fromEntries(Object.entries(extraVars).map(([name, value]) => [name, value || host]));
  return play(yaml, { directory, inventories: [inventory], extraVars: vars }).then(
    ({ outcome }) => outcome.error,
    (thrown: unknown) => asPitrError(thrown),
  );
}

describe('a host beside the cluster', () => {
  it('has no WAL for the archive of the cluster: save-wal.yml does not even look there', async () => {
    expect(await refusal('save-wal.yml', 'spare1', { node: '' })).toMatchObject({
      kind: 'refused',
      code: 'outside-cluster',
      details: expect.arrayContaining([expect.stringContaining('history of its own')]),
    });
    expect((await refusal('save-wal.yml', 'one', { node: '' }))?.code).not.toBe('outside-cluster');
  });

  it.each(['forward.yml', 'replay.yml', 'rollback.yml'])(
    'has no note of its recovery, and %s names the ways that a spare has',
    async (playbook) => {
      const moment = { target: '', target_time: '2026-11-22 10:00:00+00' };
      const error = await refusal(playbook, 'spare1', moment);
      expect(error).toMatchObject({ kind: 'refused', code: 'outside-cluster' });
      expect(error?.next?.join('\n')).toMatch(
        /spare-serves\.yml.* -e target=spare1[\s\S]*pitr undo[\s\S]*spare\.yml/,
      );
      expect(error?.next?.join('\n')).not.toContain('recover.yml');
      const member = await refusal(playbook, 'one', moment);
      expect(member?.code).toBe('no-recovery-waiting');
      expect(member?.next?.join('\n')).toContain('recover.yml');
    },
  );
});
