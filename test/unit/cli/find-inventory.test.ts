import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { findInventories } from '../../../cli/find-inventory.ts';
import { asPitrError } from '../../../lib/base/errors/pitr-error.ts';

let cwd: string;

beforeEach(async () => {
  cwd = await mkdtemp(join(tmpdir(), 'pitr-find-inventory-'));
});

afterEach(() => rm(cwd, { recursive: true }));

async function put(...files: string[]): Promise<void> {
  for (const file of files) {
    await mkdir(dirname(join(cwd, file)), { recursive: true });
    await writeFile(join(cwd, file), '');
  }
}

async function found(
  typed: readonly string[],
  env: Record<string, string> = {},
): Promise<readonly string[] | string> {
  try {
    return await findInventories(typed, { cwd, env });
  } catch (error) {
    return asPitrError(error).code;
  }
}

describe('the inventory', () => {
  it('is what -i names, before everything else', async () => {
    await put('inventory.yml');
    expect(await found(['a.yml', 'b/'], { PITR_INVENTORY: 'c.yml' })).toEqual(['a.yml', 'b/']);
  });

  it('is what the environment names, before files', async () => {
    await put('inventory.yml');
    expect(await found([], { PITR_INVENTORY: 'a.yml:b.yml' })).toEqual(['a.yml', 'b.yml']);
    expect(await found([], { PITR_INVENTORY: '' })).toEqual(['inventory.yml']);
  });

  it('is the one file in inventory/', async () => {
    await put('inventory/lab.yml', 'inventory/README.md', 'inventory/.hidden.yml', 'inventory/lab.yml.bak');
    await put('inventory/group_vars/all.yml', 'inventory/keys/id_ed25519', 'inventory/id_rsa');
    expect(await found([])).toEqual(['inventory/lab.yml']);
  });

  it('is never two files of inventory/ at once by accident', async () => {
    await put('inventory/lab-docker.yml', 'inventory/lab-ssh.yml');
    expect(await found([])).toBe('inventory-ambiguous');
  });

  it.each(['prod.json', 'prod', 'hosts', 'hosts.ini', 'prod/hosts.yml'])(
    'is not chosen beside another one of another form: %s',
    async (other) => {
      await put('inventory/staging.yml', `inventory/${other}`);
      const [name] = other.split('/');
      await expect(findInventories([], { cwd, env: {} })).rejects.toMatchObject({
        code: 'inventory-ambiguous',
        next: [
          '-i inventory/staging.yml',
          `-i inventory/${name}`,
          'or export PITR_INVENTORY=inventory/staging.yml',
        ],
      });
    },
  );

  it('is missed in words when there is none', async () => {
    expect(await found([])).toBe('inventory-missing');
  });
});
