import { PitrError } from '../../base/errors/pitr-error.ts';
import { type TailsParam, unseenIn } from '../wal/tail.ts';

/** A node of the cluster whose pg_wal was not looked at. */
export interface UnseenNode {
  readonly node: string;
  readonly why: string;
}

/** What decides whether WAL that nobody has seen may be missed. */
export interface UnseenFacts {
  readonly unseen: readonly UnseenNode[];
  /** All was asked for that there is. */
  readonly latest: boolean;
  /** The timeline that recovery follows. */
  readonly timeline: number;
  /** Of the living leader; 0 where nobody leads. */
  readonly leaderTimeline: number;
  /** Recovery ends before WAL that is missing. */
  readonly gap: boolean;
}

/** Who may say what lies in pg_wal: the hosts of the inventory, and the members that the cluster lists. */
export interface ExpectedNodes {
  readonly hosts: readonly string[];
  readonly members: readonly string[];
}

/** The nodes whose pg_wal was not looked at, whatever the reason: they did not answer, or nobody has asked them. */
export function unseenNodes(tails: TailsParam, { hosts, members }: ExpectedNodes): readonly UnseenNode[] {
  const silent = unseenIn(tails);
  const asked = new Set([...tails.flatMap(({ node }) => node ?? []), ...silent.map(({ node }) => node)]);
  const notAsked = [...new Set([...hosts, ...members])].filter((node) => !asked.has(node));
  return [
    ...silent,
    ...notAsked.map((node) => ({
      node,
      why: hosts.includes(node)
        ? 'this run leaves it out (--limit)'
        : 'it is a member of the cluster, and the inventory has no host of that name',
    })),
  ];
}

/**
 * Whether commits that were asked for may lie there alone. A target that archived WAL is proved to lead to needs nothing
 * from there; nor does `latest` on the timeline of a living leader, which has all of it and archives it for this recovery.
 */
export function mayMissCommits({ unseen, latest, timeline, leaderTimeline, gap }: UnseenFacts): boolean {
  return unseen.length > 0 && latest && (gap || leaderTimeline !== timeline);
}

/** Throws kind `refused` where commits that were asked for may be missed, and nobody has accepted that. */
export function refuseUnseen(facts: UnseenFacts, accepted: boolean, host: string): void {
  if (accepted || !mayMissCommits(facts)) return;
  const { unseen, gap } = facts;
  throw new PitrError({
    kind: 'refused',
    // `latest` was asked for, and what only that node has would be left out without a word.
    code: 'wal-unseen',
    message: `pg_wal of ${namesOf(unseen)} could not be looked at: the last commits may be there and nowhere else`,
    details: [
      ...unseen.map(({ node, why }) => `${node}: ${why}`),
      gap
        ? 'WAL is missing in the archives, and what is missing may be there.'
        : 'No leader is alive that has all of this timeline and could archive it.',
    ],
    host,
    next: [
      `Mend that, so that pg_wal of ${namesOf(unseen)} can be looked at, and run this again.`,
      'Or name a moment instead of latest: it is refused only where the WAL up to it is not archived.',
      'Or recover without what may be there alone: -e accept_unseen_wal=true',
    ],
  });
}

/** For the plan: who was not looked at, and what that means. */
export function unseenNotes(facts: UnseenFacts): readonly string[] {
  const { unseen, latest, gap } = facts;
  if (unseen.length === 0) return [];
  return [
    `pg_wal was not looked at on: ${unseen.map(({ node, why }) => `${node} (${why})`).join('; ')}.`,
    mayMissCommits(facts)
      ? 'Commits that are there and nowhere else are not recovered.'
      : latest
        ? 'The leader has all of the timeline that is recovered, and archives it. What else may be there is of a history that the leader left.'
        : gap
          ? 'The WAL that is missing may be there.'
          : 'The WAL up to the target is archived. A node that led at that moment may have commits of a history that was left, which are not recovered.',
  ];
}

function namesOf(unseen: readonly UnseenNode[]): string {
  return unseen.map(({ node }) => node).join(', ');
}
