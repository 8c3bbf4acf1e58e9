import { readFile, stat } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { currentLeader } from '../../lab/cluster.ts';
import { findContainers } from '../../lab/containers.ts';
import { openLab, prefixFrom } from '../../lab/lab.ts';
import { silent } from '../../lab/progress.ts';
import { labStatus } from '../../lab/status.ts';
import { hostNames } from '../../lab/topology.ts';
import { labUp } from '../../lab/up.ts';

describe('a lab that is up', () => {
  const prefix = prefixFrom(process.env);

  it('is left as it is by another `up`', async () => {
    // An earlier suite may have left it in need of repair.
    await labUp(prefix, silent);
    const { lab, outcome } = await labUp(prefix, silent);
    expect(outcome).toBe('was up');
    expect((await labStatus(lab)).up).toBe(true);
  });

  it('publishes sshd on 127.0.0.1 only', async () => {
    const lab = await openLab(prefix);
    for (const { id } of (await findContainers(lab.engine, prefix)).values()) {
      const { NetworkSettings } = await lab.engine.getContainer(id).inspect();
      const bindings = Object.entries(NetworkSettings.Ports).filter(([, published]) => published !== null);
      expect(bindings.map(([port, published]) => [port, published?.map(({ HostIp }) => HostIp)])).toEqual([
        ['22/tcp', ['127.0.0.1']],
      ]);
    }
  });

  it('hands the controller a private key and the true host key of every host', async () => {
    const { files, mustExec } = await openLab(prefix);
    expect((await stat(files.controllerKey)).mode & 0o777).toBe(0o600);
    const known = await readFile(files.knownHosts, 'utf8');
    for (const host of hostNames) {
      const [type, key] = (await mustExec(host, ['cat', '/etc/ssh/ssh_host_ed25519_key.pub'])).split(' ');
      expect(known).toContain(` ${type} ${key}\n`);
    }
  });

  it('lets barman into every node and the leader into barman, with host keys checked', async () => {
    const lab = await openLab(prefix);
    for (const host of ['db1', 'db2', 'db3', 'db4']) {
      const answer = await lab.mustExec('barman', ['ssh', '-q', `postgres@${host}`, 'hostname'], {
        user: 'barman',
      });
      expect(answer).toBe(`${host}\n`);
    }
    const leader = await currentLeader(lab);
    expect(await lab.mustExec(leader, ['ssh', '-q', 'barman@barman', 'hostname'], { user: 'postgres' })).toBe(
      'barman\n',
    );
  });
});
