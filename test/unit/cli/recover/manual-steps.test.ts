import { spawnSync } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { ManualStep, Prepared, StepCommand } from '../../../../cli/recover/manual-step.ts';
import { manualSteps } from '../../../../cli/recover/manual-steps.ts';
import type { Node } from '../../../../cli/recover/nodes.ts';
import { LEFT_BEHIND } from '../../../../lib/recovery/postgres/recovery-files.ts';
import { isRecoverySetting } from '../../../../lib/recovery/postgres/recovery-settings.ts';
import { fakePrograms } from '../../../support/fake-programs.ts';

const node = (name: string, facts: Partial<Node> = {}): Node => ({
  name,
  settings: { kind: 'docker', container: `lab-${name}` },
  pgdata: `/data/${name}`,
  pg_port: 5431,
  pg_bin: '/bin15',
  pg_user: 'postgres',
  patroni_service: 'patroni',
  service_manager: 'supervisor',
  patroni_config: '/etc/patroni.yml',
  barman_server: name,
  restore_ssh: `ssh -q postgres@${name}`,
  ...facts,
});

const prepared: Prepared = {
  runId: 'r1',
  host: 'barman',
  directory: '/var/lib/barman/pitr-recovery/b.r1',
  owner: 'barman',
  server: 'db1',
  backup: 'b',
  systemId: '77',
  words: '2026-01-23 12:30:00+00',
  stops: true,
  timeline: 1,
  major: 15,
  raised: { max_connections: '', max_wal_senders: '12' },
};

function stepsFor(target: Node, leader: string | undefined, more: Partial<Prepared> = {}) {
  const nodes = [node('db1'), target, node('db3')];
  const barman = {
    name: 'barman',
    user: 'barman',
    settings: { kind: 'docker', container: 'lab-barman' },
  } as const;
  return manualSteps({
    ...{ site: { nodes, barman }, node: target, leader, prepared: { ...prepared, ...more } },
    secrets: ['-K'],
  });
}

const CLUSTER = `+ Cluster: shop (77) --+---------+---------+----+-----------+
| Member | Host          | Role    | State   | TL | Lag in MB |
+--------+---------------+---------+---------+----+-----------+
| db1    | db1:5432      | Leader  | running |  1 |           |
| db2    | 10.0.0.2:5432 | Replica | running |  1 |         0 |
+--------+---------------+---------+---------+----+-----------+`;

/** The words of a command after it was typed, where every container is this machine. */
async function answerOf(command: StepCommand | undefined, programs: Readonly<Record<string, string>>) {
  await using _ = await fakePrograms({ docker: 'shift 4; exec "$@"', ...programs });
  const { stdout } = spawnSync('sh', ['-c', command?.typed ?? 'exit 9'], { encoding: 'utf8' });
  const expected = new RegExp(command?.proof?.output ?? '(?!)', 'm');
  return { said: stdout.trim(), holds: expected.test(stdout) };
}

async function localDirectory() {
  const path = await mkdtemp(join(tmpdir(), 'pitr-steps-'));
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) };
}

const cluster = (leader: string): Readonly<Record<string, string>> => ({
  patronictl: `cat <<'E'\n${CLUSTER.replaceAll(/Leader |Replica/g, (role) => (leader === 'db1' ? role : role === 'Replica' ? 'Leader ' : 'Replica'))}\nE`,
});

const typed = (steps: readonly ManualStep[]): readonly string[] =>
  steps.flatMap(({ commands }) => commands.map((command) => command.typed));

