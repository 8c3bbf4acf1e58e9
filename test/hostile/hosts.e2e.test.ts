import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Lab } from '../../lab/lab.ts';
import { containerName } from '../../lab/topology.ts';
import { connectionSettings } from '../../lib/language/inventory/connection.ts';
import { loadInventory } from '../../lib/language/inventory/load.ts';
import { module as access } from '../../lib/modules/barman/access.ts';
import { module as recover } from '../../lib/modules/barman/recover.ts';
import type { ConnectionSettings } from '../../lib/transport/types.ts';
import { labPlayground, nodeParams } from '../modules/lab-playground.ts';
import { Playground } from '../modules/playground.ts';
import { errorOf } from '../support/errors.ts';
import { sharedLab } from '../support/lab.ts';
import { hostileTexts, newCanary, shown } from './values.ts';

const canary = newCanary();
const TEXTS = hostileTexts(canary);
const LONG = `$(touch ${canary})'"\n`.repeat(4_000);

let lab: Lab;
beforeAll(async () => {
  lab = await sharedLab();
});

/** Nothing that was only a value has been run, wherever a shell could have stood. */
const HUNT = `find / -xdev \\( -path /proc -o -path /sys \\) -prune -o -name "$1*" -print 2>/dev/null; exit 0`;

async function sshSettings(): Promise<ConnectionSettings> {
  const { hosts } = await loadInventory([lab.files.sshInventory]);
  const host = hosts.get('etcd');
  if (host === undefined) throw new Error('the inventory of the lab has no etcd');
  return connectionSettings(
    host,
    Object.fromEntries([...host.vars].map(([name, { value }]) => [name, value])),
  );
}

describe.each(['local', 'docker', 'ssh'] as const)('over %s', (transport) => {
  let play: Playground;
  let work: string;

  beforeAll(async () => {
    const settings: ConnectionSettings =
      transport === 'local'
        ? { kind: 'local' }
        : transport === 'docker'
          ? { kind: 'docker', container: containerName(lab.prefix, 'etcd') }
          : await sshSettings();
    play = new Playground({ here: settings });
    work = (await play.host().must(['mktemp', '-d', '/tmp/hostile.XXXXXX'])).stdout.trim();
  });

  afterAll(async () => {
    await play.host().must(['rm', '-rf', '--', work]);
    await play.close();
  });

  it.each(TEXTS.map((text) => [shown(text), text] as const))('carries %s as it is', async (_, text) => {
    const place = join(work, String(TEXTS.indexOf(text)));
    const directory = `${place}/${text}`;
    const file = `${directory}/${text}`;
    await play.run('fs.directory', { path: directory, mode: '0700' });
    await play.run('fs.copy', { dest: file, content: text, mode: '0600' });
    const read = await play.run('fs.read', { path: file });
    expect(read.result?.content).toBe(text);
    expect((await play.run('fs.stat', { path: file })).result).toMatchObject({
      exists: true,
      mode: '0600',
    });
    await play.run('fs.file', { path: file, mode: '0640' });
    await play.run('fs.move', { src: file, dest: `${directory}/moved` });
    await play.run('fs.tree', { src: directory, from: 'here', dest: `${place}/copy` });
    await play.run('fs.file', { path: `${place}/copy/moved`, state: 'absent' });
    const said = await play.run('core.command', {
      argv: ['printf', '%s.', text],
      chdir: directory,
      undo: ['true'],
    });
    expect(said.result?.stdout).toBe(`${text}.`);
    const listed = await play.host().must(['ls', '-A'], { cwd: directory, env: { HOSTILE: text } });
    expect(listed.stdout.trim()).toBe('moved');
    const fed = await play.host().must(['sh', '-c', 'printf %s "$HOSTILE"; cat'], {
      env: { HOSTILE: text },
      stdin: text,
    });
    expect(fed.stdout).toBe(text + text);
    await play.run('core.wait_for', { path: directory, timeout: 5 });
    await play.run('fs.space', { path: directory, need: 1 });
    const tool = await errorOf(play.run('core.tools', { commands: [text] }));
    expect(['refused', 'validation', 'bug']).toContain(tool.kind);
    while (play.journal.length > 0) await play.undo();
    expect((await play.run('fs.stat', { path: place })).result).toMatchObject({ exists: false });
  });

  it.each([
    ['a name of 100 kB', { path: `/tmp/${'x'.repeat(100_000)}` }],
    ['a path of 100 kB', { path: '/tmp/x'.repeat(20_000) }],
  ])('fails with words for %s', async (_, params) => {
    const error = await errorOf(play.run('fs.directory', params));
    expect(['failed', 'refused', 'validation']).toContain(error.kind);
  });

  it('carries text of 100 kB as argument, content and stdin', async () => {
    const said = await play.run('core.command', {
      argv: ['printf', '%s.', LONG],
      undo: ['true'],
    });
    expect(said.result?.stdout === `${LONG}.`).toBe(true);
    await play.run('fs.copy', { dest: `${work}/long`, content: LONG });
    expect((await play.run('fs.read', { path: `${work}/long` })).result?.content === LONG).toBe(true);
    while (play.journal.length > 0) await play.undo();
  });

  it.each(TEXTS.map((text) => [shown(text), text] as const))('becomes nobody called %s', async (_, user) => {
    const error = await errorOf(play.run('core.command', { argv: ['true'] }, 'here', user));
    expect(['validation', 'unreachable', 'failed']).toContain(error.kind);
    play.journal.length = 0;
  });

  it.each(['a\0b', '\0'])('refuses %j before anything runs', async (text) => {
    for (const params of [{ argv: ['printf', text] }, { argv: [text] }]) {
      expect((await errorOf(play.run('core.command', params))).kind).toBe('validation');
    }
  });

  // Last, for all of them: it looks through the whole file system.
  it('has run none of it', async () => {
    const { stdout } = await play.host().must(['sh', '-c', HUNT, 'sh', canary]);
    expect(stdout).toBe('');
    expect(existsSync(canary)).toBe(false);
  });
});

