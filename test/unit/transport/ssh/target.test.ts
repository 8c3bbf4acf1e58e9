import { describe, expect, it } from 'vitest';
import { parseOpenSshConfig, targetOf } from '../../../../lib/transport/ssh/target.ts';
import type { SshSettings } from '../../../../lib/transport/types.ts';

const settings: SshSettings = {
  kind: 'ssh',
  address: 'db1',
  port: 22,
  identityFiles: [],
  knownHostsFiles: [],
  hostKeyChecking: 'strict',
  connectTimeoutMs: 1000,
};

const PRINTED = `user barman
hostname 10.0.0.1
port 2222
identityfile ~/.ssh/id_rsa
identityfile /keys/with space
globalknownhostsfile /etc/ssh/ssh_known_hosts /etc/ssh/ssh_known_hosts2
userknownhostsfile /home/me/.ssh/known_hosts
proxyjump me@jump:2200,inner
hostkeyalias alias
identityagent none
`;

describe('targetOf', () => {
  it('takes what the OpenSSH configuration resolves where the inventory is silent', () => {
    expect(targetOf(settings, parseOpenSshConfig(PRINTED), '/home/me')).toMatchObject({
      host: '10.0.0.1',
      port: 2222,
      user: 'barman',
      defaultIdentityFiles: ['/home/me/.ssh/id_rsa', '/keys/with space'],
      knownHostsFiles: ['/home/me/.ssh/known_hosts', '/etc/ssh/ssh_known_hosts', '/etc/ssh/ssh_known_hosts2'],
      proxyJump: ['me@jump:2200', 'inner'],
      hostKeyAlias: 'alias',
    });
  });

  it('lets the inventory win', () => {
    const told = {
      ...settings,
      user: 'postgres',
      port: 2201,
      identityFiles: ['/k'],
      knownHostsFiles: ['/kh'],
    };
    expect(targetOf(told, parseOpenSshConfig(PRINTED))).toMatchObject({
      user: 'postgres',
      port: 2201,
      identityFiles: ['/k'],
      knownHostsFiles: ['/kh'],
    });
  });

  it('falls back on the defaults of OpenSSH where there is no client to ask', () => {
    expect(targetOf(settings, new Map(), '/home/me')).toMatchObject({
      host: 'db1',
      port: 22,
      defaultIdentityFiles: ['/home/me/.ssh/id_ed25519', '/home/me/.ssh/id_ecdsa', '/home/me/.ssh/id_rsa'],
      knownHostsFiles: ['/home/me/.ssh/known_hosts', '/etc/ssh/ssh_known_hosts', '/etc/ssh/ssh_known_hosts2'],
      proxyJump: [],
    });
  });
});
