import { describe, expect, it } from 'vitest';
import { Secret } from '../../../lib/base/values/secret.ts';
import { connectHost } from '../../../lib/transport/connect.ts';
import type { BecomeSettings, RunResult } from '../../../lib/transport/types.ts';
import { fakePrograms } from '../../support/fake-programs.ts';

/** They are called as pitr calls them, and want the password `right`. */
const asks = (question: string, tries: string, shift: number): string => `
for try in ${tries}; do
  ${question}
  IFS= read -r password
  if [ "$password" = right ]; then shift ${shift}; exec "$@"; fi
  echo 'Sorry, try again.' >&2
done
exit 1`;

const SUDO = asks(`printf %s "$3" >&2`, '1 2 3', 7);
const SUDO_RS = asks(`printf '[sudo: %s] Password: ' "$3" >&2`, '1 2 3', 7);
const IN_PIECES = asks(`printf '[sudo: %s' "$3" >&2; printf '] Password: ' >&2`, '1 2 3', 7);
const SU = asks(`printf 'Password:' >&2; printf ' ' >&2`, '1', 3).replace('exec "$@"', 'exec sh "$@"');

async function become(
  method: BecomeSettings['method'],
  program: string,
  password = 'right',
): Promise<RunResult> {
  await using _programs = await fakePrograms({ [method]: program });
  const host = connectHost('here', { kind: 'local', become: { method, password: new Secret(password) } });
  try {
    return await host.run(['echo', 'become'], { user: 'nobody' });
  } finally {
    await host.close();
  }
}

describe('a question for the become password', () => {
  it.each([
    ['sudo', 'sudo', SUDO],
    ['sudo-rs, which writes its own words around it', 'sudo', SUDO_RS],
    ['sudo-rs on a slow link', 'sudo', IN_PIECES],
    ['su', 'su', SU],
  ] as const)('is answered: %s', async (_, method, program) => {
    expect((await become(method, program)).stdout).toBe('become\n');
  });

  it.each([
    ['sudo', SUDO],
    ['sudo', SUDO_RS],
    ['sudo', IN_PIECES],
  ] as const)(
    'is answered once: asked again, the password was wrong (%s, case %#)',
    async (method, program) => {
      await expect(become(method, program, 'wrong')).rejects.toMatchObject({
        code: 'become-password-wrong',
        message: 'the become password was not accepted: sudo to user "nobody", local',
        evidence: { command: 'sudo', stderr: expect.stringContaining('Sorry, try again.') },
      });
    },
  );

  it('is not met where the login shell prints the command that asks it', async () => {
    const traced = `echo "+ exec sudo -S -p '$3'" >&2\n${SUDO}`;
    expect((await become('sudo', traced)).stdout).toBe('become\n');
  });

  it('that is another one is told as it is: a password that has expired is no wrong one', async () => {
    const expired = `printf 'Password: ' >&2; read -r password
      printf 'You are required to change your password immediately.\\nCurrent password: ' >&2; read -r old; exit 1`;
    await expect(become('su', expired)).rejects.toMatchObject({
      code: 'become-password-wrong',
      message:
        'after the become password something else was asked for, "Current password:": su to user "nobody", local',
      evidence: { command: 'su', stderr: expect.stringContaining('required to change your password') },
      next: [expect.stringContaining('su'), expect.stringContaining('inventory')],
    });
  });
});
