import { containerName, postgresBin, postgresHome } from '../../lab/topology.ts';
import { healthy } from '../support/lab.ts';
import {
  aside,
  changed,
  edit,
  type Fault,
  otherInventory,
  type Planted,
  pgdata,
  type Stage,
  setting,
  sh,
  sql,
} from './stage.ts';

const PATRONICTL = 'patronictl -c /etc/patroni/patroni.yml';
const PG_CTL = `${postgresBin}/pg_ctl`;

/** PostgreSQL of a replica is stopped, and in pause Patroni does not start it again. */
async function stoppedInPause(stage: Stage): Promise<Planted> {
  const { lab, leader, replica } = stage;
  await sh(stage, leader, `${PATRONICTL} pause --wait`);
  await lab.mustExec(replica, [PG_CTL, '-D', pgdata(stage, replica), '-m', 'fast', '-w', 'stop'], {
    user: 'postgres',
  });
  return {
    takeBack: async () => {
      await sh(stage, leader, `${PATRONICTL} resume --wait`);
      await healthy(lab);
    },
  };
}

async function dynamic(stage: Stage, there: readonly string[], back: readonly string[]): Promise<Planted> {
  await edit(stage, ...there);
  return { takeBack: () => edit(stage, ...back) };
}

/** Faults of members, of Patroni, of settings and logins. */
export const CLUSTER_FAULTS: readonly Fault[] = [
  {
    check: 'cluster.leader',
    apart: true,
    what: 'the store of Patroni does not answer, and the leader steps back',
    says: /the nodes do not name one leader|Patroni does not answer/,
    plant: async ({ lab }) => {
      const container = lab.engine.getContainer(containerName(lab.prefix, 'etcd'));
      await container.pause();
      return {
        takeBack: async () => {
          await container.unpause();
          await healthy(lab, 180_000);
        },
      };
    },
  },
  {
    check: 'cluster.members',
    apart: true,
    what: 'PostgreSQL of a member is stopped',
    says: /its state is "(stopped|stopping|crashed)"/,
    plant: stoppedInPause,
  },
  {
    check: 'settings.answers',
    apart: true,
    what: 'PostgreSQL of a member is stopped',
    says: /PostgreSQL does not run here/,
    plant: stoppedInPause,
  },
  {
    check: 'cluster.streaming',
    apart: true,
    what: 'the leader does not let a replica stream any more',
    says: /it receives no WAL by streaming/,
    plant: async (stage) => {
      const { leader, replica } = stage;
      const address = (await sh(stage, replica, 'hostname -i')).trim();
      const rules = `${pgdata(stage, leader)}/pg_hba.conf`;
      const planted = await changed(
        stage,
        leader,
        rules,
        'sed -i "1i host replication all $2/32 reject" "$1"',
        address,
      );
      const reload = () => sql(stage, leader, 'select pg_reload_conf()');
      await reload();
      await sql(
        stage,
        leader,
        `select pg_terminate_backend(pid) from pg_stat_replication where client_addr = '${address}'`,
      );
      return { takeBack: () => planted.takeBack().then(reload) };
    },
  },
  {
    check: 'cluster.replay',
    what: 'the replay of a replica is paused',
    says: /replay is paused/,
    plant: async (stage) => {
      await sql(stage, stage.replica, 'select pg_wal_replay_pause()');
      return { takeBack: () => sql(stage, stage.replica, 'select pg_wal_replay_resume()') };
    },
  },
  {
    check: 'cluster.paused',
    what: 'the cluster is in pause',
    says: /in pause/,
    plant: async (stage) => {
      await sh(stage, stage.leader, `${PATRONICTL} pause --wait`);
      return { takeBack: () => sh(stage, stage.leader, `${PATRONICTL} resume --wait`) };
    },
  },
  {
    check: 'cluster.rest',
    apart: true,
    what: 'the inventory looks for the REST API where nobody listens',
    says: /its REST API does not answer at http:\/\/127\.0\.0\.1:9/,
    plant: async () => ({ takeBack: async () => {}, args: ['-e', 'patroni_url=http://127.0.0.1:9'] }),
  },
  {
    check: 'cluster.service',
    apart: true,
    what: 'the inventory names a service that is not there',
    says: /supervisor knows no service nosuch/,
    plant: async () => ({ takeBack: async () => {}, args: ['-e', 'patroni_service=nosuch'] }),
  },
  {
    check: 'cluster.data-directory',
    apart: true,
    what: 'the inventory names another data directory',
    says: /Patroni keeps its data elsewhere/,
    plant: async () => ({ takeBack: async () => {}, args: ['-e', `pgdata=${postgresHome}/other`] }),
  },
  {
    check: 'cluster.identity',
    apart: true,
    what: 'the data directory of a node is that of another cluster',
    says: /its data is of another cluster/,
    plant: async (stage) => {
      const { lab, replica } = stage;
      const other = '/tmp/other-cluster';
      await lab.mustExec(replica, [`${postgresBin}/initdb`, '-D', other], { user: 'postgres' });
      const planted = await otherInventory(stage, 'identity', (text) =>
        text.replace(pgdata(stage, replica), other),
      );
      return { ...planted, takeBack: () => sh(stage, replica, 'rm -r -- "$1"', other) };
    },
  },
  {
    check: 'cluster.standby',
    apart: true,
    what: 'the cluster is told to follow another one',
    says: /this is a standby cluster/,
    plant: (stage) =>
      dynamic(
        stage,
        ['standby_cluster.host=127.0.0.9', 'standby_cluster.port=5431'],
        ['standby_cluster=null'],
      ),
  },
  {
    check: 'cluster.synchronous',
    apart: true,
    what: 'writes wait for a synchronous standby whatever happens',
    says: /synchronous_mode_strict is on/,
    plant: (stage) =>
      dynamic(
        stage,
        ['synchronous_mode=true', 'synchronous_mode_strict=true'],
        ['synchronous_mode=null', 'synchronous_mode_strict=null'],
      ),
  },
  {
    check: 'cluster.replica-methods',
    what: 'Patroni would make a replica from a backup',
    says: /Patroni makes a replica here by from_backup, basebackup/,
    plant: (stage) =>
      dynamic(
        stage,
        ['postgresql.create_replica_methods=[from_backup, basebackup]'],
        ['postgresql.create_replica_methods=null'],
      ),
  },
  {
    check: 'layout.tablespaces',
    what: 'there is a tablespace',
    says: /the cluster has tablespaces: fast/,
    plant: async (stage) => {
      const nodes = stage.lab.shape.members;
      for (const node of nodes) await sh(stage, node, 'install -d -o postgres -m 0700 /srv/fast');
      await sql(stage, stage.leader, "create tablespace fast location '/srv/fast'");
      return { takeBack: () => sql(stage, stage.leader, 'drop tablespace fast', 'checkpoint') };
    },
  },
  {
    check: 'settings.pending-restart',
    what: 'a setting waits for a restart',
    says: /track_activity_query_size will have another value after a restart/,
    plant: async (stage) => {
      const planted = await setting(stage, stage.replica, 'track_activity_query_size', '4096');
      return {
        takeBack: async () => {
          // PostgreSQL goes on waiting for a setting that is only taken out of the file.
          await setting(stage, stage.replica, 'track_activity_query_size', '1024');
          await planted.takeBack();
        },
      };
    },
  },
  {
    check: 'settings.differ',
    apart: true,
    what: 'a replica works with another setting',
    says: /track_activity_query_size is 4096 here and 1024 on db/,
    plant: async (stage) => {
      const { lab, replica } = stage;
      const restart = async () => {
        await sh(stage, replica, `${PATRONICTL} restart patroni1 "$1" --force`, replica);
        await healthy(lab);
      };
      const planted = await setting(stage, replica, 'track_activity_query_size', '4096');
      await restart();
      return {
        takeBack: async () => {
          await planted.takeBack();
          await restart();
        },
      };
    },
  },
  // Before the next ones: a file with a wrong line puts nothing of it into force.
  {
    check: 'settings.durability',
    what: 'fsync is off',
    says: /fsync is off/,
    plant: (stage) => setting(stage, stage.replica, 'fsync', 'off'),
  },
  {
    check: 'settings.files',
    what: 'a line of postgresql.conf is wrong',
    says: /a line of its configuration is wrong: .*nonsense/,
    plant: (stage) =>
      changed(
        stage,
        stage.replica,
        `${pgdata(stage, stage.replica)}/postgresql.conf`,
        `echo "nonsense = 1" >> "$1"`,
      ),
  },
  {
    check: 'settings.hba',
    what: 'a rule of pg_hba.conf is wrong',
    says: /a rule of pg_hba\.conf is wrong: line \d+/,
    plant: (stage) =>
      changed(
        stage,
        stage.replica,
        `${pgdata(stage, stage.replica)}/pg_hba.conf`,
        `echo "host nonsense" >> "$1"`,
      ),
  },
  {
    check: 'logins.members',
    what: 'a replica has another password of the role of replication',
    says: /the leader does not let replicator in \(replication\): .*password authentication failed/,
    plant: (stage) =>
      changed(
        stage,
        stage.replica,
        '/etc/patroni/patroni.yml',
        `sed -i 's/\\(replication: {username: replicator, password: \\)"[^"]*"/\\1"other"/' "$1"`,
      ),
  },
  {
    check: 'logins.barman',
    what: 'Barman has no passwords',
    says: /the leader does not let barman in \(conninfo\): .*no password supplied/,
    plant: (stage) => aside(stage, 'barman', '/var/lib/barman/.pgpass'),
  },
];
