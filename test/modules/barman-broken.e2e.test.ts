import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { WriteHost } from '../../lib/contract/host.ts';
import { liveHost } from '../../lib/engine/run/live-host.ts';
import { module as backup } from '../../lib/modules/barman/backup.ts';
import { module as check } from '../../lib/modules/barman/check.ts';
import { module as servers } from '../../lib/modules/barman/servers.ts';
import { module as wal } from '../../lib/modules/barman/wal.ts';
import { connectHost } from '../../lib/transport/connect.ts';
import type { HostConnection } from '../../lib/transport/types.ts';
import { errorOf } from '../support/errors.ts';
import { ask } from './barman-lab.ts';
import { type OwnContainer, ownContainer, sweepContainers } from './own-container.ts';

const CONFIG = `[barman]
barman_user = barman
barman_home = /var/lib/barman
log_file = /tmp/barman.log
configuration_files_directory = /etc/barman.d`;
const SERVER =
  '[one]\\ndescription = a server\\nssh_command = true\\nconninfo = host=nowhere\\narchiver = on\\n';
const ID = '20261122T155813';

let container: OwnContainer;
let connection: HostConnection;
let host: WriteHost;
const sh = (text: string) => host.must(['sh', '-ec', text]);

beforeAll(async () => {
  await sweepContainers();
  container = await ownContainer();
  connection = connectHost('backups', { kind: 'docker', container: container.name });
  host = liveHost(connection, () => connection);
  await sh(`printf '%s\\n' '${CONFIG}' >/etc/barman.conf; printf '${SERVER}' >/etc/barman.d/one.conf`);
  await sh('install -d -o barman -g barman /var/lib/barman/one/base /var/lib/barman/one/wals');
});
afterAll(async () => {
  await connection?.close();
  await container?.[Symbol.asyncDispose]();
});

describe('a Barman that answers and has nothing', () => {
  it('is no error, and "not found" means not found', async () => {
    expect(await ask(servers, host, {})).toMatchObject({ names: ['one'], servers: [{ backups: 0 }] });
    expect(await errorOf(ask(backup, host, { id: ID }))).toMatchObject({
      kind: 'refused',
      code: 'backup-unknown',
    });
    expect(await errorOf(ask(backup, host, { id: 'latest' }))).toMatchObject({
      kind: 'refused',
      code: 'backup-none',
    });
  });

  it('whose checks fail is reported, and fails the task on request only', async () => {
    const answer = await ask(check, host, { server: 'one' });
    expect(answer.ok).toBe(false);
    const error = await errorOf(ask(check, host, { server: 'one', fail: true }));
    expect(error).toMatchObject({ kind: 'failed', code: 'barman-check-failed' });
    expect(error.details.join('\n')).toContain('one: postgresql');
    const ignore = answer.failed.map((item) => item.check);
    expect((await ask(check, host, { server: 'one', ignore, fail: true })).ok).toBe(true);
  });
});

describe('a server that Barman passes over', () => {
  it.each([
    ['active = false', 'inactive', ['switch-wal', 'archive-wal', 'receive-wal', 'backup']],
    ['primary_ssh_command = ssh -q barman@nowhere', 'passive', ['backup']],
  ])('ends with success and does nothing, and is listed as that: %s', async (line, kind, commands) => {
    await sh(`cp -p /etc/barman.d/one.conf /tmp/one.conf; printf '${line}\\n' >>/etc/barman.d/one.conf`);
    try {
      for (const command of commands) await sh(`runuser -u barman -- barman ${command} one`);
      expect(await ask(servers, host, {})).toMatchObject({
        servers: [{ backups: 0, idle: [{ kind, line, file: '/etc/barman.d/one.conf' }] }],
      });
    } finally {
      await sh('mv /tmp/one.conf /etc/barman.d/one.conf');
    }
  });
});

describe('a Barman that cannot be asked is never "backup not found"', () => {
  it('whose configuration is broken', async () => {
    await sh("printf '[barman]\\nbarman_home = /other\\n' >/etc/barman.d/two.conf");
    try {
      const error = await errorOf(ask(backup, host, { id: ID }));
      expect(error).toMatchObject({ kind: 'failed', code: 'barman-config-broken' });
      expect(error.evidence?.stderr).toContain('two.conf');
      expect(await errorOf(ask(check, host, {}))).toMatchObject({ code: 'barman-command-failed' });
    } finally {
      await sh('rm /etc/barman.d/two.conf');
    }
  });

  it('whose configuration is gone', async () => {
    await sh('mv /etc/barman.conf /etc/barman.conf.away');
    try {
      const error = await errorOf(ask(backup, host, { id: ID }));
      expect(error).toMatchObject({ kind: 'failed', code: 'barman-config-broken' });
      expect(error.details).toContain('No configuration file was found.');
    } finally {
      await sh('mv /etc/barman.conf.away /etc/barman.conf');
    }
  });

  it('whose command is not installed', async () => {
    const path = (await sh('command -v barman')).stdout.trim();
    await sh(`mv ${path} ${path}.away`);
    try {
      expect(await errorOf(ask(backup, host, { id: ID }))).toMatchObject({
        kind: 'failed',
        code: 'barman-command-missing',
      });
      expect(await errorOf(ask(check, host, {}))).toMatchObject({ code: 'barman-command-missing' });
    } finally {
      await sh(`mv ${path}.away ${path}`);
    }
  });

  it('whose OS user does not exist', async () => {
    const error = await errorOf(ask(backup, host, { id: ID, user: 'nobodyhere' }));
    expect(error.kind).not.toBe('refused');
    expect(error.message).not.toContain('not found on');
  });

  it('whose backups or archive cannot be looked into', async () => {
    for (const directory of ['base', 'wals']) {
      await sh(`chown root /var/lib/barman/one/${directory}; chmod 700 /var/lib/barman/one/${directory}`);
      const error = await errorOf(ask(wal, host, { backup: ID }));
      await sh(`chown barman /var/lib/barman/one/${directory}`);
      expect(error).toMatchObject({ kind: 'failed', code: 'barman-archive-unreadable' });
      expect(error.details.join()).toContain(`/var/lib/barman/one/${directory}`);
    }
  });

  it.each([
    ['a backup', 'base/20261122T155813'],
    ['the backups described apart', 'meta'],
    ['what arrives', 'incoming'],
    ['what is streamed', 'streaming'],
    ['a day of WAL', 'wals/0000000100000000'],
    ['a history', 'wals/00000002.history'],
  ])('of which a part cannot be looked into: %s', async (_, part) => {
    const place = `/var/lib/barman/one/${part}`;
    const make = part.endsWith('.history') ? 'touch' : 'install -d -o barman -g barman';
    await sh(`${make} ${place}; chmod 000 ${place}; chown root ${place}`);
    try {
      const error = await errorOf(ask(wal, host, { backup: ID }));
      expect(error).toMatchObject({ kind: 'failed', code: 'barman-archive-unreadable' });
      expect(error.details.join()).toContain(part);
    } finally {
      await sh(`rm -rf ${place}`);
    }
  });

  it('whose host is gone', async () => {
    const gone = connectHost('backups', { kind: 'docker', container: 'pitr-no-such-container' });
    try {
      const error = await errorOf(
        ask(
          backup,
          liveHost(gone, () => gone),
          { id: ID },
        ),
      );
      expect(error.kind).toBe('unreachable');
    } finally {
      await gone.close();
    }
  });
});
