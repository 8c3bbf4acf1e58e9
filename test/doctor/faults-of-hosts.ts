import type { Lab } from '../../lab/lab.ts';
import { mustRunLocally } from '../../lab/local-command.ts';
import { containerName, type DatabaseHost, postgresBin } from '../../lab/topology.ts';
import { waitFor } from '../../lab/wait.ts';
import { healthy } from '../support/lab.ts';
import { aside, changed, type Fault, HOURS_AHEAD, otherInventory, pgdata, setting, sh } from './stage.ts';

const OTHER_BARMAN = `#!/bin/sh
[ "$1" != --version ] || { echo '3.16.1 Barman by EnterpriseDB'; exit; }
exec /usr/bin/barman "$@"
`;

/** A `psql` by which PostgreSQL tells of an older version than it is. */
const OLDER_PSQL = `#!/bin/sh
printed=$("$0.of-the-lab" "$@"); code=$?
[ -z "$printed" ] || printf '%s\\n' "$printed" | sed 's/"version": [0-9]*/"version": 150001/'
exit "$code"
`;

/** As root of the machine in the namespaces of a container, whose own root may not mount. */
async function inNamespace(lab: Lab, host: DatabaseHost, argv: readonly string[]): Promise<void> {
  const { State } = await lab.engine.getContainer(containerName(lab.prefix, host)).inspect();
  await mustRunLocally(argv.join(' '), [
    'nsenter',
    '-t',
    String(State.Pid),
    '-m',
    '-p',
    '-r',
    '-w',
    '--',
    ...argv,
  ]);
}

