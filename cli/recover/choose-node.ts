import { PitrError } from '../../lib/base/errors/pitr-error.ts';
import { usageError } from '../usage-error.ts';

export interface NodeWish {
  /** The nodes of the inventory. */
  readonly names: readonly string[];
  /** What `--for` or `--prepare-on` named. */
  readonly wished: string | undefined;
  /** Who leads; nothing where no node told. */
  readonly leader: string | undefined;
  readonly allowLeader: boolean;
  /** The command that was typed, with these options in addition. */
  readonly again: (...options: readonly string[]) => string;
  /** What whoever types it must know. */
  readonly notes: readonly string[];
  /** The command that shows who leads. */
  readonly status: string;
}

/**
 * The node that files and printed steps are made for. It leaves the cluster by them, so a leader is taken only where that
 * was said. Throws kind `usage` for a node that is none, `refused` for a leader and where nobody knows who leads.
 */
export function chooseNode({ names, wished, leader, allowLeader, again, notes, status }: NodeWish): string {
  if (wished !== undefined && !names.includes(wished)) {
    throw usageError('prepare-node-unknown', `"${wished}" is no node of the cluster`, {
      details: [`The nodes are: ${names.join(', ')}.`],
    });
  }
  // Any of them may be a leader of another name, the one that was named too.
  const otherName = leader !== undefined && !names.includes(leader);
  if (otherName || (wished === undefined && leader === undefined)) {
    throw new PitrError({
      kind: 'refused',
      code: 'prepare-leader-unseen',
      message: 'it could not be seen which node leads, so no node is chosen',
      details: [
        otherName
          ? `${leader} leads, and no host of the inventory has that name.`
          : 'No node tells who leads.',
        'The printed steps take their node out of the cluster: for the leader that means a failover.',
        `The nodes are: ${names.join(', ')}.`,
      ],
      state: 'nothing was changed',
      next: [
        `See who leads: ${status}`,
        ...(otherName
          ? [
              'Name the hosts in the inventory as Patroni names its members; where they are reached is ansible_host.',
            ]
          : [`Then name a node that does not: ${again('--for', '<node>')}`, ...notes]),
      ],
    });
  }
  const replica = names.find((name) => name !== leader);
  const chosen = wished ?? replica ?? names[0] ?? '';
  if (chosen !== leader || allowLeader) return chosen;
  const meant = wished === undefined ? ['--for', chosen, '--allow-leader'] : ['--allow-leader'];
  throw new PitrError({
    kind: 'refused',
    code: 'prepare-for-leader',
    message: `${chosen} is the leader of the cluster`,
    details: [
      replica === undefined
        ? 'The printed steps take it away from the clients, and there is no other node to serve them.'
        : 'The printed steps take it away from the clients: the cluster fails over. A replica costs them nothing.',
    ],
    state: 'nothing was changed',
    next: [
      ...(replica === undefined ? [] : [`Choose a replica: --for ${replica}`]),
      `If you mean the leader: ${again(...meant)}`,
      ...notes,
    ],
  });
}
