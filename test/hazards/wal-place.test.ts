import { chmod, mkdir, mkdtemp, rm, symlink } from 'node:fs/promises';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { productPlaybooks } from '../../lib/language/playbook/assets.ts';
import { play } from '../engine/support.ts';
import { closed, ordinaryUser } from '../support/ordinary-user.ts';

let dir: string;
const at = (name: string): string => join(dir, name);

// Old data that was kept with its WAL, on another volume: both have got the same ending.
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'pitr-wal-place-'));
  await mkdir(at('wal/main.pre-pitr.1'), { recursive: true });
  await mkdir(at('main.pre-pitr.1'));
  await symlink(at('wal/main.pre-pitr.1'), at('main.pre-pitr.1/pg_wal'));
  await mkdir(at('main'));
});
afterEach(() => rm(dir, { recursive: true }));

async function refusal(as = userInfo().username): Promise<string | undefined> {
  const { outcome } = await play(`- hosts: one
  become: true
  become_user: ${as}
  vars: ${JSON.stringify({ pgdata: at('main'), old_data: at('main.pre-pitr.1') })}
  tasks:
    - import_tasks: ${join(productPlaybooks(), 'tasks', 'wal-place-free.yml')}
`);
  return outcome.error?.code;
}

describe('the place to which the WAL of the old data comes back', () => {
  it('is free', async () => {
    expect(await refusal()).toBeUndefined();
  });

  it('may hold the WAL of the data that makes way', async () => {
    await mkdir(at('wal/main'));
    await symlink(at('wal/main'), at('main/pg_wal'));
    expect(await refusal()).toBeUndefined();
  });

  it('is taken by what a copy has left that broke off, and that is known before anything is stopped', async () => {
    await mkdir(at('wal/main'));
    expect(await refusal()).toBe('wal-place-taken');
  });

  it('is not free where nobody may look, and that is known before anything is stopped', async () => {
    await chmod(dir, 0o755);
    await using _ = await closed(at('wal'));
    expect(await refusal(ordinaryUser)).toBe('path-unreadable');
  });

  it('is none where the WAL lies in the data', async () => {
    await rm(at('main.pre-pitr.1/pg_wal'));
    await mkdir(at('main.pre-pitr.1/pg_wal'));
    await mkdir(at('wal/main'));
    expect(await refusal()).toBeUndefined();
  });
});
