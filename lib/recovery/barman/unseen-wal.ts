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
  /** Of the living leader; 0 where nobody leads, undefined where nobody has asked. */
  readonly leaderTimeline: number | undefined;
  /** Timelines without any known WAL that may have gone on after the one that recovery follows. */
  readonly goneOn?: readonly number[] | undefined;
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
 * Whether commits that were asked for may lie where nobody has looked. A target that archived WAL is proved to lead to needs nothing
 * from there; nor does `latest` on the timeline of a living leader, which has all of it and archives it for this recovery.
 * A timeline that has begun and has left no WAL where it was looked for may still have some: a primary that runs and
 * archives was not asked for its own.
 */
export function mayMissCommits(facts: UnseenFacts): boolean {
  const { unseen, latest, timeline, leaderTimeline, gap } = facts;
  const isUnseen = unseen.length > 0 && (gap || leaderTimeline !== timeline);
  return latest && (isUnseen || wentOn(facts));
}

function wentOn({ goneOn = [] }: UnseenFacts): boolean {
  return goneOn.length > 0;
}

/** Throws kind `refused` where commits that were asked for may be missed, and nobody has accepted that. */
export function refuseUnseen(facts: UnseenFacts, accepted: boolean, host: string): void {
  if (accepted || !mayMissCommits(facts)) return;
  const { unseen, gap, leaderTimeline } = facts;
  if (wentOn(facts)) throw walOfOthersUnseen(facts, host);
  throw new PitrError({
    kind: 'refused',
    // `latest` was asked for, and what only that node has would be left out without a word.
    code: 'wal-unseen',
    message: `pg_wal of ${namesOf(unseen)} could not be looked at: the last commits may be there and nowhere else`,
    details: [
      ...unseen.map(({ node, why }) => `${node}: ${why}`),
      gap
        ? 'WAL is missing in the archives, and what is missing may be there.'
        : leaderTimeline === undefined
          ? 'No leader is known that has all of this timeline and could archive it: none was looked for, or no member has answered.'
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

function walOfOthersUnseen(facts: UnseenFacts, host: string): PitrError {
  const { unseen, timeline, goneOn = [] } = facts;
  return new PitrError({
    kind: 'refused',
    code: 'wal-unseen',
    message: `timeline ${goneOn.join(' and ')} began after the last WAL of timeline ${timeline}, and no WAL of it was found: the last commits may be there`,
    details: [
      'Its history file is known. Whoever led on it may have written for hours, and archived nothing of it yet.',
      'No leader was asked that would tell which timeline is meant.',
      ...unseen.map(({ node, why }) => `${node}: ${why}`),
    ],
    host,
    next: [
      'Where a leader lives, let it archive what it has, with psql on it: select pg_switch_wal(). Then run this again.',
      'Where none lives, have the WAL of that timeline archived, or have a leader again.',
      `Or recover to the end of timeline ${timeline}: -e timeline=${timeline}`,
      'Or recover without what may be there alone: -e accept_unseen_wal=true',
    ],
  });
}

/** For the plan: who was not looked at, and what that means. */
export function unseenNotes(facts: UnseenFacts): readonly string[] {
  const { unseen, latest, gap, timeline, goneOn = [] } = facts;
  const gone =
    latest && wentOn(facts)
      ? [
          `Timeline ${goneOn.join(' and ')} began after the last WAL of timeline ${timeline}: none of its commits is recovered.`,
        ]
      : [];
  if (unseen.length === 0) return gone;
  return [
    ...gone,
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
