import { describe, expect, it } from 'vitest';
import { clientWords } from '../../../../lib/transport/client-words.ts';
import { copyKeyByHand, sshByHand } from '../../../../lib/transport/ssh/by-hand.ts';
import { parseOpenSshConfig } from '../../../../lib/transport/ssh/client-config.ts';
import { targetOf } from '../../../../lib/transport/ssh/target.ts';
import type { SshSettings } from '../../../../lib/transport/types.ts';

const settings: SshSettings = {
  kind: 'ssh',
  address: 'db1',
  identityFiles: ['/keys/a', '/keys/b'],
  knownHostsFiles: [],
  hostKeyChecking: 'strict',
  connectTimeoutMs: 1000,
};
const CONFIG = parseOpenSshConfig('user barman\nhostname 10.0.0.1\nport 2222\n');
const JUMP = parseOpenSshConfig('user barman\nhostname 10.0.0.1\nport 2222\nproxyjump a,b\n');

describe('a login to try by hand', () => {
  it('names the host as the configuration knows it, so that all it says of it holds', () => {
    const target = targetOf(settings, CONFIG);
    expect(sshByHand(target)).toBe('ssh -i /keys/a -i /keys/b -p 2222 barman@db1');
  });

  it('has one -J, the only one that the client takes', () => {
    const jumps = ['-F', '/etc/config', '-J', 'a,b'];
    const told = targetOf({ ...settings, clientOptions: jumps }, JUMP);
    expect(sshByHand(told)).toBe('ssh -J a,b -i /keys/a -i /keys/b -F /etc/config -p 2222 barman@db1');
    const both: SshSettings = { ...settings, jumps: ['c'], clientOptions: jumps };
    expect(sshByHand(targetOf(both, JUMP))).toBe(
      'ssh -J c -i /keys/a -i /keys/b -F /etc/config -p 2222 barman@db1',
    );
    expect(clientWords(both).join(' ')).toBe('-i /keys/a -i /keys/b -J c -F /etc/config');
    expect(clientWords({ ...both, jumps: undefined }).slice(-4)).toEqual(jumps);
  });

  it('brings one key there, as ssh-copy-id takes no more', () => {
    const target = targetOf({ ...settings, jumps: ['c'], clientOptions: ['-J', 'a,b'] }, JUMP);
    expect(copyKeyByHand(target)).toBe("ssh-copy-id -o 'ProxyJump=c' -i /keys/a -p 2222 barman@db1");
  });
});
