import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { waitFor } from '../../lab/wait.ts';
import { renderClaim } from '../../lib/system/lock/claim.ts';
import { archived, archivedAt, spoil } from '../faults/inject-archive.ts';
import {
  aside,
  backupInfo,
  changed,
  edit,
  type Fault,
  HOURS_AHEAD,
  type Planted,
  pgdata,
  type Stage,
  setting,
  sh,
  sql,
} from './stage.ts';

/** A segment with something in it is finished. */
const SWITCH = ["select pg_logical_emit_message(false, 'doctor', 'x')", 'select pg_switch_wal()'];

function configOf({ leader }: Stage): string {
  return `/etc/barman.d/${leader}.conf`;
}

/** Something in the description of the newest backup. */
async function inBackup(stage: Stage, ...expressions: readonly string[]): Promise<Planted> {
  return changed(
    stage,
    'barman',
    await backupInfo(stage),
    'path=$1; shift; for one do sed -i "$one" "$path" || exit; done',
    ...expressions,
  );
}

/** Bytes that are free where a node has its data. */
async function freeBytes(stage: Stage): Promise<number> {
  const printed = await sh(
    stage,
    stage.replica,
    'df -P -k -- "$1" | tail -n 1',
    pgdata(stage, stage.replica),
  );
  return Number(printed.trim().split(/\s+/)[3]) * 1024;
}

/** The leader's archiver says yes and stores nothing; the segment that is lost by it. */
async function storesNothing(stage: Stage): Promise<Planted> {
  const { leader } = stage;
  const before = await sql(stage, leader, 'select pg_walfile_name(pg_current_wal_lsn())');
  const planted = await setting(stage, leader, 'archive_command', 'true');
  await sql(stage, leader, ...SWITCH);
  await waitFor({
    what: 'the segment to count as archived',
    deadlineMs: 180_000,
    attempt: () => sql(stage, leader, 'select last_archived_wal from pg_stat_archiver'),
    done: (last) => last.trim() >= before.trim(),
    describe: (last) => last,
  });
  return {
    takeBack: async () => {
      const last = await sql(stage, leader, 'select last_archived_wal from pg_stat_archiver');
      await planted.takeBack();
      // A server closes segments by itself too: all that it lost meanwhile go to Barman.
      const lost = `select name from pg_ls_waldir() where name ~ '^[0-9A-F]{24}$' and name between '${before.trim()}' and '${last.trim()}' order by 1`;
      for (const name of (await sql(stage, leader, lost)).trim().split('\n')) {
        const path = `${pgdata(stage, leader)}/pg_wal/${name}`;
        await stage.lab.mustExec(leader, ['barman-wal-archive', '-U', 'barman', 'barman', leader, path], {
          user: 'postgres',
        });
      }
    },
  };
}

