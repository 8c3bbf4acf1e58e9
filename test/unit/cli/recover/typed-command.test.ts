import { execFileSync } from 'node:child_process';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { typedCommand } from '../../../../cli/recover/typed-command.ts';
import { Secret } from '../../../../lib/base/values/secret.ts';
import type { SshSettings } from '../../../../lib/transport/types.ts';
import { fakePrograms } from '../../../support/fake-programs.ts';

const ssh: SshSettings = {
  kind: 'ssh',
  address: 'pg1.example.com',
  port: 22,
  user: 'root',
  identityFiles: [],
  knownHostsFiles: [],
  hostKeyChecking: 'strict',
  connectTimeoutMs: 10_000,
};
const docker = { kind: 'docker', container: 'lab-db2' } as const;
const argv = ['mv', '-nT', '/srv/a b', '/srv/c'];

describe('a command as it is typed', () => {
  it.each([
    ['docker, as root', docker, undefined, "docker exec -u root lab-db2 mv -nT '/srv/a b' /srv/c"],
    ['docker, as another', docker, 'postgres', "docker exec -u postgres lab-db2 mv -nT '/srv/a b' /srv/c"],
    ['ssh, as root', ssh, undefined, "ssh root@pg1.example.com 'mv -nT '\\''/srv/a b'\\'' /srv/c'"],
    [
      'ssh, root becomes another',
      ssh,
      'postgres',
      "ssh root@pg1.example.com 'cd / && runuser -u postgres -- mv -nT '\\''/srv/a b'\\'' /srv/c'",
    ],
    [
      'ssh, by sudo, another port and key',
      {
        ...ssh,
        user: 'deploy',
        port: 2222,
        identityFiles: ['/home/me/.ssh/id'],
        knownHostsFiles: ['/etc/kh'],
      },
      'postgres',
      String.raw`ssh -t -p 2222 -i /home/me/.ssh/id -o 'UserKnownHostsFile=/etc/kh' deploy@pg1.example.com 'cd / && sudo -H -u postgres -- sh -c '\''mv -nT '\''\'\'''\''/srv/a b'\''\'\'''\'' /srv/c'\'''`,
    ],
    [
      'ssh, by su',
      { ...ssh, user: 'deploy', become: { method: 'su' } },
      'postgres',
      "ssh deploy@pg1.example.com 'cd / && su -s /bin/sh postgres -c '\\''mv -nT '\\''\\'\\'''\\''/srv/a b'\\''\\'\\'''\\'' /srv/c'\\'''",
    ],
    [
      'ssh, by sudo that asks for a password, which needs a terminal',
      { ...ssh, user: 'deploy', become: { method: 'sudo', password: new Secret('x') } },
      undefined,
      String.raw`ssh -t deploy@pg1.example.com 'cd / && sudo -H -u root -- sh -c '\''mv -nT '\''\'\'''\''/srv/a b'\''\'\'''\'' /srv/c'\'''`,
    ],
    [
      'ssh, as the login itself, which asks for nothing',
      { ...ssh, user: 'deploy', become: { method: 'sudo', password: new Secret('x') } },
      'deploy',
      "ssh deploy@pg1.example.com 'mv -nT '\\''/srv/a b'\\'' /srv/c'",
    ],
    [
      'ssh, as root, which is asked for nothing',
      { ...ssh, become: { method: 'auto', password: new Secret('x') } },
      'postgres',
      "ssh root@pg1.example.com 'cd / && runuser -u postgres -- mv -nT '\\''/srv/a b'\\'' /srv/c'",
    ],
  ] as const)('%s', (_, settings, user, typed) => {
    expect(typedCommand({ host: 'db2', user, argv }, settings)).toBe(typed);
  });

  /** A host where one may become another only by a shell: what docs/recovery.md calls enough. */
  const allows = (program: string, words: number) => ({
    ssh: 'for last; do :; done; exec sh -c "$last"',
    [program]: `shift ${words}; [ "$1" = sh ] && [ "$2" = -c ] || { echo "not allowed: $1" >&2; exit 1; }; exec "$@"`,
  });

  it.each([
    ['sudo', allows('sudo', 4)],
    ['doas', allows('doas', 2)],
  ] as const)('needs no more of %s than the shell that pitr itself is allowed', async (method, programs) => {
    await using _ = await fakePrograms(programs);
    const said = (...words: readonly string[]): string => {
      const settings = { ...ssh, user: 'deploy', become: { method } };
      const typed = typedCommand({ host: 'db2', user: 'postgres', argv: words }, settings);
      return execFileSync('sh', ['-c', typed]).toString();
    };
    expect(said('printf', '%s|', 'a b', "it's", '$HOME', '\\')).toBe("a b|it's|$HOME|\\|");
    expect(said('pwd')).toBe('/\n');
    expect(said('sh', '-c', 'echo "it\'s its own"')).toBe("it's its own\n");
  });

  it('gives sudo a text of sh as it is', () => {
    const settings = { ...ssh, user: 'deploy' };
    expect(typedCommand({ host: 'db2', argv: ['sh', '-c', 'echo x'] }, settings)).toBe(
      String.raw`ssh -t deploy@pg1.example.com 'cd / && sudo -H -u root -- sh -c '\''echo x'\'''`,
    );
  });

  it('is data through both shells, whatever the words hold', () => {
    const word = fc.string({ unit: 'binary', maxLength: 20 }).filter((text) => !text.includes('\0'));
    fc.assert(
      fc.property(fc.array(word, { maxLength: 3 }), (words) => {
        const typed = typedCommand({ host: 'x', user: 'root', argv: ['printf', '%s|', ...words] }, ssh);
        // the remote shell is a shell, too
        const seen = execFileSync('sh', ['-c', `ssh() { shift; sh -c "$1"; }; ${typed}`]).toString();
        expect(seen).toBe(words.length === 0 ? '|' : words.map((one) => `${one}|`).join(''));
      }),
      { numRuns: 40 },
    );
  });
});
