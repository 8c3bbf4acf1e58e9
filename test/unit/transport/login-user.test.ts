import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { connectHost } from '../../../lib/transport/connect.ts';
import { LocalConnection } from '../../../lib/transport/local/connection.ts';
import { askLoginUser } from '../../../lib/transport/login-user.ts';
import { fakePrograms } from '../../support/fake-programs.ts';

async function folder() {
  const path = await mkdtemp(join(tmpdir(), 'pitr-login-user-'));
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) };
}

it.each([
  ['an id that fails', 'exit 1', { code: 'login-user-untold', kind: 'failed' }],
  ['an id that says something else', 'echo root', { code: 'login-user-untold' }],
  ['a shell that is killed meanwhile', 'kill -9 $PPID; sleep 1', { code: 'login-user-untold' }],
])('%s is no answer, and is asked again the next time', async (_, bad, error) => {
  await using dir = await folder();
  const once = `if mkdir ${dir.path}/asked 2>/dev/null; then ${bad}; exit; fi; case $1 in -u) echo 0 ;; *) echo root ;; esac`;
  await using _programs = await fakePrograms({ id: once, runuser: 'shift 3; exec "$@"' });
  const host = connectHost('here', { kind: 'local' });
  try {
    await expect(host.run(['true'], { user: 'nobody' })).rejects.toMatchObject(error);
    expect((await host.run(['echo', 'become'], { user: 'nobody' })).stdout).toBe('become\n');
  } finally {
    await host.close();
  }
});

it('an id that does not answer ends at its deadline, and does not hold up who is interrupted', async () => {
  await using _ = await fakePrograms({ id: 'exec sleep 77' });
  const connection = new LocalConnection();
  await expect(askLoginUser(connection, undefined, 300)).rejects.toMatchObject({
    code: 'login-user-untold',
    details: ['id: it has not answered within 0.3 s'],
  });
  await connection.close();
  const host = connectHost('here', { kind: 'local' });
  const signal = AbortSignal.timeout(300);
  await expect(host.run(['true'], { user: 'nobody', signal })).rejects.toMatchObject({ kind: 'interrupted' });
  await host.close();
});

it('a long command of the login user does not hold up that it is asked who that is', async () => {
  const host = connectHost('here', { kind: 'local' });
  const controller = new AbortController();
  const long = host.run(['sleep', '60'], { signal: controller.signal }).catch((error: unknown) => error);
  const user = userInfo().username;
  const result = host.run(['true'], { user }).catch((error: unknown) => error);
  const from = performance.now();
  await result;
  expect(performance.now() - from).toBeLessThan(20_000);
  controller.abort();
  await long;
  await host.close();
});