describe('the printed steps', () => {
  it('let go of what is held with what the run was given in secret', () => {
    const { back, takeOver } = stepsFor(node('db2'), 'db1');
    const told = [...back, ...takeOver]
      .flatMap(({ notes }) => notes)
      .filter((note) => note.includes('pitr '));
    expect(told.map((note) => note.replace(/.*: /, ''))).toEqual(['pitr commit r1 -K', 'pitr commit r1 -K']);
  });

  it('stop the replicas before the leader, each proved, and start Patroni only on a running primary', () => {
    const lines = typed(stepsFor(node('db2'), 'db1').takeOver);
    const at = (text: string): number => lines.findIndex((line) => line.includes(text));
    expect(at('lab-db3 supervisorctl stop')).toBeLessThan(at('lab-db1 supervisorctl stop'));
    expect(at('lab-db1 /bin15/pg_ctl -D /data/db1 status')).toBeLessThan(
      at('postgresql.log -w -t 600 start'),
    );
    expect(at('postgresql.log -w -t 600 start')).toBeLessThan(at('lab-db2 supervisorctl start'));
    expect(at('lab-db2 supervisorctl start')).toBeLessThan(at('mv -nT /data/db3'));
  });

  it('touch nothing but the node up to the look at the data, and the way back restores it', () => {
    const { apply, back } = stepsFor(node('db2'), 'db1');
    const others = typed([...apply.slice(1), ...back]).filter((line) => /lab-db[13]/.test(line));
    expect(others).toEqual(['docker exec -u root lab-db1 patronictl -c /etc/patroni.yml list']);
    expect(typed(apply)).toContain('docker exec -u root lab-db2 mv -nT /data/db2 /data/db2.pre-pitr.r1');
    expect(typed(back)).toContain('docker exec -u root lab-db2 mv -nT /data/db2.pre-pitr.r1 /data/db2');
  });

  it('give the data the mode of the old data, which the group may read or not', () => {
    const lines = typed(stepsFor(node('db2'), 'db1').apply);
    expect(lines).toContain('docker exec -u root lab-db2 chmod --reference=/data/db2.pre-pitr.r1 /data/db2');
  });

  it('ask first what they rest on: a primary of its own, no pause, plain directories, replicas that copy the leader', () => {
    const [first] = stepsFor(node('db2'), 'db1').apply;
    const lines = typed(first === undefined ? [] : [first]);
    expect(lines.filter((line) => line.includes('show-config'))).toHaveLength(1);
    for (const name of ['db1', 'db2', 'db3']) {
      const asked = lines.filter((line) => line.includes(`lab-${name} `)).join('\n');
      expect(asked).toMatch(/mountpoint[\s\S]*create_replica_method/);
    }
    expect(first?.commands.every(({ proof }) => proof?.output !== undefined)).toBe(true);
  });

  it.each([
    ['nothing of it', 'loop_wait: 10\npostgresql:\n  use_pg_rewind: true', true],
    ['a pause', 'pause: true', false],
    ['a standby cluster', 'standby_cluster:\n  host: db9', false],
    ['how replicas are made', 'postgresql:\n  create_replica_methods:\n  - barman', false],
    ['the same by its old name', 'postgresql:\n  create_replica_method: barman', false],
    ['synchronous commits', 'synchronous_mode: true\nttl: 30', false],
    ['synchronous commits, as a word', "synchronous_mode: 'ON'", false],
    ['synchronous commits of a quorum', 'synchronous_mode: quorum', false],
    ['that commits are not synchronous', 'synchronous_mode: false\nsynchronous_mode_strict: true', true],
    ['the same, as a word', "synchronous_mode: 'off'", true],
  ])('see what the dynamic configuration says: %s', async (_, config, holds) => {
    const [first] = stepsFor(node('db2'), 'db1').apply;
    const asked = first?.commands.find((command) => command.typed.includes('show-config'));
    expect(await answerOf(asked, { patronictl: `cat <<'E'\n${config}\nE` })).toMatchObject({ holds });
  });

  it('see how a node makes replicas by its own file, in both words', async () => {
    await using place = await localDirectory();
    const [first] = stepsFor(node('db2', { patroni_config: place.path }), 'db1').apply;
    const asked = first?.commands.filter(({ typed }) => typed.includes('grep -rA'))[0];
    const answers = async (text: string) => {
      await writeFile(join(place.path, 'patroni.yml'), text);
      return (await answerOf(asked, {})).holds;
    };
    expect(await answers('scope: shop\n')).toBe(true);
    expect(await answers('postgresql:\n  create_replica_methods: [barman]\n')).toBe(false);
    expect(await answers('postgresql:\n  create_replica_method: barman\n')).toBe(false);
  });

  it.each([
    ['by its archive command', 'False', true],
    ['by streaming, which loses its place at a new timeline', 'True', false],
    ['as nobody knows', undefined, false],
  ])('see how Barman receives WAL: %s', async (_, streams, holds) => {
    const [first] = stepsFor(node('db2'), 'db1').apply;
    const asked = first?.commands.filter(({ typed }) => typed.includes('show-server'));
    expect(asked?.map(({ typed }) => typed)).toEqual([
      expect.stringMatching(/^docker exec -u barman lab-barman .*show-server db2/),
    ]);
    const shown =
      streams === undefined
        ? 'exit 1'
        : `[ "$*" = 'show-server db2' ] && printf 'Server db2:\\n\\tstreaming_archiver: ${streams}\\n\\tstreaming_archiver_batch_size: 0\\n'`;
    expect(await answerOf(asked?.[0], { barman: shown })).toMatchObject({ holds });
    const without = stepsFor(node('db2', { barman_server: undefined }), 'db1').apply[0]?.commands;
    expect(JSON.stringify(without)).not.toContain('barman');
  });

  it.each([
    [
      'where Patroni writes it',
      '# Do not edit this file manually!\n# It will be overwritten by Patroni!\n',
      true,
    ],
    ['where nothing is', undefined, false],
    ['where pitr leads outside', '# Made by pitr. PostgreSQL of this node is configured outside\n', false],
  ])('see that the node is configured in its data directory: %s', async (_, text, holds) => {
    await using place = await localDirectory();
    const [first] = stepsFor(node('db2', { pgdata: place.path }), 'db1').apply;
    const asked = first?.commands.filter(({ typed }) => typed.includes('postgresql.conf'));
    expect(asked).toHaveLength(1);
    if (text !== undefined) await writeFile(join(place.path, 'postgresql.conf'), text);
    expect(await answerOf(asked?.[0], {})).toMatchObject({ holds });
  });

  it('speak of services, ports and names as the inventory has them', () => {
    const target = node('pg2', {
      service_manager: 'systemd',
      patroni_service: 'patroni@main',
      pg_port: 5544,
      settings: {
        kind: 'ssh',
        address: '10.0.0.2',
        port: 2222,
        user: 'deploy',
        identityFiles: [],
        knownHostsFiles: [],
        hostKeyChecking: 'strict',
        connectTimeoutMs: 1,
      },
    });
    const lines = typed(stepsFor(target, 'db1').apply.slice(1));
    expect(lines[0]).toBe(
      String.raw`ssh -t -p 2222 deploy@10.0.0.2 'cd / && sudo -H -u root -- sh -c '\''systemctl stop patroni@main'\'''`,
    );
    expect(lines.filter((line) => line.includes('psql')).every((line) => line.includes('-p 5544'))).toBe(
      true,
    );
    expect(lines.some((line) => line.includes('port=5544'))).toBe(true);
  });

  describe('where systemd runs', () => {
    const target = node('db2', {
      service_manager: 'systemd',
      patroni_service: 'patroni@main',
      pg_user: 'pg',
      pgdata: '/data/a b',
    });
    const starts = () => {
      const { apply, takeOver } = stepsFor(target, 'db1');
      const all = [...apply, ...takeOver].flatMap(({ commands }) => commands);
      return all.filter((command) => / start'?$/.test(command.typed) && command.typed.includes('pg_ctl'));
    };
    const ran = async (command: StepCommand | undefined, shown: readonly string[]) => {
      const programs = {
        systemctl: `[ "$4" = patroni@main.service ] && cat <<'E'\n${shown.join('\n')}\nE`,
        'systemd-run': `printf '%s\\n' "$@"`,
      };
      const { said } = await answerOf(command, programs);
      return said.split('\n');
    };

    it('PostgreSQL is started in a unit of its own, which outlives the login, with the limits of Patroni', async () => {
      expect(starts()).toHaveLength(2);
      for (const command of starts()) {
        expect(command.typed).toMatch(/^docker exec -u root lab-db2 sh -c /);
        const words = await ran(command, [
          'LimitNOFILESoft=1024',
          'LimitNOFILE=65536',
          'LimitAS=infinity',
          'LimitASSoft=infinity',
          'OOMScoreAdjust=-900',
          'Nice=',
          'Slice=db.slice',
          'LoadState=loaded',
        ]);
        const end = words.indexOf('--');
        const options = words.slice(0, end);
        expect(options).toEqual(expect.arrayContaining(['--collect', '--pipe', '--wait', '--uid=pg']));
        expect(options.filter((_, at) => options[at - 1] === '-p').toSorted()).toEqual([
          ...['KillMode=process', 'LimitAS=infinity:infinity', 'LimitNOFILE=1024:65536'],
          ...['OOMScoreAdjust=-900', 'Slice=db.slice', 'Type=oneshot'],
        ]);
        const systemd = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin';
        expect(words.slice(end, end + 6)).toEqual([
          ...['--', 'env', expect.stringMatching(`^PATH=/.*:${systemd}$`)],
          ...['/bin15/pg_ctl', '-D', '/data/a b'],
        ]);
        expect(words.at(-1)).toBe('start');
      }
    });

    it('and of a service that systemd does not know it gets the slice of services', async () => {
      const words = await ran(starts()[0], ['LoadState=not-found', 'LimitNOFILE=1024']);
      expect(words.filter((word) => /^(Slice|Limit)/.test(word))).toEqual(['Slice=system.slice']);
    });

    it.each([
      ['systemd 219\n+PAM', false],
      ['systemd 235', false],
      ['systemd 236 (236-1)', true],
      ['systemd 257.9 (257.9-1)', true],
      ['', false],
    ])('the first step asks whether it can do that: %j', async (version, holds) => {
      const asked = stepsFor(target, 'db1').apply[0]?.commands.filter(({ typed }) =>
        typed.includes('systemctl --version'),
      );
      expect(asked).toHaveLength(1);
      expect(await answerOf(asked?.[0], { systemctl: `cat <<'E'\n${version}\nE` })).toMatchObject({ holds });
      const elsewhere = stepsFor(node('db2'), 'db1').apply[0]?.commands ?? [];
      expect(JSON.stringify(elsewhere)).not.toContain('systemctl');
    });
  });

  it.each([
    ['replayed from PostgreSQL 12, by its manual', 12, 'pg_is_wal_replay_paused()'],
    ['replayed from PostgreSQL 13, by its manual', 13, 'pg_is_wal_replay_paused()'],
    ['replayed from PostgreSQL 14, by its manual', 14, 'pg_get_wal_replay_pause_state()'],
    ['of the lab, PostgreSQL 15', 15, 'pg_get_wal_replay_pause_state()'],
  ])('ask for the pause by a function that there is, %s', (_, major, asked) => {
    const lines = typed(stepsFor(node('db2'), 'db1', { major }).apply);
    expect(lines.filter((line) => /replay_pause/.test(line))).toEqual([expect.stringContaining(asked)]);
  });

  describe('before the copy', () => {
    /** Every ssh leads to `reached`, a directory that stands for the data directory there. */
    const sshTo = (reached: string, pgdata: string) => ({
      ssh: `for word; do :; done; sh -c "$(printf %s "$word" | sed 's|${pgdata}|${reached}|g')"`,
    });
    const copyOf = (pgdata: string) => {
      const { apply } = stepsFor(node('db2', { pgdata }), 'db1');
      const copy = apply.find(({ title }) => title === 'Copy recovered data')?.commands ?? [];
      const at = copy.findIndex(({ proof }) => proof?.expected.includes('the login leads to db2'));
      return { before: copy.slice(0, at), proof: copy[at], after: copy[at + 1] };
    };

    it('the login of Barman is proved to lead to this node, and into its new directory', async () => {
      await using db2 = await localDirectory();
      await using db1 = await localDirectory();
      const place = join(db2.path, 'a dir');
      const { before, proof, after } = copyOf(place);
      expect(after?.typed).toContain('rsync -a --delete');
      expect(before[0]?.typed).toContain('install -d -o postgres');
      const asked = (reached: string) => answerOf(proof, sshTo(reached, place));
      // nothing was made yet
      expect(await asked(place)).toEqual({ said: '', holds: false });
      await mkdir(place);
      expect(await asked(place)).toEqual({ said: '', holds: false });
      await answerOf(before[1], {});
      expect(await asked(place)).toEqual({ said: 'new and empty', holds: true });

      // it leads to another node: one whose place is empty, and one with data
      expect(await asked(db1.path)).toEqual({ said: '', holds: false });
      await writeFile(join(db1.path, 'PG_VERSION'), '15');
      expect(await asked(db1.path)).toEqual({ said: '', holds: false });
      // to this node, and old data lies there
      await writeFile(join(place, 'PG_VERSION'), '15');
      expect(await asked(place)).toEqual({ said: '', holds: false });
      // nobody is reached
      expect(await answerOf(proof, { ssh: 'exit 255' })).toEqual({ said: '', holds: false });
    });

    it.each([
      ['ssh -q postgres@fd00::2', 'postgres@fd00::2', "'postgres@[fd00::2]:/data/db2/'"],
      ['ssh fd00:0:0:0:0:0:0:2', 'fd00:0:0:0:0:0:0:2', "'[fd00:0:0:0:0:0:0:2]:/data/db2/'"],
      ['ssh -q postgres@h2', 'postgres@h2', 'postgres@h2:/data/db2/'],
    ])('where the address has colons the copy does not take them for an end: %s', (restoreSsh, login, to) => {
      const { apply } = stepsFor(node('db2', { restore_ssh: restoreSsh }), 'db1');
      const copy = typed(apply.filter(({ title }) => title === 'Copy recovered data'));
      expect(copy[2]).toContain(` ${login} `);
      expect(copy[3]?.endsWith(` ${to}`)).toBe(true);
    });

    it('the login that is proved is the one that the copy takes', () => {
      const target = node('db2', { restore_ssh: 'ssh -q -p 22 -i "/a b/key" postgres@h2' });
      const { apply } = stepsFor(target, 'db1');
      const copy = typed(apply.filter(({ title }) => title === 'Copy recovered data'));
      expect(copy[2]).toContain("barman lab-barman ssh -q -p 22 -i '/a b/key' postgres@h2 ");
      expect(copy[3]).toContain(String.raw`-e 'ssh -q -p 22 -i '\''/a b/key'\''' `);
      expect(copy[3]).toContain('postgres@h2:/data/db2/');
    });
  });

  it('of files that were prepared elsewhere give the node its own configuration, while all can be taken back', async () => {
    await using place = await localDirectory();
    const pgdata = join(place.path, 'a dir');
    const target = node('db2', { pgdata });
    const { apply } = stepsFor(target, 'db1');
    const at = apply.findIndex(({ title }) => title === 'Configure it as db2 is configured');
    expect(apply[at + 1]?.title).toBe('Start PostgreSQL recovery, isolated');
    const [write, port] = apply[at]?.commands ?? [];
    const kept = `${pgdata}.pre-pitr.r1`;
    for (const directory of [pgdata, kept]) await mkdir(directory);
    const conf = join(pgdata, 'postgresql.conf');
    await writeFile(conf, "listen_addresses = '10.0.0.1'\n");
    await writeFile(
      join(kept, 'postgresql.conf'),
      "include 'postgresql.base.conf'\nlisten_addresses = '10.0.0.2'\narchive_command = 'to db2'\nprimary_conninfo = 'host=db1'\nrecovery_target_timeline = 'latest'\nrecovery_prefetch = 'try'\n",
    );
    await answerOf(write, {});
    expect(await readFile(conf, 'utf8')).toBe(
      "include 'postgresql.base.conf'\nlisten_addresses = '10.0.0.2'\narchive_command = false\n#PITR#primary_conninfo = 'host=db1'\n#PITR#recovery_target_timeline = 'latest'\nrecovery_prefetch = 'try'\n",
    );
    expect(new RegExp(port?.proof?.output ?? '(?!)', 'm').test('5431\n')).toBe(true);
    // those beside the data were given it when they were prepared
    const beside = stepsFor(target, 'db1', { host: 'db2', directory: `${pgdata}.pitr` });
    expect(beside.apply.map(({ title }) => title)).not.toContain('Configure it as db2 is configured');
  });

  it('of files that were prepared beside the data rename them instead of copying', () => {
    const { apply } = stepsFor(node('db2'), 'db1', { host: 'db2', directory: '/data/db2.pitr' });
    expect(typed(apply)).toContain('docker exec -u root lab-db2 mv -nT /data/db2.pitr /data/db2');
    expect(typed(apply).some((line) => line.includes('rsync'))).toBe(false);
  });

  it.each([
    [12, ['promote_trigger_file'], ['archive_library']],
    [15, ['promote_trigger_file', 'archive_library'], []],
    [16, ['archive_library'], ['promote_trigger_file']],
  ])('clean up as the cut-over does, with settings that PostgreSQL %i knows', (major, known, unknown) => {
    const text = typed(stepsFor(node('db2'), 'db1', { major }).takeOver).join('\n');
    const reset = [...text.matchAll(/alter system reset (\w+)/g)].map(([, name]) => name);
    // What was raised for the replay is again what the backup itself said.
    expect(reset.filter((name = '') => !isRecoverySetting(name))).toEqual(['max_connections']);
    expect(text).toContain('alter system set max_wal_senders = 12');
    expect(reset).toEqual(
      expect.arrayContaining(['restore_command', 'primary_conninfo', 'archive_command', ...known]),
    );
    for (const name of [...unknown, 'standby_mode', 'trigger_file']) expect(reset).not.toContain(name);
    const removed = /rm -rf ([^'"]*)/.exec(text)?.[1]?.split(' ');
    expect(removed).toEqual(LEFT_BEHIND);
  });

  it('say so when nobody knows who leads', () => {
    const stop = stepsFor(node('db2'), undefined).takeOver.find(({ title }) =>
      title.startsWith('Stop Patroni'),
    );
    expect(stop?.notes).toEqual(['Who leads could not be seen: see it now, and stop that node last.']);
    expect(stop?.commands[0]?.proof?.expected).toContain('who is the Leader');
  });

  it.each([
    ['db1', 'db2', true],
    ['db2', 'db2', false],
    ['db1', 'db.', true],
    // it is the leader, and Patroni knows it by another name
    ['db2', 'pg2.example.com', false],
  ])('where %s leads, the proof that %s does not is %s', async (leads, name, holds) => {
    const [first] = stepsFor(node(name), 'db1').apply;
    const proof = first?.commands.find(({ proof }) => proof?.expected.includes('does not lead'));
    expect(await answerOf(proof, cluster(leads))).toMatchObject({ holds });
    // of a patronictl that failed nothing is known
    expect(await answerOf(proof, { patronictl: 'exit 1' })).toEqual({ said: '', holds: false });
  });

  it('of a leader speak of the failover, and of nobody who leads after it', async () => {
    const leader = node('db2');
    const { apply, takeOver } = stepsFor(leader, 'db2');
    const stop = apply.find(({ title }) => title === 'Stop Patroni on db2');
    expect(stop?.notes.join(' ')).toContain('a failover');
    expect(JSON.stringify(apply)).not.toContain('go on serving');
    expect(JSON.stringify(apply)).not.toContain('does not lead');
    const another = stop?.commands.at(-1);
    expect(another?.proof?.wait).toBe(true);
    expect(await answerOf(another, cluster('db1'))).toMatchObject({ holds: true });
    expect(await answerOf(another, cluster('db2'))).toMatchObject({ holds: false });
    const others = takeOver.find(({ title }) => title.startsWith('Stop Patroni'));
    expect(others?.notes).toEqual([
      'Another node leads since db2 has left: see which, and stop that node last.',
    ]);
    expect(JSON.stringify(takeOver)).not.toContain('db2 leads now');
  });
});
