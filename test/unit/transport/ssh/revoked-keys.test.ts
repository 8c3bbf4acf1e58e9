import { execFileSync } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { isRevoked } from '../../../../lib/transport/ssh/revoked-keys.ts';

async function twoKeys() {
  const directory = await mkdtemp(join(tmpdir(), 'pitr-revoked-'));
  onTestFinished(() => rm(directory, { recursive: true, force: true }));
  const make = async (name: string, type: string) => {
    const file = join(directory, name);
    execFileSync('ssh-keygen', ['-q', '-t', type, '-N', '', '-C', 'of a test', '-f', file]);
    const line = await readFile(`${file}.pub`, 'utf8');
    return { line, wire: Buffer.from(line.split(' ')[1] ?? '', 'base64') };
  };
  const [bad, good] = [await make('bad', 'ed25519'), await make('good', 'rsa')];
  const file = join(directory, 'revoked');
  return { bad, good, file, publicFile: join(directory, 'bad.pub') };
}

describe('isRevoked', () => {
  it('reads a list of public keys', async () => {
    const { bad, good, file } = await twoKeys();
    await writeFile(file, `# stolen\n\n${bad.line}`);
    expect([isRevoked(file, bad.wire), isRevoked(file, good.wire)]).toEqual([true, false]);
  });

  it('reads a list of ssh-keygen -k', async () => {
    const { bad, good, file, publicFile } = await twoKeys();
    execFileSync('ssh-keygen', ['-q', '-k', '-f', file, publicFile]);
    expect([isRevoked(file, bad.wire), isRevoked(file, good.wire)]).toEqual([true, false]);
  });

  it('does not take for a no what cannot be read', async () => {
    const { good, file } = await twoKeys();
    expect(() => isRevoked(file, good.wire)).toThrow('ENOENT');
    for (const cut of [3, 9, 100]) {
      await writeFile(file, `${good.line.slice(0, cut)}\n`);
      expect(() => isRevoked(file, good.wire)).toThrow('line 1 holds no public key');
    }
    await writeFile(file, 'SSHKRL\n\0cut');
    expect(() => isRevoked(file, good.wire)).toThrow('ssh-keygen -Q: ');
  });
});
