// Longer than other files here: it is one list, the runbook itself, and reads best in one piece.
import { shellWords } from '../../lib/recovery/barman/ssh-words.ts';
import { isolationSettings, runFiles } from '../../lib/recovery/postgres/isolation.ts';
import { quote } from '../../lib/transport/quote.ts';
import type { Node, Site } from './nodes.ts';
import { type HostCommand, script, typedCommand } from './typed-command.ts';

/** What prepare.yml left. */
export interface Prepared {
  readonly runId: string;
  readonly host: string;
  readonly directory: string;
  readonly owner: string;
  readonly server: string;
  readonly backup: string;
  readonly systemId: string;
  /** The target in words. */
  readonly words: string;
  /** Recovery pauses at the target; latest has none. */
  readonly stops: boolean;
  readonly timeline: number;
  /** Of PostgreSQL. */
  readonly major: number;
}

/** A command of a step, with what it must answer where that proves something. */
export interface StepCommand {
  readonly host: string;
  /** To be copied. */
  readonly typed: string;
  readonly proof?: {
    /** In words. */
    readonly expected: string;
    /** What its output must match. */
    readonly output?: string;
    readonly exitCode?: number;
    /** It may take a while: ask again until it is so. */
    readonly wait?: true;
  };
}

export interface ManualStep {
  readonly title: string;
  readonly notes: readonly string[];
  readonly commands: readonly StepCommand[];
}

/** The steps in three parts: up to the look at the data, the way back from there, and the way on. */
export interface ManualSteps {
  readonly apply: readonly ManualStep[];
  readonly back: readonly ManualStep[];
  readonly takeOver: readonly ManualStep[];
}

export interface ManualPlan {
  readonly site: Site;
  readonly node: Node;
  /** Who leads now, where that is known. */
  readonly leader: string | undefined;
  readonly prepared: Prepared;
}

/** Settings that a recovery leaves in postgresql.auto.conf. */
const RECOVERY_SETTINGS = [
  ...[
    'restore_command',
    'recovery_target',
    'recovery_target_time',
    'recovery_target_xid',
    'recovery_target_lsn',
  ],
  ...[
    'recovery_target_name',
    'recovery_target_inclusive',
    'recovery_target_action',
    'recovery_target_timeline',
  ],
  ...['primary_conninfo', 'primary_slot_name', 'recovery_min_apply_delay', 'recovery_end_command'],
  'archive_cleanup_command',
];

