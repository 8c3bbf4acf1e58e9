import { pitrCommand } from '../commands-to-type.ts';
import type { Facts } from '../facts.ts';
import type { Check, Flaw } from '../finding.ts';
import { clusterViews } from '../views.ts';

function membersIn({ nodes }: Facts): ReadonlySet<string> {
  return new Set(clusterViews(nodes).flatMap(({ cluster }) => Object.keys(cluster.members)));
}

function noMembers(facts: Facts): Flaw {
  return {
    severity: 'unknown',
    text: 'cannot tell: no node tells of the members of the cluster',
    mend: [pitrCommand(facts, 'status')],
  };
}

export const INVENTORY_CHECKS: readonly Check[] = [
  {
    id: 'inventory.variables',
    title: 'The inventory says all that a recovery needs to know',
    meaning:
      'A recovery stops at the first variable that is missing, or works with a default that is wrong here.',
    needs: [],
    judge: ({ variableFlaws }) =>
      variableFlaws.map(({ host, variable, why }) => ({
        severity: 'critical',
        host,
        text: `${variable} ${why}`,
        mend: [`Set ${variable} for ${host} in the inventory.`],
      })),
  },
  {
    id: 'inventory.barman',
    title: 'The inventory says where Barman is',
    meaning: 'Without it there is nothing that a recovery could start from.',
    needs: [],
    judge: ({ barman }) =>
      barman === undefined
        ? [
            {
              severity: 'critical',
              text: 'the inventory does not say which host Barman runs on',
              mend: ['Set barman_host under all: vars: to the inventory name of that host.'],
            },
          ]
        : [],
  },
  {
    id: 'inventory.members',
    title: 'Every member of the cluster is a host of the inventory, by its own name',
    meaning:
      'A member that nobody stops takes the leadership during a cut-over, and what was recovered is lost again. So the cut-over is refused.',
    needs: ['cluster'],
    judge: (facts) => {
      const hosts = facts.nodes.map(({ name }) => name);
      const members = membersIn(facts);
      if (members.size === 0) return [noMembers(facts)];
      return [...members]
        .filter((member) => !hosts.includes(member))
        .map((member) => ({
          severity: 'critical' as const,
          text: `the cluster has a member ${member}, and the group patroni of the inventory has no host of that name`,
          mend: [
            `Put it into the group patroni by the name ${member}; where it is reached is its ansible_host.`,
            pitrCommand(facts, 'status'),
          ],
        }));
    },
  },
  {
    id: 'inventory.hosts',
    title: 'Every node of the inventory is a member of the cluster',
    meaning:
      'It does not follow the leader now. It cannot be recovered as a member, and no failover can use it.',
    needs: ['cluster'],
    judge: (facts) => {
      const members = membersIn(facts);
      if (members.size === 0) return [noMembers(facts)];
      return facts.nodes
        .filter(({ name }) => !members.has(name))
        .map(({ name }) => ({
          severity: 'critical' as const,
          host: name,
          text: `the cluster lists no member ${name}`,
          mend: [
            `If a recovery waits there: pitr runs`,
            `If it is gone for good, take it out of the inventory. Else start Patroni there, then: ${pitrCommand(facts, 'status')}`,
          ],
        }));
    },
  },
];
