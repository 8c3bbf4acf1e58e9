import type { Told } from '../answer.ts';
import { onHost, pitrCommand } from '../commands-to-type.ts';
import type { BarmanFacts, Facts, NodeFacts, Reached } from '../facts.ts';
import { type Check, type Flaw, flawsOf, unproved } from '../finding.ts';
import { ofBarman } from '../of-barman.ts';

interface Place {
  readonly name: string;
  readonly reached: Told<Reached>;
}

function places({ nodes, barman }: Facts): readonly Place[] {
  const hosts = [
    ...nodes,
    ...(barman === undefined ? [] : [{ name: barman.place.name, reached: barman.reached }]),
  ];
  return hosts.filter(({ name }, index) => hosts.findIndex((other) => other.name === name) === index);
}

function notReached(facts: Facts, { name, reached }: Place): readonly Flaw[] {
  if ('value' in reached) return [];
  return [
    {
      severity: 'critical',
      host: name,
      text: reached.unknown,
      mend: [...reached.next, pitrCommand(facts, 'ping', name)],
    },
  ];
}

function cannotBecome(facts: Facts, { name, reached }: Place): readonly Flaw[] {
  if (!('value' in reached)) return flawsOf(reached, name, () => []);
  return Object.entries(reached.value.cannotBecome).map(([user, why]) => ({
    severity: 'critical',
    host: name,
    text: `${reached.value.login} cannot become ${user}: ${why === '' ? 'no reason was given' : why}`,
    mend: [
      `Let the login become ${user}: ansible_become: true with a login that may use sudo, or ansible_user: root.`,
      onHost(facts, name, user, 'id'),
    ],
  }));
}

/** Patroni is stopped and started as the login: nobody becomes another user for that. */
function cannotControl(facts: Facts, { name, reached, place }: NodeFacts): readonly Flaw[] {
  if (!('value' in reached) || place === undefined) return [];
  const { login, mayControl } = reached.value;
  if (mayControl === undefined || mayControl === 'yes') return [];
  const { service } = place.patroni;
  return [
    {
      severity: mayControl === 'no' ? 'critical' : 'unknown',
      host: name,
      text:
        mayControl === 'no'
          ? `commands run as ${login}, and systemd lets only root stop and start the service ${service}`
          : `cannot tell whether ${login} may stop and start the service ${service}: systemd lets root do that, and others as polkit says`,
      mend: [
        'Let the login become root: ansible_become: true with a login that may use sudo, or ansible_user: root.',
        onHost(facts, name, undefined, 'id'),
      ],
    },
  ];
}

function fromNode(facts: Facts, { name, place, fetch }: NodeFacts): readonly Flaw[] {
  const ssh = place?.barmanSsh;
  const mend =
    ssh === undefined ? [] : [onHost(facts, name, place?.user, 'ssh', '-o', 'BatchMode=yes', ssh, 'true')];
  return unproved(fetch, name, mend);
}

function fromBarman(facts: Facts, { access, place }: BarmanFacts): readonly Flaw[] {
  return facts.nodes.flatMap(({ name, place: node }) => {
    const ssh = node?.restoreSsh;
    const mend = ssh === undefined ? [] : [onHost(facts, place.name, place.user, 'sh', '-c', `${ssh} true`)];
    const untold = { unknown: `the inventory does not say enough of ${name}`, next: [] };
    return unproved(access[name] ?? untold, name, mend);
  });
}

/** Of the nodes, and of Barman's host, which nobody can know where the inventory does not say it. */
function ofAll(facts: Facts, judge: (place: Place) => readonly Flaw[]): readonly Flaw[] {
  return [...places(facts).flatMap(judge), ...ofBarman(facts, () => [])];
}

export const CONNECTION_CHECKS: readonly Check[] = [
  {
    id: 'connections.reached',
    title: 'Every host is reached',
    meaning:
      'Nothing can be recovered on a host that is not reached, and a cut-over is refused: a member that nobody stops would take the leadership.',
    needs: [],
    judge: (facts) => ofAll(facts, (place) => notReached(facts, place)),
  },
  {
    id: 'connections.become',
    title: 'Commands run as every user that a recovery needs',
    meaning:
      'A recovery works as the owner of the data and as the owner of the backups, and stops Patroni. It would stop at its first step.',
    needs: [],
    judge: (facts) => [
      ...ofAll(facts, (place) => cannotBecome(facts, place)),
      ...facts.nodes.flatMap((node) => cannotControl(facts, node)),
    ],
  },
  {
    id: 'connections.node-to-barman',
    title: 'Every node can fetch WAL from Barman',
    meaning: 'PostgreSQL could not replay on that node: what it must replay lies on the backup host.',
    needs: ['fetch'],
    judge: (facts) => facts.nodes.flatMap((node) => fromNode(facts, node)),
  },
  {
    id: 'connections.barman-to-node',
    title: 'Barman can log in to every node to restore onto it, and reaches no other by that',
    meaning: 'A backup could not be copied onto that node, or would be copied onto another one.',
    needs: ['access'],
    judge: (facts) => ofBarman(facts, (barman) => fromBarman(facts, barman)),
  },
];