/** The steps that apply prepared files by hand, with this inventory's own names, paths and ports. */
export function manualSteps(plan: ManualPlan): ManualSteps {
  const { site, node, leader, prepared } = plan;
  const settingsOf = (host: string) =>
    host === site.barman.name
      ? site.barman.settings
      : (site.nodes.find(({ name }) => name === host) ?? node).settings;
  const typed = (command: HostCommand): string => typedCommand(command, settingsOf(command.host));
  const on = (
    host: string,
    user: string | undefined,
    argv: readonly string[],
    proof?: StepCommand['proof'],
  ): StepCommand => ({ host, typed: typed({ host, user, argv }), ...(proof === undefined ? {} : { proof }) });

  const { name, pgdata, pg_user: owner, pg_bin: bin, pg_port: port } = node;
  const kept = (one: Node): string => `${one.kept ?? `${one.pgdata}.pre-pitr`}.${prepared.runId}`;
  const recovered = `${pgdata}.recovered.${prepared.runId}`;
  const files = runFiles(pgdata);
  const letsGo = `The backup and its WAL are held in Barman against its retention policy until: pitr commit ${prepared.runId}`;
  const psql = (sql: string, proof?: StepCommand['proof'], database = 'postgres'): StepCommand =>
    on(
      name,
      owner,
      [`${bin}/psql`, '-X', '-At', '-h', files.directory, '-p', String(port), '-d', database, '-c', sql],
      proof,
    );
  /** The same where it serves as configured, by its usual socket. */
  const served = (sql: string, proof: StepCommand['proof']): StepCommand =>
    on(name, owner, [`${bin}/psql`, '-X', '-At', '-p', String(port), '-d', 'postgres', '-c', sql], proof);
  const service = (one: Node, action: 'start' | 'stop'): StepCommand =>
    on(
      one.name,
      undefined,
      one.service_manager === 'systemd'
        ? ['systemctl', action, one.patroni_service]
        : ['supervisorctl', action, one.patroni_service],
    );
  const gone = (one: Node): StepCommand =>
    on(one.name, one.pg_user, [`${one.pg_bin}/pg_ctl`, '-D', one.pgdata, 'status'], {
      expected: 'no server running (exit code 3)',
      exitCode: 3,
    });
  const list = (host: Node, expected: string): StepCommand =>
    on(host.name, undefined, ['patronictl', '-c', host.patroni_config, 'list'], { expected });
  const move = (one: Node, from: string, to: string): StepCommand =>
    on(one.name, undefined, ['mv', '-nT', from, to]);
  const stopIsolated = on(name, owner, [`${bin}/pg_ctl`, '-D', pgdata, '-m', 'fast', '-w', 'stop']);
  const leads = site.nodes.find((one) => one.name === leader);
  const replicas = site.nodes.filter((one) => one !== node && one !== leads);
  const others = [...replicas, ...(leads === undefined || leads === node ? [] : [leads])];
  const witness = leads ?? replicas[0] ?? node;

  return {
    apply: [
      {
        title: `Stop Patroni on ${name}`,
        notes: [`${name} leaves the cluster; the others go on serving.`],
        commands: [service(node, 'stop'), gone(node), list(witness, `${name} is not listed as running`)],
      },
      {
        title: 'Backup current data',
        notes: ['A rename; nothing is copied or lost.'],
        commands: [move(node, pgdata, kept(node))],
      },
      {
        title: 'Copy recovered data',
        notes: [],
        commands: [
          ...copyCommands(plan, on, move),
          on(name, owner, [`${bin}/pg_controldata`, pgdata], {
            expected: `Database system identifier: ${prepared.systemId}`,
            output: `Database system identifier: +${prepared.systemId}`,
          }),
        ],
      },
      {
        title: 'Set permissions',
        notes: [],
        commands: [
          on(name, undefined, ['chown', '-R', `${owner}:`, pgdata]),
          on(name, undefined, ['chmod', '0700', pgdata]),
          on(name, undefined, ['stat', '-c', '%U %a', pgdata], {
            expected: `${owner} 700`,
            output: `^${owner} 700$`,
          }),
        ],
      },
      {
        title: 'Start PostgreSQL recovery, isolated',
        notes: [
          'No address to listen on, a private socket, no archive: no client can write to it.',
          'Recovery is configured already (postgresql.auto.conf, standby.signal): it pauses at the target.',
        ],
        commands: [
          on(
            name,
            owner,
            script(
              `mkdir -p -m 700 ${quote(files.directory)} && echo 'local all "${owner}" trust' > ${quote(files.hba)} && chmod 600 ${quote(files.hba)}`,
            ),
          ),
          on(name, owner, [
            `${bin}/pg_ctl`,
            '-D',
            pgdata,
            '-l',
            files.log,
            '-w',
            '-t',
            '86400',
            '-o',
            startOptions(prepared.major, node),
            'start',
          ]),
        ],
      },
      {
        title: 'Monitor recovery',
        notes: prepared.stops
          ? []
          : [
              'The end is reached when the last line of the log says "pitr: absent" for the next segment, again and again.',
            ],
        commands: [
          on(name, owner, ['tail', '-n', '20', files.log]),
          psql(
            'select pg_get_wal_replay_pause_state(), pg_last_wal_replay_lsn(), pg_last_xact_replay_timestamp()',
            prepared.stops
              ? { expected: 'paused', output: '^paused', wait: true }
              : { expected: 'a position that no longer grows' },
          ),
        ],
      },
      {
        title: 'Look at the data',
        notes: ['With your own tables in the place of pg_class.'],
        commands: [
          psql('select count(*) from pg_class', { expected: 'what the data must say at that moment' }),
        ],
      },
    ],
    back: [
      {
        title: 'The way back: the old data returns to its place',
        notes: ['Up to here everything can be taken back.', letsGo],
        commands: [
          stopIsolated,
          move(node, pgdata, recovered),
          move(node, kept(node), pgdata),
          service(node, 'start'),
          list(node, `${name} is a replica that streams`),
        ],
      },
    ],
    takeOver: [
      {
        title: `Promote ${name}`,
        notes: ['The point of no return: what was written after the target is given up.'],
        commands: [
          psql('select pg_promote(true, 3600)', { expected: 't', output: '^t$' }),
          psql('select pg_is_in_recovery()', { expected: 'f', output: '^f$', wait: true }),
        ],
      },
      {
        title: 'Remove what the recovery has left',
        notes: ['Else it would go into every replica and every new backup.'],
        commands: [
          on(name, owner, [
            ...[`${bin}/psql`, '-X', '-At', '-h', files.directory, '-p', String(port), '-d', 'postgres'],
            ...RECOVERY_SETTINGS.flatMap((setting) => ['-c', `alter system reset ${setting}`]),
          ]),
          stopIsolated,
          on(
            name,
            owner,
            script(
              `cd ${quote(pgdata)} && rm -f .barman-recover.info .pitr-restore.json *.origin *.before-pitr`,
            ),
          ),
        ],
      },
      {
        title: 'Stop Patroni on the other nodes, the leader last',
        notes: [
          leads === undefined
            ? 'Who leads could not be seen: see it now, and stop that node last.'
            : `${leads.name} leads now. From here on clients cannot write, until the next step is done.`,
        ],
        commands: others.flatMap((one) => [service(one, 'stop'), gone(one)]),
      },
      {
        title: `Start PostgreSQL on ${name} as it is configured, then Patroni`,
        notes: ['PostgreSQL first: Patroni then finds a running primary, and takes the lead for it.'],
        commands: [
          on(name, owner, [`${bin}/pg_ctl`, '-D', pgdata, '-l', files.log, '-w', '-t', '600', 'start']),
          service(node, 'start'),
          on(name, undefined, ['patronictl', '-c', node.patroni_config, 'list'], {
            expected: `${name} is the Leader`,
            output: `${name} .*Leader`,
            wait: true,
          }),
          // Patroni writes the configuration when it adopts a running PostgreSQL, and does not have it read
          served('select pg_reload_conf()', { expected: 't', output: '^t$' }),
          served('show archive_command', {
            expected: `the archive command of ${name}, not "false"`,
            output: '^(?!false$).+$',
            wait: true,
          }),
        ],
      },
      ...others.map(
        (one, index): ManualStep => ({
          title: `Rebuild ${one.name} from ${name}`,
          notes: [
            index === 0
              ? 'One node at a time: the next only when this one streams.'
              : 'Only when the one before streams.',
          ],
          commands: [
            move(one, one.pgdata, kept(one)),
            service(one, 'start'),
            served('select application_name, state from pg_stat_replication order by 1', {
              expected: `${one.name}|streaming`,
              output: `^${one.name}\\|streaming$`,
              wait: true,
            }),
          ],
        }),
      ),
      {
        title: 'Prove that WAL is archived, and take a new base backup',
        notes: ['Backups from before belong to the old timeline.'],
        commands:
          node.barman_server === undefined
            ? []
            : [
                on(
                  site.barman.name,
                  site.barman.user,
                  ['barman', 'switch-wal', '--force', '--archive', node.barman_server],
                  {
                    expected: 'the segment, within a minute',
                    exitCode: 0,
                  },
                ),
                on(site.barman.name, site.barman.user, ['barman', 'backup', '--wait', node.barman_server]),
              ],
      },
      {
        title: 'Later, when the recovered data has been accepted',
        notes: ['This removes the way back for good.', letsGo],
        commands: [
          ...(prepared.host === site.barman.name
            ? [on(site.barman.name, site.barman.user, ['rm', '-rf', prepared.directory])]
            : []),
          ...[node, ...others].map((one) => on(one.name, undefined, ['rm', '-rf', kept(one)])),
        ],
      },
    ],
  };
}

