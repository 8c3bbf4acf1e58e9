import { shellWords } from '../../lib/recovery/barman/ssh-words.ts';
import { isolationSettings, runFiles } from '../../lib/recovery/postgres/isolation.ts';
import { postgresAbilities } from '../../lib/recovery/postgres/version.ts';
import { quote } from '../../lib/transport/quote.ts';
import type { ManualPlan, ManualStep, StepCommand } from './manual-step.ts';
import type { Node } from './nodes.ts';
import type { StepCommands } from './step-commands.ts';
import { script } from './typed-command.ts';

/** The node leaves the cluster, and the prepared files are replayed on it, isolated, up to the look at the data. */
export function applySteps(
  plan: ManualPlan,
  commands: StepCommands,
  /** A node that can tell who is in the cluster while this one is out. */
  witness: Node,
): readonly ManualStep[] {
  const { site, node, leader, prepared } = plan;
  const { name, pgdata, pg_user: owner, pg_bin: bin } = node;
  const leads = leader === name;
  const files = runFiles(pgdata);
  return [
    {
      title: 'See that these steps fit this cluster',
      notes: [
        'Where an answer is another one, stop here: pitr play recover.yml says what to do, before anything is touched.',
      ],
      commands: [
        commands.plainCluster(witness),
        ...(leads ? [] : [commands.leadsNot(witness, node)]),
        commands.configuredInside(node),
        ...commands.canStart(),
        ...commands.archives(node),
        ...[node, ...site.nodes.filter((one) => one !== node)].flatMap((one) => commands.fits(one)),
      ],
    },
    {
      title: `Stop Patroni on ${name}`,
      notes: [
        ...(leads
          ? leaderLeaves(name, witness === node)
          : [`${name} leaves the cluster; the others go on serving.`]),
      ],
      commands: [
        commands.service(node, 'stop'),
        commands.gone(node),
        commands.nobodyWorks(node),
        commands.list(witness, { expected: `${name} is not listed as running` }),
        ...(leads && witness !== node ? [commands.anotherLeads(witness, node)] : []),
      ],
    },
    {
      title: 'Backup current data',
      notes: ['A rename; nothing is copied or lost.'],
      commands: [commands.move(node, pgdata, commands.kept(node))],
    },
    {
      title: 'Copy recovered data',
      notes:
        prepared.host === name
          ? []
          : ['The copy removes what lies in its place: never without the answer before it.'],
      commands: [
        ...copyCommands(plan, commands),
        commands.on(name, owner, [`${bin}/pg_controldata`, pgdata], {
          expected: `Database system identifier: ${prepared.systemId}`,
          output: `Database system identifier: +${prepared.systemId}`,
        }),
      ],
    },
    {
      title: 'Set permissions',
      notes: [],
      commands: [
        commands.on(name, undefined, ['chown', '-R', `${owner}:`, pgdata]),
        commands.on(name, undefined, ['chmod', `--reference=${commands.kept(node)}`, pgdata]),
        commands.on(name, undefined, ['stat', '-c', '%U %a', pgdata], {
          expected: `${owner} 700, or 750 where its group may read the old data`,
          output: `^${owner} 7[05]0$`,
        }),
      ],
    },
    ...(prepared.host === name
      ? []
      : [
          {
            title: `Configure it as ${name} is configured`,
            notes: ['The copied postgresql.conf is that of the node that was backed up, with its addresses.'],
            commands: commands.configureAsNode(),
          },
        ]),
    {
      title: 'Start PostgreSQL recovery, isolated',
      notes: [
        'No address to listen on, a private socket, no archive: no client can write to it.',
        'Recovery is configured already (postgresql.auto.conf, standby.signal): it pauses at the target.',
      ],
      commands: [
        commands.on(
          name,
          owner,
          script(
            `mkdir -p -m 700 ${quote(files.directory)} && echo 'local all "${owner}" trust' > ${quote(files.hba)} && chmod 600 ${quote(files.hba)}`,
          ),
        ),
        commands.startServer(86_400, startOptions(prepared.major, node)),
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
        commands.on(name, owner, ['tail', '-n', '20', files.log]),
        commands.psql(
          `select ${pauseState(prepared.major)}, pg_last_wal_replay_lsn(), pg_last_xact_replay_timestamp()`,
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
        commands.psql('select count(*) from pg_class', { expected: 'what the data must say at that moment' }),
      ],
    },
  ];
}

function leaderLeaves(name: string, alone: boolean): readonly string[] {
  return [
    `${name} is the leader and leaves the cluster. Here clients are without a server${alone ? '; no other node is there to serve them.' : ' until another node leads: a failover.'}`,
  ];
}

/** From Barman's host by rsync, the way that Barman itself goes; or a rename, where the files lie beside. */
function copyCommands({ site, node, prepared }: ManualPlan, commands: StepCommands): readonly StepCommand[] {
  const { name, pgdata, pg_user: owner, restore_ssh: restoreSsh } = node;
  if (prepared.host === name) return [commands.move(node, prepared.directory, pgdata)];
  const words = shellWords(restoreSsh ?? `ssh ${owner}@${name}`);
  const login = words.at(-1) ?? `${owner}@${name}`;
  const shell = words.slice(0, -1).map(quote).join(' ');
  const { name: barman, user } = site.barman;
  // An alias of ssh may lead elsewhere, and hosts may have one name: only what these steps have made on the node proves
  // where the login leads. The copy removes it again.
  const mark = `.pitr-${prepared.runId}`;
  const seen = `cd ${quote(pgdata)} && [ "$(ls -A)" = ${quote(mark)} ] && echo "new and empty"`;
  return [
    commands.on(name, undefined, ['install', '-d', '-o', owner, '-m', '0700', pgdata]),
    commands.on(name, owner, ['touch', `${pgdata}/${mark}`]),
    commands.on(barman, user, [...words, seen], {
      expected: `new and empty: the login leads to ${name}, and into the directory that was just made`,
      output: '^new and empty$',
    }),
    commands.on(barman, user, [
      ...['rsync', '-a', '--delete', '-e', shell === '' ? 'ssh' : shell],
      `${prepared.directory}/`,
      `${forRsync(login)}:${pgdata}/`,
    ]),
  ];
}

/** A colon ends the host for rsync, and two of them name one of its daemons: an IPv6 address needs brackets, which ssh refuses. */
function forRsync(login: string): string {
  const at = login.lastIndexOf('@') + 1;
  const host = login.slice(at);
  return host.includes(':') ? `${login.slice(0, at)}[${host}]` : login;
}

function pauseState(major: number): string {
  return postgresAbilities(major).pauseState
    ? 'pg_get_wal_replay_pause_state()'
    : "case when pg_is_wal_replay_paused() then 'paused' else 'not paused' end";
}

function startOptions(major: number, node: Node): string {
  const settings = isolationSettings(runFiles(node.pgdata), major, { port: String(node.pg_port) });
  return settings.map(([setting, value]) => `-c ${quote(`${setting}=${value}`)}`).join(' ');
}
