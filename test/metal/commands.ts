import { expect } from 'vitest';
import type { Lab } from '../../lab/lab.ts';
import { storedVariants } from '../../lab/metal/variants.ts';
import { pitr } from '../support/pitr.ts';

/** What a command prints on a node, run as the owner of the data. */
async function asPostgres(lab: Lab, ...command: readonly string[]): Promise<string> {
  const words = ['exec', 'db1', '-i', lab.files.metalInventory, '-u', 'postgres', '--output', 'json'];
  const { events, exitCode, stderr } = await pitr([...words, '--', ...command]);
  expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
  const [answer]: readonly { readonly stdout?: string }[] = events as readonly object[];
  return answer?.stdout ?? '';
}

/** What pitr makes on a host is thereby shown to be as it must under a umask that closes files to everybody else. */
export async function hasItsUmask(lab: Lab): Promise<void> {
  const umask = storedVariants(lab.files.metalVariants)?.umask;
  expect(await asPostgres(lab, 'sh', '-c', 'umask')).toBe(`0${umask}\n`);
}
