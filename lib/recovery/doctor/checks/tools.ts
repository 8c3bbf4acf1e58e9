import { formatVersion } from '../../../base/values/version.ts';
import { debianPackage } from '../../../system/core/debian-packages.ts';
import { faultsOf, OLDEST_KNOWN } from '../../barman/version.ts';
import { onHost } from '../commands-to-type.ts';
import type { Facts, NodeFacts } from '../facts.ts';
import { type Check, type Flaw, flawsOf } from '../finding.ts';
import { ofBarman } from '../of-barman.ts';

function missing(facts: Facts, host: string, names: readonly string[]): readonly Flaw[] {
  if (names.length === 0) return [];
  const packages = [...new Set(names.flatMap((name) => debianPackage(name) ?? []))];
  return [
    {
      severity: 'critical',
      host,
      text: `${names.join(', ')} ${names.length === 1 ? 'is' : 'are'} missing`,
      mend:
        packages.length === 0
          ? [`Install ${names.join(', ')} there, in the PATH of the users that work on the host.`]
          : [`On Debian: ${onHost(facts, host, undefined, 'apt-get', 'install', '-y', ...packages)}`],
    },
  ];
}

/** The major version that programs and data have to have in common. */
function programsFlaws({ name, host, instance, place }: NodeFacts): readonly Flaw[] {
  return flawsOf(host, name, (look) =>
    flawsOf(instance, name, ({ version, data, programs }) => {
      if (data === 'absent') {
        return [
          {
            severity: 'critical',
            host: name,
            text: `there is no PostgreSQL data in ${place?.pgdata ?? 'pgdata'}`,
            mend: [
              `Set pgdata for ${name} in the inventory to postgresql.data_dir of Patroni's configuration.`,
            ],
          },
        ];
      }
      const major = Number(look.postgres?.split('.')[0] ?? Number.NaN);
      if (major === version) return [];
      const there = look.postgres === undefined ? 'none that runs' : `version ${look.postgres}`;
      return [
        {
          severity: 'critical',
          host: name,
          text: `the programs in ${place?.bin ?? 'pg_bin'} are ${there}, and the data is of version ${version ?? '?'}`,
          mend: [
            `Set pg_bin for ${name} in the inventory${programs === undefined ? '' : ` to ${programs}`}.`,
          ],
        },
      ];
    }),
  );
}

function differingVersions({ nodes }: Facts): readonly Flaw[] {
  const newest = Math.max(...nodes.flatMap(({ sql }) => ('value' in sql ? [sql.value.version] : [])));
  return nodes.flatMap(({ name, sql }) =>
    flawsOf(sql, name, ({ version }) =>
      version === newest
        ? []
        : [
            {
              severity: 'warning',
              host: name,
              text: `PostgreSQL is ${words(version)} here and ${words(newest)} elsewhere`,
              mend: [`Update the packages of PostgreSQL on ${name}, then restart it: patronictl restart.`],
            },
          ],
    ),
  );
}

function words(version: number): string {
  return `${Math.floor(version / 10_000)}.${version % 10_000}`;
}

function barmanVersion(facts: Facts): readonly Flaw[] {
  return ofBarman(facts, (barman) => {
    const host = barman.place.name;
    return flawsOf(barman.look, host, ({ version }) => {
      if (version === undefined) {
        return [
          {
            severity: 'unknown',
            host,
            text: 'barman --version tells no version',
            mend: [onHost(facts, host, barman.place.user, 'barman', '--version')],
          },
        ];
      }
      if (version < OLDEST_KNOWN) {
        return [
          {
            severity: 'critical',
            host,
            text: `Barman ${formatVersion(version)} is older than ${formatVersion(OLDEST_KNOWN)}, the oldest whose files are known`,
            mend: [`Install Barman ${formatVersion(OLDEST_KNOWN)} or a later one on ${host}.`],
          },
        ];
      }
      return faultsOf(version).map(({ text, mended }) => ({
        severity: 'warning',
        host,
        text: `Barman ${formatVersion(version)}: ${text}`,
        mend: [`Install Barman ${formatVersion(mended)} or a later one on ${host}.`],
      }));
    });
  });
}

export const TOOL_CHECKS: readonly Check[] = [
  {
    id: 'tools.node',
    title: 'The nodes have the programs that a recovery runs',
    meaning: 'A recovery is refused there until they are installed.',
    needs: ['host'],
    judge: (facts) =>
      facts.nodes.flatMap(({ name, host }) =>
        flawsOf(host, name, ({ missingTools }) => missing(facts, name, missingTools)),
      ),
  },
  {
    id: 'tools.barman',
    title: "Barman's host has the programs that a recovery runs",
    meaning: 'Backups could not be copied to a node, or WAL could not be read.',
    needs: ['barman'],
    judge: (facts) =>
      ofBarman(facts, ({ look, place }) =>
        flawsOf(look, place.name, ({ missingTools }) => missing(facts, place.name, missingTools)),
      ),
  },
  {
    id: 'tools.programs',
    title: 'The programs of PostgreSQL fit the data',
    meaning: 'Recovered data could not be started with programs of another version.',
    needs: ['host', 'instance'],
    judge: ({ nodes }) => nodes.flatMap(programsFlaws),
  },
  {
    id: 'tools.versions',
    title: 'All nodes run the same version of PostgreSQL',
    meaning: 'After a recovery another minor version may lead, with bugs that the old leader did not have.',
    needs: ['sql'],
    judge: differingVersions,
  },
  {
    id: 'tools.barman-version',
    title: 'The version of Barman is known, and does what a recovery needs',
    meaning: 'Copies or replays take longer, or do not work.',
    needs: ['barman'],
    judge: barmanVersion,
  },
];