/** Faults of the inventory, of connections, programs, clocks and secrets. */
export const HOST_FAULTS: readonly Fault[] = [
  {
    check: 'inventory.variables',
    apart: true,
    what: 'restore_ssh of all nodes is missing',
    says: /^restore_ssh is missing/,
    plant: (stage) =>
      otherInventory(stage, 'variables', (text) => text.replaceAll(/^ *restore_ssh:.*\n/gm, '')),
  },
  {
    check: 'inventory.barman',
    apart: true,
    what: 'nothing says where Barman is',
    says: /does not say which host Barman runs on/,
    plant: (stage) =>
      otherInventory(stage, 'barman', (text) =>
        text.replace(/^ *barman_host:.*\n/m, '').replaceAll(/^( +)barman:$/gm, '$1backups:'),
      ),
  },
  {
    check: 'inventory.members',
    apart: true,
    what: 'a member is no host of the inventory',
    says: /the cluster has a member db4, and the group patroni/,
    plant: (stage) =>
      otherInventory(stage, 'members', (text) => text.replace(/^ {8}db4:\n( {10}.*\n)+/m, '')),
  },
  {
    check: 'inventory.hosts',
    apart: true,
    what: 'Patroni of a node is stopped, and the cluster forgets it',
    says: /the cluster lists no member db/,
    plant: async (stage) => {
      await sh(stage, stage.replica, 'supervisorctl stop patroni');
      return {
        takeBack: async () => {
          await sh(stage, stage.replica, 'supervisorctl start patroni');
          await healthy(stage.lab);
        },
      };
    },
  },
  {
    check: 'connections.reached',
    apart: true,
    what: 'a container does not answer',
    says: /./,
    plant: async ({ lab, replica }) => {
      const container = lab.engine.getContainer(containerName(lab.prefix, replica));
      await container.pause();
      return {
        takeBack: async () => {
          await container.unpause();
          await healthy(lab);
        },
      };
    },
  },
  {
    check: 'connections.become',
    apart: true,
    what: 'PostgreSQL is said to run as a user that is not there',
    says: /cannot become nobody1/,
    plant: async () => ({ takeBack: async () => {}, args: ['-e', 'pg_user=nobody1'] }),
  },
  {
    check: 'connections.node-to-barman',
    what: "the key of PostgreSQL's user is gone",
    says: /could not fetch WAL from here/,
    plant: (stage) => aside(stage, stage.replica, '/var/lib/postgresql/.ssh/id_ed25519'),
  },
  {
    check: 'connections.barman-to-node',
    apart: true,
    what: "a node does not accept Barman's key",
    says: /log in/,
    plant: (stage) => aside(stage, stage.replica, '/var/lib/postgresql/.ssh/authorized_keys'),
  },
  {
    check: 'connections.barman-to-node',
    apart: true,
    what: 'restore_ssh of a node leads to another one',
    says: /restore_ssh of db\d leads to another host/,
    plant: (stage) =>
      otherInventory(stage, 'elsewhere', (text) =>
        text.replace(
          `restore_ssh: "ssh -q postgres@${stage.replica}"`,
          `restore_ssh: "ssh -q postgres@${stage.leader}"`,
        ),
      ),
  },
  {
    check: 'tools.node',
    what: 'rsync is missing on a node',
    says: /^rsync is missing/,
    plant: (stage) => aside(stage, stage.replica, '/usr/bin/rsync'),
  },
  {
    check: 'tools.barman',
    what: "rsync is missing on Barman's host",
    says: /^rsync is missing/,
    plant: (stage) => aside(stage, 'barman', '/usr/bin/rsync'),
  },
  {
    check: 'tools.programs',
    apart: true,
    what: 'the inventory names the programs of another version',
    says: /the data is of version 15/,
    plant: async () => ({ takeBack: async () => {}, args: ['-e', 'pg_bin=/usr/lib/postgresql/14/bin'] }),
  },
  {
    check: 'tools.versions',
    what: 'PostgreSQL of a node is older than that of the others',
    says: /^PostgreSQL is 15\.1 here and \d+\.\d+ elsewhere/,
    plant: async (stage) => {
      const path = `${postgresBin}/psql`;
      const wrap = 'mv -- "$1" "$1.of-the-lab"; printf %s "$2" > "$1"; chmod 0755 "$1"';
      await sh(stage, stage.replica, wrap, path, OLDER_PSQL);
      return { takeBack: () => sh(stage, stage.replica, 'mv -f -- "$1.of-the-lab" "$1"', path) };
    },
  },
  {
    check: 'tools.barman-version',
    what: 'a Barman that cannot restore onto mount points',
    says: /Barman 3\.16\.1: it cannot restore onto a mount point/,
    plant: async (stage) => {
      const path = '/usr/local/bin/barman';
      await sh(stage, 'barman', 'printf %s "$2" > "$1"; chmod 0755 "$1"', path, OTHER_BARMAN);
      return { takeBack: () => sh(stage, 'barman', 'rm -- "$1"', path) };
    },
  },
  {
    check: 'clocks.offset',
    what: 'the clock of a node is an hour ahead',
    says: /its clock is 3[56]\d\d\.\d s ahead of that of this machine/,
    plant: async (stage) => {
      const path = '/usr/local/bin/date';
      await sh(stage, stage.replica, 'printf %s "$2" > "$1"; chmod 0755 "$1"', path, HOURS_AHEAD);
      return { takeBack: () => sh(stage, stage.replica, 'rm -- "$1"', path) };
    },
  },
  {
    check: 'clocks.zones',
    what: 'a node is in Tokyo',
    says: /the zones differ: .*\+0900 on db/,
    plant: async (stage) => {
      const planted = await aside(stage, stage.replica, '/etc/localtime');
      await sh(stage, stage.replica, 'ln -s /usr/share/zoneinfo/Asia/Tokyo /etc/localtime');
      return planted;
    },
  },
  {
    check: 'clocks.postgresql',
    what: 'PostgreSQL of a node logs in the time of Tokyo',
    says: /log_timezone differs: .*Asia\/Tokyo on db/,
    plant: (stage) => setting(stage, stage.replica, 'log_timezone', 'Asia/Tokyo'),
  },
  {
    check: 'secrets.here',
    apart: true,
    what: 'everybody may read an inventory with a password',
    says: /holds secrets \(ansible_become_password\)/,
    plant: (stage) =>
      otherInventory(
        stage,
        'secrets',
        (text) =>
          text.replace(/^ {2}vars:\n/m, (vars) => `${vars}    ansible_become_password: orange-harbour-47\n`),
        0o644,
      ),
  },
  {
    check: 'secrets.hosts',
    what: "everybody on a node may read Patroni's configuration",
    says: /patroni\.yml of postgres holds passwords.*mode 0644/,
    plant: async (stage) => {
      await sh(stage, stage.replica, 'chmod 0644 /etc/patroni/patroni.yml');
      return { takeBack: () => sh(stage, stage.replica, 'chmod 0600 /etc/patroni/patroni.yml') };
    },
  },
  {
    check: 'layout.configuration',
    what: 'the last start was told a configuration that lies elsewhere',
    says: /configured outside .*, in \/etc\/postgresql\/15\/main\/postgresql\.conf/,
    plant: (stage) =>
      changed(
        stage,
        stage.replica,
        `${pgdata(stage, stage.replica)}/postmaster.opts`,
        `sed -i 's|"--config-file=[^"]*"|"--config-file=/etc/postgresql/15/main/postgresql.conf"|' "$1"`,
      ),
  },
  ...(['mount-point', 'wal-mount-point'] as const).map(
    (which): Fault => ({
      check: `layout.${which}`,
      apart: true,
      what: which === 'mount-point' ? 'a data directory is a mount point' : 'the WAL lies on a mount point',
      says: /mount point/,
      plant: async (stage) => {
        const { lab, replica } = stage;
        const data = pgdata(stage, replica);
        const wal = '/srv/wal';
        if (which === 'wal-mount-point') {
          await sh(stage, replica, 'supervisorctl stop patroni');
          await sh(stage, replica, 'mv "$1/pg_wal" "$2" && ln -s "$2" "$1/pg_wal"', data, wal);
          await sh(stage, replica, 'supervisorctl start patroni');
          await healthy(lab);
        }
        const path = which === 'mount-point' ? data : wal;
        await inNamespace(stage.lab, replica, ['mount', '--bind', path, path]);
        return {
          takeBack: async () => {
            await waitFor({
              what: `${path} to be unmounted`,
              deadlineMs: 180_000,
              attempt: () =>
                inNamespace(lab, replica, ['umount', path]).then(
                  () => true,
                  () => false,
                ),
              done: (gone) => gone,
              describe: () => 'it is busy',
            });
            if (which === 'mount-point') return;
            await sh(stage, replica, 'supervisorctl stop patroni');
            await sh(stage, replica, 'rm "$1/pg_wal" && mv "$2" "$1/pg_wal"', data, wal);
            await sh(stage, replica, 'supervisorctl start patroni');
            await healthy(lab);
          },
        };
      },
    }),
  ),
];
