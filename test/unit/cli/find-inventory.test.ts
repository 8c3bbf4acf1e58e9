import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { findInventories } from '../../../cli/find-inventory.ts';
import { asPitrError } from '../../../lib/base/errors/pitr-error.ts';

let cwd: string;

beforeEach(async () => {
  cwd = await mkdtemp(join(tmpdir(), 'pitr-find-inventory-'));
});

afterEach(() => rm(cwd, { recursive: true }));

async function put(...files: string[]): Promise<void> {
  await mkdir(join(cwd, 'inventory'), { recursive: true });
  for (const file of files) await writeFile(join(cwd, file), '');
}

function found(typed: readonly string[], env: Record<string, string> = {}): readonly string[] | string {
  try {
    return findInventories(typed, { cwd, env });
  } catch (error) {
    return asPitrError(error).code;
  }
}

describe('the inventory', () => {
  it('is what -i names, before everything else', async () => {
    await put('inventory.yml');
    expect(found(['a.yml', 'b/'], { PITR_INVENTORY: 'c.yml' })).toEqual(['a.yml', 'b/']);
  });

  it('is what the environment names, before files', async () => {
    await put('inventory.yml');
    expect(found([], { PITR_INVENTORY: 'a.yml:b.yml' })).toEqual(['a.yml', 'b.yml']);
    expect(found([], { PITR_INVENTORY: '' })).toEqual(['inventory.yml']);
  });

  it('is the one file in inventory/', async () => {
    await put('inventory/lab.yml', 'inventory/README.md', 'inventory/.hidden.yml');
    expect(found([])).toEqual(['inventory/lab.yml']);
  });

  it('is never two files of inventory/ at once by accident', async () => {
    await put('inventory/lab-docker.yml', 'inventory/lab-ssh.yml');
    expect(found([])).toBe('inventory-ambiguous');
  });

  it('is missed in words when there is none', () => {
    expect(found([])).toBe('inventory-missing');
  });
});