/** Faults of archiving, of backups, and what recoveries have left. */
export const ARCHIVE_FAULTS: readonly Fault[] = [
  {
    check: 'archiving.on',
    apart: true,
    what: 'archive_command is empty',
    says: /archive_command is empty/,
    plant: (stage) => setting(stage, stage.leader, 'archive_command', ''),
  },
  {
    check: 'archiving.works',
    what: 'archive_command fails',
    says: /archiving fails: the last try was of [0-9A-F]{24}/,
    plant: (stage) => setting(stage, stage.leader, 'archive_command', 'exit 1', ...SWITCH),
  },
  {
    check: 'archiving.backlog',
    what: 'several segments wait to be archived',
    says: /\d+ finished WAL files wait to be archived/,
    plant: (stage) =>
      setting(stage, stage.leader, 'archive_command', 'exit 1', ...SWITCH, ...SWITCH, ...SWITCH, ...SWITCH),
  },
  {
    check: 'archiving.arrives',
    apart: true,
    what: 'archive_command says yes and stores nothing',
    says: /counts as archived, and lies in no archive of Barman/,
    plant: storesNothing,
  },
  {
    check: 'archiving.timeout',
    what: 'archive_timeout is 0',
    says: /archive_timeout is 0/,
    plant: (stage) => setting(stage, stage.leader, 'archive_timeout', '0'),
  },
  {
    check: 'archiving.slots',
    what: 'a slot that nobody reads',
    says: /nobody reads the replication slot forgotten/,
    plant: async (stage) => {
      await edit(stage, 'slots.forgotten.type=physical');
      return { takeBack: () => edit(stage, 'slots=null') };
    },
  },
  {
    check: 'archiving.streaming',
    apart: true,
    what: 'a server is to receive WAL by streaming, and does not',
    says: /is to receive WAL by streaming, and ".*" fails/,
    plant: (stage) =>
      changed(
        stage,
        'barman',
        configOf(stage),
        `printf 'streaming_archiver = on\\nslot_name = nosuch\\n' >> "$1"`,
      ),
  },
  {
    check: 'archiving.active',
    apart: true,
    what: "the leader's server is switched off in Barman",
    says: /Barman archives nothing for server .*: it is switched off/,
    plant: (stage) => changed(stage, 'barman', configOf(stage), `printf 'active = false\\n' >> "$1"`),
  },
  {
    check: 'archiving.own',
    apart: true,
    what: "the leader's server is a copy of another Barman's",
    says: /has no archiver of its own/,
    plant: (stage) =>
      changed(
        stage,
        'barman',
        configOf(stage),
        `printf 'primary_ssh_command = ssh -q barman@nowhere\\n' >> "$1"`,
      ),
  },
  {
    check: 'archiving.errors',
    what: 'Barman has put a file aside',
    says: /Barman has put aside 1 files of server/,
    plant: async (stage) => {
      const path = `/var/lib/barman/${stage.leader}/errors/000000010000000000000001.20260101T000000Z.duplicate`;
      await sh(stage, 'barman', 'install -o barman /dev/null "$1"', path);
      return { takeBack: () => sh(stage, 'barman', 'rm -- "$1"', path) };
    },
  },
  {
    check: 'archiving.incoming',
    what: "Barman's cron does not run",
    says: /\d+ files have waited for more than ten minutes/,
    // When a file has arrived nobody can set back: the host's clock goes on instead.
    plant: async (stage) => {
      const path = `/var/lib/barman/${stage.leader}/incoming/0000000100000000000000FE`;
      const date = '/usr/local/bin/date';
      await sh(stage, 'barman', 'supervisorctl stop barman-cron; install -o barman /dev/null "$1"', path);
      await sh(stage, 'barman', 'printf %s "$2" > "$1"; chmod 0755 "$1"', date, HOURS_AHEAD);
      return {
        takeBack: () => sh(stage, 'barman', 'rm -- "$1" "$2"; supervisorctl start barman-cron', path, date),
      };
    },
  },
  {
    check: 'backups.servers',
    apart: true,
    what: 'the inventory names a server that Barman does not know',
    says: /Barman knows no server nosuch/,
    plant: async () => ({
      takeBack: async () => {},
      args: ['-e', '{"barman_servers": ["db1", "db2", "db3", "db4", "nosuch"]}'],
    }),
  },
  {
    check: 'backups.present',
    apart: true,
    what: 'there is no backup',
    says: /there is no complete backup/,
    plant: async (stage) => {
      await sh(
        stage,
        'barman',
        'cd /var/lib/barman && for d in db?; do mkdir -p "$d/base"; mv "$d/base" "$d/base.aside"; done',
      );
      const back =
        'cd /var/lib/barman && for d in db?; do rm -rf "$d/base"; mv "$d/base.aside" "$d/base"; done';
      return { takeBack: () => sh(stage, 'barman', back) };
    },
  },
  {
    check: 'backups.age',
    what: 'the newest backup is months old',
    says: /is \d{2,} days old/,
    plant: (stage) =>
      inBackup(stage, 's/^\\(begin_time\\|end_time\\)=.*/\\1=2026-01-01 00:00:00.000000+00:00/'),
  },
  {
    check: 'backups.failed',
    apart: true,
    what: 'the newest backup has failed',
    says: /has status FAILED/,
    plant: (stage) => inBackup(stage, 's/^status=.*/status=FAILED/'),
  },
  {
    check: 'backups.files',
    what: 'files of the newest backup are gone',
    says: /./,
    plant: async (stage) =>
      aside(stage, 'barman', (await backupInfo(stage)).replace('/backup.info', '/data/global/pg_control')),
  },
  {
    check: 'backups.chain',
    apart: true,
    what: 'a segment is missing between the backup and now',
    says: /segment [0-9A-F]{24} is missing in the archives/,
    plant: async (stage) => {
      await sh(
        stage,
        'barman',
        'runuser -u barman -- barman switch-wal --force --archive "$1"',
        stage.leader,
      );
      await sh(
        stage,
        'barman',
        'runuser -u barman -- barman switch-wal --force --archive "$1"',
        stage.leader,
      );
      const all = await archived(stage.lab, stage.leader);
      return { takeBack: await spoil(stage.lab, archivedAt(stage.leader, all.at(-2) ?? ''), 'remove') };
    },
  },
  {
    check: 'backups.now',
    apart: true,
    what: "nothing of the leader's timeline is in the archives",
    says: /no backup reaches timeline \d+/,
    plant: async (stage) => {
      const all = await archived(stage.lab, stage.leader);
      const segments = all.at(-1)?.slice(0, 16) ?? '';
      return aside(stage, 'barman', `/var/lib/barman/${stage.leader}/wals/${segments}`);
    },
  },
  {
    check: 'backups.histories',
    what: 'a history file cannot be read',
    says: /000000FF\.history of server/,
    plant: async (stage) => {
      const path = `/var/lib/barman/${stage.leader}/wals/000000FF.history`;
      await sh(stage, 'barman', 'echo nonsense > "$1"; chown barman "$1"', path);
      return { takeBack: () => sh(stage, 'barman', 'rm -- "$1"', path) };
    },
  },
  {
    check: 'backups.redundancy',
    what: 'there are fewer backups than there are to be',
    says: /is to have 9 \(minimum_redundancy\)/,
    plant: (stage) => changed(stage, 'barman', configOf(stage), 'echo "minimum_redundancy = 9" >> "$1"'),
  },
  {
    check: 'backups.retention',
    // A backup that is months old would reach back far enough.
    apart: true,
    what: 'no backup reaches back as far as the retention policy says',
    says: /is \d+ days old, and every moment of 30 days .*RECOVERY WINDOW OF 30 DAYS/,
    plant: (stage) =>
      changed(
        stage,
        'barman',
        configOf(stage),
        'echo "retention_policy = RECOVERY WINDOW OF 30 DAYS" >> "$1"',
      ),
  },
  {
    check: 'backups.compressed',
    apart: true,
    what: 'the newest backup is compressed, and nobody says where it is unpacked',
    says: /is compressed \(gzip\)/,
    plant: (stage) => inBackup(stage, 's/^compression=.*/compression=gzip/'),
  },
  {
    check: 'backups.barman-check',
    what: 'Barman does not reach PostgreSQL',
    says: /"postgresql" fails/i,
    plant: (stage) =>
      changed(stage, 'barman', configOf(stage), 'sed -i \'/^conninfo/s/port=[0-9]*/port=1/\' "$1"'),
  },
  {
    check: 'backups.drill',
    apart: true,
    what: 'this machine knows of no recovery',
    says: /no backup of this cluster was ever restored from here/,
    plant: async () => {
      const nothingRecovered = await mkdtemp(join(tmpdir(), 'pitr-doctor-'));
      return {
        takeBack: () => rm(nothingRecovered, { recursive: true }),
        env: { PITR_STATE_DIR: nothingRecovered },
      };
    },
  },
  {
    check: 'space.node',
    what: 'the newest backup is larger than any volume',
    says: /restored data needs .* are free on/,
    plant: (stage) => inBackup(stage, 's/^size=.*/size=99999999999999/'),
  },
  {
    check: 'space.growth',
    apart: true,
    what: 'the newest backup fits once, and not twice',
    says: /with twice the data, restored data needs/,
    plant: async (stage) =>
      inBackup(stage, `s/^size=.*/size=${Math.round((await freeBytes(stage)) * 0.75)}/`),
  },
  {
    check: 'space.barman',
    what: 'Barman has no room for such a backup again',
    says: /a backup needs up to .* are free on/,
    plant: (stage) => inBackup(stage, 's/^size=.*/size=99999999999999/'),
  },
  {
    check: 'leftovers.waiting',
    apart: true,
    what: 'the note of a recovery lies beside the data',
    says: /a recovery waits there for a decision/,
    plant: async (stage) => {
      const note = `${pgdata(stage, stage.replica)}.pitr.json`;
      await sh(stage, stage.replica, 'echo "{}" > "$1"', note);
      return { takeBack: () => sh(stage, stage.replica, 'rm -- "$1"', note) };
    },
  },
  {
    check: 'leftovers.beside',
    what: 'old data lies beside the data',
    says: /earlier recoveries have left .*\.pre-pitr\.20260101T000000-abcd/,
    plant: async (stage) => {
      const kept = `${pgdata(stage, stage.replica)}.pre-pitr.20260101T000000-abcd`;
      await sh(stage, stage.replica, 'mkdir -- "$1"', kept);
      return { takeBack: () => sh(stage, stage.replica, 'rmdir -- "$1"', kept) };
    },
  },
  ...(['barman_wal', 'recovery.signal'] as const).map(
    (name): Fault => ({
      check: 'leftovers.data',
      ...(name === 'recovery.signal' ? { apart: true } : {}),
      what: `${name} lies in a data directory`,
      says: name === 'barman_wal' ? /every backup/ : /goes into recovery/,
      plant: async (stage) => {
        const path = `${pgdata(stage, stage.leader)}/${name}`;
        await sh(stage, stage.leader, name === 'barman_wal' ? 'mkdir -- "$1"' : ': > "$1"', path);
        return { takeBack: () => sh(stage, stage.leader, 'rm -r -- "$1"', path) };
      },
    }),
  ),
  {
    check: 'leftovers.settings',
    what: 'a setting of a recovery is left',
    says: /settings of a recovery: recovery_target_time/,
    plant: (stage) => setting(stage, stage.replica, 'recovery_target_time', '2026-01-01 00:00:00+00'),
  },
  {
    check: 'leftovers.closed',
    what: 'the rules of access are kept aside',
    says: /pg_hba\.conf\.pitr-open is there/,
    plant: async (stage) => {
      const path = `${pgdata(stage, stage.replica)}/pg_hba.conf.pitr-open`;
      await sh(stage, stage.replica, ': > "$1"', path);
      return { takeBack: () => sh(stage, stage.replica, 'rm -- "$1"', path) };
    },
  },
  {
    check: 'leftovers.lock',
    what: 'a run has left its lock',
    says: /run 20260101T000000-abcd of root@elsewhere \(recover db2\) has left its lock: it did not end well \(failed\)/,
    plant: async (stage) => {
      const claim = renderClaim({
        run: '20260101T000000-abcd',
        about: [],
        owner: 'root@elsewhere',
        purpose: 'recover db2',
        started: '2026-01-01T00:00:00Z',
        state: 'unfinished',
        ended: 'failed',
        ways: [],
      });
      const script = 'umask 077; mkdir -p ~/.pitr && printf "%s\\n" "$1" > ~/.pitr/patroni1.json';
      await stage.lab.mustExec('barman', ['sh', '-c', script, 'sh', claim], { user: 'barman' });
      return { takeBack: () => sh(stage, 'barman', 'rm -- ~barman/.pitr/patroni1.json') };
    },
  },
];
