import { describe, expect, it } from 'vitest';
import { clientWords, typedWords } from '../../../../lib/transport/client-words.ts';
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
    const keyless = { ...settings, identityFiles: [], clientOptions: jumps };
    expect(sshByHand(targetOf(keyless, JUMP))).toBe('ssh -J a,b -F /etc/config -p 2222 barman@db1');
    expect(sshByHand(targetOf({ ...keyless, jumps: ['c'] }, JUMP))).toBe(
      'ssh -J c -F /etc/config -p 2222 barman@db1',
    );
    const both: SshSettings = { ...settings, jumps: ['c'], clientOptions: jumps };
    expect(clientWords(both).join(' ')).toBe('-i /keys/a -i /keys/b -J c -F /etc/config');
    expect(clientWords({ ...both, jumps: undefined }).slice(-4)).toEqual(jumps);
  });

  it('brings one key there, as ssh-copy-id takes no more', () => {
    const target = targetOf({ ...settings, jumps: ['c'], clientOptions: ['-J', 'a,b'] }, JUMP);
    expect(copyKeyByHand(target)).toBe(
      `ssh-copy-id -o 'ProxyCommand=ssh -i /keys/a -i /keys/b -W '\\''[%h]:%p'\\'' c' -i /keys/a -p 2222 barman@db1`,
    );
    expect(copyKeyByHand(targetOf({ ...settings, identityFiles: [], jumps: ['c'] }, JUMP))).toBe(
      "ssh-copy-id -o 'ProxyJump=c' -p 2222 barman@db1",
    );
  });

  it('gives each jump host the keys and known hosts that pitr gives it, as -J would not', () => {
    const jumps = ['me@[fe80::1]:23', 'b'];
    const known = { ...settings, identityFiles: ['/keys/50%'], knownHostsFiles: ['/known'], jumps };
    const words = "-i /keys/50%% -o 'UserKnownHostsFile=/known'";
    expect(typedWords(known)[1]).toContain(`ProxyCommand=ssh -o 'ProxyCommand=`);
    expect(typedWords({ ...known, jumps: ['b:24'] })).toEqual([
      '-o',
      `ProxyCommand=ssh ${words} -p 24 -W '[%h]:%p' b`,
      ...['-i', '/keys/50%', '-o', 'UserKnownHostsFile=/known'],
    ]);
    // The client of this machine is what pitr itself takes then, and that has no more to give.
    expect(typedWords({ ...known, client: 'openssh' })).toContain('-J');
    expect(typedWords({ ...settings, jumps: [] })).toEqual(['-i', '/keys/a', '-i', '/keys/b', '-J', 'none']);
  });
});
