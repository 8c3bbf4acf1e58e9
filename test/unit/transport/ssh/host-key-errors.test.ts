import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { parseOpenSshConfig } from '../../../../lib/transport/ssh/client-config.ts';
import { hostKeyUnknown } from '../../../../lib/transport/ssh/host-key-errors.ts';
import { targetOf } from '../../../../lib/transport/ssh/target.ts';

it('a host key is stored by a command that works where ~/.ssh is not there yet, too', () => {
  const home = mkdtempSync(join(tmpdir(), 'pitr-home-'));
  onTestFinished(() => rmSync(home, { recursive: true }));
  const settings = {
    kind: 'ssh',
    address: 'db1',
    user: 'postgres',
    port: 22,
    identityFiles: [],
    knownHostsFiles: [],
    hostKeyChecking: 'strict',
    connectTimeoutMs: 1000,
  } as const;
  const storeIn = (file: string): string | undefined => {
    const config = parseOpenSshConfig(`user postgres\nhostname db1\nuserknownhostsfile ${file}\n`);
    return hostKeyUnknown(targetOf(settings, config, home), Buffer.alloc(51), undefined).next[1];
  };
  expect(storeIn(join(home, 'known_hosts'))).toBe(
    `When it is the right one, store it: ssh-keyscan -p 22 db1 >>${join(home, 'known_hosts')}`,
  );
  expect(storeIn(join(home, '.ssh/known_hosts'))).toMatch(
    /^When it is the right one, log in once by hand and answer yes: ssh -o /,
  );
});
