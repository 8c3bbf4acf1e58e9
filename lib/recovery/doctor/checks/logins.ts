import type { TriedLogin } from '../../patroni/logins.ts';
import { barmanOn } from '../commands-to-type.ts';
import type { Facts } from '../facts.ts';
import { type Check, type Flaw, flawsOf } from '../finding.ts';
import { leaderIn, leaderNode } from '../views.ts';

function refused(
  tried: readonly TriedLogin[],
  host: string,
  mend: (login: TriedLogin) => readonly string[],
): readonly Flaw[] {
  return tried
    .filter(({ error }) => error !== undefined)
    .map((login) => ({
      severity: 'critical',
      host,
      text: `the leader does not let ${login.role === '' ? 'a role' : login.role} in (${login.use}): ${login.error?.split('\n')[0] ?? ''}`,
      mend: mend(login),
    }));
}

export const LOGIN_CHECKS: readonly Check[] = [
  {
    id: 'logins.members',
    title: 'Every member can log in to the leader as Patroni does',
    meaning:
      'It could not be copied from, rewound to or stream from a leader: after a cut-over the leader stays alone.',
    needs: ['cluster', 'member-logins'],
    judge: (facts: Facts) => {
      const leader = leaderIn(facts.nodes);
      return facts.nodes
        .filter(({ name }) => name !== leader?.name)
        .flatMap(({ name, logins, place }) =>
          flawsOf(logins, name, (tried) =>
            refused(tried, name, ({ role, use }) => [
              `Set the password of ${role === '' ? 'that role' : role} to what postgresql.authentication (${use}) of ${place?.patroni.config ?? "Patroni's configuration"} on ${name} says, or the other way round.`,
            ]),
          ),
        );
    },
  },
  {
    id: 'logins.barman',
    title: 'Barman can log in to the leader',
    meaning:
      'It takes no backup and receives no WAL, and at a cut-over it cannot prove that the new timeline is archived.',
    needs: ['cluster', 'barman-logins'],
    judge: (facts: Facts) => {
      const { barman } = facts;
      if (barman === undefined) return [];
      const server = leaderNode(facts)?.place?.barmanServer ?? 'SERVER';
      return flawsOf(barman.logins, barman.place.name, (tried) =>
        refused(tried, barman.place.name, ({ use, role }) => [
          `Put the password of ${role === '' ? 'that role' : role} into ~${barman.place.user}/.pgpass, or mend ${use} of server ${server}.`,
          barmanOn(facts, 'check', server),
        ]),
      );
    },
  },
];
