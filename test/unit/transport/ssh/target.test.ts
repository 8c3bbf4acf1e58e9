import { userInfo } from 'node:os';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { parseOpenSshConfig } from '../../../../lib/transport/ssh/client-config.ts';
import { targetOf } from '../../../../lib/transport/ssh/target.ts';
import type { SshSettings } from '../../../../lib/transport/types.ts';

const settings: SshSettings = {
  kind: 'ssh',
  address: 'db1',
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

  it('fills in the tokens that the client prints as they are written', () => {
    const printed = `${PRINTED}identityfile ~/.ssh/%n/%r@%h:%p-%k-100%%\nidentityfile \${HOME}/%u/%d/%i\nrevokedhostkeys ~/.ssh/revoked.%h\nidentitiesonly yes\n`;
    const { username, uid } = userInfo();
    expect(targetOf(settings, parseOpenSshConfig(printed), '/home/me')).toMatchObject({
      defaultIdentityFiles: [
        '/home/me/.ssh/id_rsa',
        '/keys/with space',
        '/home/me/.ssh/db1/barman@10.0.0.1:2222-alias-100%',
        `${process.env.HOME}/${username}//home/me/${uid}`,
      ],
      revokedKeysFile: '/home/me/.ssh/revoked.10.0.0.1',
      identitiesOnly: true,
    });
  });

  it('lets the inventory win', () => {
    const told = {
      ...settings,
      user: 'postgres',
      port: 22,
      identityFiles: ['/k'],
      knownHostsFiles: ['/kh'],
      jumps: ['deploy@gate:2222', 'inner'],
    };
    expect(targetOf(told, parseOpenSshConfig(PRINTED))).toMatchObject({
      user: 'postgres',
      port: 22,
      identityFiles: ['/k'],
      knownHostsFiles: ['/kh'],
      proxyJump: ['deploy@gate:2222', 'inner'],
      // Said by nobody but the configuration.
      host: '10.0.0.1',
      hostKeyAlias: 'alias',
    });
    const direct = targetOf(
      { ...settings, jumps: [] },
      parseOpenSshConfig(`${PRINTED}proxycommand nc %h %p\n`),
    );
    expect(direct).toMatchObject({ proxyJump: [], proxyCommand: undefined });
  });

  it.each([
    ['', '/run/me/agent'],
    ['identityagent SSH_AUTH_SOCK\n', '/run/me/agent'],
    ['identityagent ~/agent\n', '/home/me/agent'],
    ['identityagent none\n', undefined],
  ])('asks the agent that the configuration names, and none where it says so (%j)', (said, agentSocket) => {
    vi.stubEnv('SSH_AUTH_SOCK', '/run/me/agent');
    onTestFinished(() => void vi.unstubAllEnvs());
    expect(targetOf(settings, parseOpenSshConfig(said), '/home/me')).toMatchObject({ agentSocket });
  });

  it.each([
    ['', undefined, 10_000],
    ['connecttimeout none\n', undefined, 10_000],
    ['connecttimeout 60\n', undefined, 60_000],
    ['connecttimeout 3\n', undefined, 10_000],
    ['connecttimeout 60\n', 5_000, 5_000],
  ])(
    'gives a slow host the time that the configuration gives it (%j, told %j)',
    (said, told, connectTimeoutMs) => {
      const target = targetOf({ ...settings, connectTimeoutMs: told }, parseOpenSshConfig(said));
      expect(target).toMatchObject({ connectTimeoutMs });
    },
  );

  it('falls back on the defaults of OpenSSH where there is no client to ask', () => {
    expect(targetOf(settings, new Map(), '/home/me')).toMatchObject({
      host: 'db1',
      port: 22,
      defaultIdentityFiles: ['/home/me/.ssh/id_ed25519', '/home/me/.ssh/id_ecdsa', '/home/me/.ssh/id_rsa'],
      knownHostsFiles: ['/home/me/.ssh/known_hosts', '/etc/ssh/ssh_known_hosts', '/etc/ssh/ssh_known_hosts2'],
      proxyJump: [],
      proxyCommand: undefined,
      knownHostsCommand: undefined,
      revokedKeysFile: undefined,
      identitiesOnly: false,
    });
  });
});