describe('the trade', () => {
  let play: Playground;
  beforeAll(() => {
    play = labPlayground(lab.prefix);
  });
  afterAll(() => play.close());

  const postgres = nodeParams('db1').postgres;
  const patroni = nodeParams('db1').patroni;

  it('sends any text to SQL as it is, and takes names for names', async () => {
    for (const text of TEXTS.filter((one) => !one.includes('\0'))) {
      const sql = `select '${text.replaceAll("'", "''")}' as said`;
      const { result } = await play.run('postgres.query', { ...postgres, sql }, 'db1');
      expect(result?.rows).toEqual([{ said: text }]);
      for (const wrong of [{ database: text }, { role: text }]) {
        const error = await errorOf(
          play.run('postgres.query', { ...postgres, sql: 'select 1', ...wrong }, 'db1'),
        );
        expect([text, error.kind === 'bug']).toEqual([text, false]);
      }
    }
  });

  it('refuses names of clusters, services, servers, backups and members that are none', async () => {
    const member = { ...nodeParams('db1').member, state: 'running' };
    // Each look at Barman takes a second or two: every third text.
    for (const text of TEXTS.filter((_, index) => index % 3 === 0)) {
      const asked: readonly (readonly [string, string, object])[] = [
        ['patroni.cluster', 'db1', { ...patroni, cluster: text }],
        ['patroni.leader', 'db1', { ...patroni, member: text, timeout: 1 }],
        ['patroni.member', 'db1', { ...member, service: text }],
        ['service.state', 'db1', { name: text, manager: 'supervisor' }],
        ['barman.backup', 'barman', { id: text, user: 'barman' }],
        ['barman.backup', 'barman', { id: 'latest', server: text, user: 'barman' }],
        ['barman.check', 'barman', { server: text, user: 'barman' }],
        ['barman.wal', 'barman', { backup: text, target_time: 'latest', user: 'barman' }],
        ['barman.wal', 'barman', { backup: 'latest', target_time: text, user: 'barman' }],
        ['barman.access', 'db1', { ssh: text, servers: ['db1'] }],
        ['barman.access', 'db1', { ssh: 'barman@barman', servers: [text] }],
        ['barman.access', 'barman', { remote_ssh: `ssh postgres@${text}`, user: 'barman' }],
      ];
      for (const [module, host, params] of asked) {
        const error = await errorOf(play.run(module, params, host));
        // The schema's own error is not one of ours yet here: the engine makes it one.
        const refused = error.kind !== 'bug' || error.cause?.constructor.name === 'ZodError';
        expect([module, text, refused]).toEqual([module, text, true]);
      }
    }
  });

  it.each(['$(id)', '`id`', '; id', '| id', '> /tmp/x', '&& id', '*', 'a\nid'])(
    'hands Barman no ssh command with %j in it: it would run it on both sides',
    (text) => {
      const remote_ssh = `ssh -q postgres@db2 ${text}`;
      expect(access.params.safeParse({ remote_ssh }).success).toBe(false);
      const wish = { backup: 'latest', node: 'db2', destination: '/var/lib/postgresql/15/x', remote_ssh };
      expect(recover.params.safeParse(wish).success).toBe(false);
    },
  );

  it('has run nothing on any host', async () => {
    for (const host of ['barman', 'db1'] as const) {
      expect(await lab.mustExec(host, ['sh', '-c', HUNT, 'sh', canary])).toBe('');
    }
    expect(existsSync(canary)).toBe(false);
  });
});
