import { onHost, psqlOn } from '../commands-to-type.ts';
import type { Facts } from '../facts.ts';
import { type Check, type Flaw, flawsOf } from '../finding.ts';
import type { HostClock } from '../host-clock.ts';
import { ofBarman } from '../of-barman.ts';

/** Milliseconds. */
const OFF = { warning: 2_000, critical: 60_000 } as const;

function each(facts: Facts, judge: (clock: HostClock, host: string) => readonly Flaw[]): readonly Flaw[] {
  return [
    ...facts.nodes.flatMap(({ name, host }) => flawsOf(host, name, ({ clock }) => judge(clock, name))),
    ...ofBarman(facts, ({ look, place }) =>
      flawsOf(look, place.name, ({ clock }) => judge(clock, place.name)),
    ),
  ];
}

export const CLOCK_CHECKS: readonly Check[] = [
  {
    id: 'clocks.offset',
    title: 'The clocks of all hosts agree',
    meaning:
      'The moment of an accident, read off one clock, is another moment in the WAL: a recovery goes too far, or not far enough.',
    needs: ['host', 'barman'],
    judge: (facts) =>
      each(facts, ({ aheadMs, withinMs }, host) => {
        // What the round trip leaves open counts for the host.
        const off = Math.abs(aheadMs) - withinMs;
        if (off < OFF.warning) return [];
        return [
          {
            severity: off < OFF.critical ? 'warning' : 'critical',
            host,
            text: `its clock is ${(Math.abs(aheadMs) / 1000).toFixed(1)} s ${aheadMs > 0 ? 'ahead of' : 'behind'} that of this machine`,
            mend: [
              'Let all of them keep time by one source (chrony, systemd-timesyncd).',
              onHost(facts, host, undefined, 'date', '-u'),
            ],
          },
        ];
      }),
  },
  {
    id: 'clocks.zones',
    title: 'All hosts have the same time zone',
    meaning:
      'The same time on two clocks on the wall is two moments. pitr takes a time with its zone only, but people read logs.',
    needs: ['host', 'barman'],
    judge: (facts) => {
      const clocks: { readonly clock: HostClock; readonly host: string }[] = [];
      const unknown = each(facts, (clock, host) => {
        clocks.push({ clock, host });
        return [];
      });
      // Two zones may be the same in winter and an hour apart in summer.
      const sameToday = new Set(clocks.map(({ clock }) => clock.offset)).size < 2;
      const allTell = clocks.every(({ clock }) => clock.year !== undefined);
      const zones = new Map<string, string[]>();
      for (const { clock, host } of clocks) {
        const { offset, year } = clock;
        const zone =
          sameToday && allTell ? `${offset} (${year?.january} in January, ${year?.july} in July)` : offset;
        zones.set(zone, [...(zones.get(zone) ?? []), host]);
      }
      if (zones.size < 2) return unknown;
      const words = [...zones].map(([zone, hosts]) => `${zone} on ${hosts.join(', ')}`);
      return [
        {
          severity: 'warning',
          text: `the zones differ: ${words.join('; ')}`,
          mend: [
            `Write times with their zone ('2026-01-31 12:00:00+01'), or set one zone: timedatectl set-timezone UTC`,
          ],
        },
        ...unknown,
      ];
    },
  },
  {
    id: 'clocks.postgresql',
    title: 'PostgreSQL writes its log in the same time zone on all nodes',
    meaning: 'A time that is read from the log of one node is another moment on the next.',
    needs: ['sql', 'instance'],
    judge: (facts) => {
      const zones = new Map<string, string[]>();
      const unknown = facts.nodes.flatMap(({ name, sql }) =>
        flawsOf(sql, name, ({ settings }) => {
          const zone = settings.log_timezone ?? '';
          zones.set(zone, [...(zones.get(zone) ?? []), name]);
          return [];
        }),
      );
      if (zones.size < 2) return unknown;
      const words = [...zones].map(([zone, hosts]) => `${zone} on ${hosts.join(', ')}`);
      const [name] = facts.nodes.map((node) => node.name);
      return [
        {
          severity: 'warning',
          text: `log_timezone differs: ${words.join('; ')}`,
          mend:
            name === undefined
              ? []
              : [
                  `Set it in Patroni's dynamic configuration for all: ${psqlOn(facts, name, 'show log_timezone')}`,
                ],
        },
        ...unknown,
      ];
    },
  },
];
