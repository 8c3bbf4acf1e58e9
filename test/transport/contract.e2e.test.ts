import { describe } from 'vitest';
import type { SshSettings } from '../../lib/transport/types.ts';
import { startBusybox } from '../support/containers.ts';
import { endProcess, startSshd } from '../support/sshd.ts';
import { type Peer, transportContract } from './contract.ts';

async function local(): Promise<Peer> {
  return { settings: { kind: 'local' }, breakDown: undefined, [Symbol.asyncDispose]: async () => {} };
}

async function ssh(): Promise<Peer> {
  return sshd({});
}

async function openssh(): Promise<Peer> {
  return sshd({ client: 'openssh' });
}

async function sshd(client: Pick<SshSettings, 'client'>): Promise<Peer> {
  const sshd = await startSshd();
  return {
    settings: { ...sshd.settings, ...client },
    breakDown: async () => {
      for (const pid of await sshd.connections()) endProcess(pid, 'SIGKILL');
    },
    [Symbol.asyncDispose]: () => sshd.stop(),
  };
}

async function docker(): Promise<Peer> {
  const container = await startBusybox();
  return {
    settings: { kind: 'docker', container: container.getId() },
    breakDown: async () => {
      await container.stop({ timeout: 0 });
    },
    [Symbol.asyncDispose]: async () => {
      await container.stop({ timeout: 0 });
    },
  };
}

describe.each([
  ['local', local],
  ['ssh', ssh],
  ['openssh', openssh],
  ['docker', docker],
] as const)('%s', (kind, start) => {
  transportContract(start, kind);
});
