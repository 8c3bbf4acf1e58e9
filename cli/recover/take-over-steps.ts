import { LEFT_BEHIND } from '../../lib/recovery/postgres/recovery-files.ts';
import { recoverySettingsOf } from '../../lib/recovery/postgres/recovery-settings.ts';
import { postgresAbilities } from '../../lib/recovery/postgres/version.ts';
import { quote } from '../../lib/transport/quote.ts';
import type { ManualPlan, ManualStep, StepCommand } from './manual-step.ts';
import type { Node } from './nodes.ts';
import type { StepCommands } from './step-commands.ts';
import { script } from './typed-command.ts';

/** The recovered node leads, the others are rebuilt from it, and a backup of the new history is taken. */
export function takeOverSteps(
  { site, node, leader, prepared }: ManualPlan,
  commands: StepCommands,
  /** In the order in which they are stopped; `leads`, where it is known who does, is the last. */
  { others, leads }: { readonly others: readonly Node[]; readonly leads: Node | undefined },
  letsGo: string,
): readonly ManualStep[] {
  const { name, pgdata, pg_user: owner } = node;
  return [
    {
      title: `Promote ${name}`,
      notes: ['The point of no return: what was written after the target is given up.'],
      commands: [
        ...(postgresAbilities(prepared.major).promotesWhilePaused
          ? [commands.psql('select pg_promote(true, 3600)', { expected: 't', output: '^t$' })]
          : [
              commands.psql('select pg_promote(false)', { expected: 't', output: '^t$' }),
              commands.psql('select pg_wal_replay_resume()'),
            ]),
        commands.psql('select pg_is_in_recovery()', { expected: 'f', output: '^f$', wait: true }),
      ],
    },
    {
      title: 'Remove what the recovery has left',
      notes: ['Else it would go into every replica and every new backup.'],
      commands: [
        commands.on(name, owner, [
          ...commands.isolatedPsql(),
          ...recoverySettingsOf(prepared.major).flatMap((setting) => ['-c', `alter system reset ${setting}`]),
          ...Object.entries(prepared.raised).flatMap(([setting, own]) => [
            '-c',
            own === '' ? `alter system reset ${setting}` : `alter system set ${setting} = ${Number(own)}`,
          ]),
        ]),
        commands.stopIsolated(),
        commands.on(name, owner, script(`cd ${quote(pgdata)} && rm -rf ${LEFT_BEHIND.join(' ')}`)),
      ],
    },
    {
      title: 'Stop Patroni on the other nodes, the leader last',
      notes: [
        leads !== undefined
          ? `${leads.name} leads now. From here on clients cannot write, until the next step is done.`
          : leader === name
            ? `Another node leads since ${name} has left: see which, and stop that node last.`
            : 'Who leads could not be seen: see it now, and stop that node last.',
      ],
      commands: [
        ...others.slice(-1).map((last) => commands.list(last, leaderLast(leads))),
        ...others.flatMap((one) => [
          commands.service(one, 'stop'),
          commands.gone(one),
          commands.nobodyWorks(one),
        ]),
      ],
    },
    {
      title: `Start PostgreSQL on ${name} as it is configured, then Patroni`,
      notes: [
        'PostgreSQL first: Patroni then finds a running primary, and takes the lead for it.',
        ...(node.service_manager === 'systemd'
          ? [
              `Until its next restart it runs in a unit of its own, with the limits of ${node.patroni_service}.`,
            ]
          : []),
      ],
      commands: [
        commands.startServer(600),
        commands.service(node, 'start'),
        commands.list(node, {
          expected: `${name} is the Leader`,
          output: `${name} .*\\| Leader`,
          wait: true,
        }),
        // Patroni writes the configuration when it adopts a running PostgreSQL, and does not have it read
        commands.served('select pg_reload_conf()', { expected: 't', output: '^t$' }),
        commands.served('show archive_command', {
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
          commands.move(one, one.pgdata, commands.kept(one)),
          commands.service(one, 'start'),
          commands.served('select application_name, state from pg_stat_replication order by 1', {
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
              commands.on(
                site.barman.name,
                site.barman.user,
                ['barman', 'switch-wal', '--force', '--archive', node.barman_server],
                {
                  expected: 'the segment, within a minute',
                  exitCode: 0,
                },
              ),
              commands.on(site.barman.name, site.barman.user, [
                'barman',
                'backup',
                '--wait',
                node.barman_server,
              ]),
            ],
    },
    {
      title: 'Later, when the recovered data has been accepted',
      notes: ['This removes the way back for good.', letsGo],
      commands: [
        ...(prepared.host === site.barman.name
          ? [commands.on(site.barman.name, site.barman.user, ['rm', '-rf', prepared.directory])]
          : []),
        ...[node, ...others].map((one) =>
          commands.on(one.name, undefined, ['rm', '-rf', commands.kept(one)]),
        ),
      ],
    },
  ];
}

/** What the list must say before nodes are stopped in their order. */
function leaderLast(leads: Node | undefined): NonNullable<StepCommand['proof']> {
  if (leads === undefined) return { expected: 'who is the Leader: stop that node after all others' };
  return {
    expected: `${leads.name} is the Leader (if another one is, stop that one last)`,
    output: `${leads.name} .*\\| Leader`,
  };
}