type On = (host: string, user: string | undefined, argv: readonly string[]) => StepCommand;

/** From Barman's host by rsync, the way that Barman itself goes; or a rename, where the files lie beside. */
function copyCommands(
  { site, node, prepared }: ManualPlan,
  on: On,
  move: (one: Node, from: string, to: string) => StepCommand,
): readonly StepCommand[] {
  if (prepared.host === node.name) return [move(node, prepared.directory, node.pgdata)];
  const words = shellWords(node.restore_ssh ?? `ssh ${node.pg_user}@${node.name}`);
  const login = words.at(-1) ?? `${node.pg_user}@${node.name}`;
  const shell = words.slice(0, -1).map(quote).join(' ');
  return [
    on(node.name, undefined, ['install', '-d', '-o', node.pg_user, '-m', '0700', node.pgdata]),
    on(site.barman.name, site.barman.user, [
      ...['rsync', '-a', '--delete', '-e', shell === '' ? 'ssh' : shell],
      `${prepared.directory}/`,
      `${login}:${node.pgdata}/`,
    ]),
  ];
}

function startOptions(major: number, node: Node): string {
  const settings = isolationSettings(runFiles(node.pgdata), major, { port: String(node.pg_port) });
  return settings.map(([setting, value]) => `-c ${quote(`${setting}=${value}`)}`).join(' ');
}
