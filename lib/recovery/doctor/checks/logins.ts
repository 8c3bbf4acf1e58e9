import type { TriedLogin } from '../../patroni/logins.ts';
import { barmanOn } from '../commands-to-type.ts';
import type { Facts } from '../facts.ts';
import { type Check, type Flaw, flawsOf } from '../finding.ts';
import { ofBarman } from '../of-barman.ts';
import { leaderIn, leaderNode } from '../views.ts';

function refused(
  tried: readonly TriedLogin[],
  host: string,
  mend: (login: TriedLogin) => readonly string[],
): readonly Flaw[] {
  if (tried.length === 0)
    return [{ severity: 'unknown', host, text: 'cannot tell: no login could be tried', mend: [] }];
  return tried.flatMap((login): readonly Flaw[] => {
    const { error, untried, needed } = login;
    const role = login.role === '' ? 'a role' : login.role;
    if (error !== undefined) {
      const text = `the leader does not let ${role} in (${login.use}): ${error.split('\n')[0] ?? ''}`;
      return [{ severity: 'critical', host, text, mend: mend(login) }];
    }
    if (untried === undefined || needed === false) return [];
    const text = `cannot tell whether the leader lets ${role} in (${login.use}): ${untried}`;
    return [{ severity: 'unknown', host, text, mend: mend(login) }];
  });
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
      const server = leaderNode(facts)?.place?.barmanServer ?? 'SERVER';
      return ofBarman(facts, (barman) =>
        flawsOf(barman.logins, barman.place.name, (tried) =>
          refused(tried, barman.place.name, ({ use, role }) => [
            `Put the password of ${role === '' ? 'that role' : role} into ~${barman.place.user}/.pgpass, or mend ${use} of server ${server}.`,
            barmanOn(facts, 'check', server),
          ]),
        ),
      );
    },
  },
];
