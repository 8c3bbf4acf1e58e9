import { PitrError } from '../../base/errors/pitr-error.ts';
import { effectsOf, isHeld } from '../journal/effects-of.ts';
import { readOthers } from '../journal/others.ts';
import { type JournalledChange, type JournalledRun, readRun } from '../journal/read.ts';
import { familyOf, oldestFirst, takesBack } from './family.ts';
import { stands, wasBegun } from './standing-changes.ts';

/** From this change on the cluster follows what a recovery has promoted. */
export interface CutOver {
  /** The run that handed the promoted node over. */
  readonly run: JournalledRun;
  /** The node. */
  readonly host: string;
  /** When, in milliseconds since the epoch, by the controller's clock. */
  readonly time: number;
  /**
   * Who led before: stopped as a leader between the promotion and the hand-over; where nobody was, the node itself, if it
   * was the leader when it left for the recovery, and nobody could take over from it.
   */
  readonly oldLeader?: string;
  /** The other members that were stopped for it. */
  readonly members: readonly string[];
}

/** Why nothing of a run is to be taken back any more. */
export type Closed =
  | {
      readonly why: 'cut over';
      readonly cutOver: CutOver;
      /** Of another recovery, whose cut-over the same nodes have followed since. */
      readonly since?: JournalledRun;
    }
  | { readonly why: 'taken back' | 'gone on'; readonly by: JournalledRun };

/** The runs of one recovery, and what they say of one of them. */
export interface Story {
  readonly run: JournalledRun;
  /** All runs of the recovery, oldest first. */
  readonly runs: readonly JournalledRun[];
  /** All that is known beside them. */
  readonly others: readonly JournalledRun[];
  /** Nothing as long as the run is the newest of its recovery that stands, and no cluster follows it. */
  readonly closed: Closed | undefined;
}

/** The story of a run that is named by its id or by a path. Throws as `readRun` and `readOthers` do. */
export async function readStory(reference: string): Promise<Story> {
  const run = await readRun(reference);
  return storyOf(run, await readOthers(run));
}

/** What became of a run, from the journals that are kept beside its own. */
export function storyOf(run: JournalledRun, all: readonly JournalledRun[]): Story {
  const runs = familyOf(run, all);
  const others = all.filter((one) => !runs.some(({ started }) => started.runId === one.started.runId));
  const closed = closedBy(run, runs);
  if (closed?.why !== 'cut over') return { run, runs, others, closed };
  const since = followedSince(closed.cutOver, runs, others);
  return { run, runs, others, closed: since === undefined ? closed : { ...closed, since } };
}

/** Throws kind `refused` (`run-closed`), with what leads on, where nothing of the run is to be taken back any more. */
export function refuseClosed({ run, closed }: Story, next?: readonly string[]): void {
  if (closed === undefined) return;
  throw runClosed(run, closed, ': nothing of this recovery is taken back one by one any more', next);
}

/**
 * Whether the run itself may be gone on with: nothing came after it that holds in its place, or has settled, what it left;
 * and where the cluster follows a recovery, it is the run that has handed it over.
 */
export function mayGoOn({ run, closed }: Story): boolean {
  return closed === undefined || (closed.why === 'cut over' && idOf(closed.cutOver.run) === idOf(run));
}

/** Throws kind `refused` (`run-closed`) where the run itself may not be gone on with any more. */
export function refuseGoingOn(story: Story): void {
  const { run, closed } = story;
  if (closed === undefined || mayGoOn(story)) return;
  throw runClosed(run, closed, ', which came after this one');
}

function idOf({ started }: JournalledRun): string {
  return started.runId;
}

function runClosed(
  { started: { runId } }: JournalledRun,
  closed: Closed,
  ofCutOver: string,
  next?: readonly string[],
): PitrError {
  return new PitrError({
    kind: 'refused',
    // The run is over for good: it was taken back, given up, or followed by one that settled it.
    code: 'run-closed',
    message: whyClosed(runId, closed, ofCutOver),
    state: 'nothing was changed',
    next: next ?? [`See what leads on: pitr runs ${runId}`],
  });
}

function whyClosed(runId: string, closed: Closed, ofCutOver: string): string {
  switch (closed.why) {
    case 'cut over':
      return `the cluster follows what run ${closed.cutOver.run.started.runId} handed over on ${closed.cutOver.host}${ofCutOver}`;
    case 'taken back':
      return `run ${closed.by.started.runId} has taken back what run ${runId} did, or has begun to`;
    case 'gone on':
      return `run ${closed.by.started.runId} has gone on with what run ${runId} did, and holds it in its place`;
  }
}

/**
 * Every hand-over of a promoted node, oldest first. One that was taken back counts: the cluster may have followed. Changes
 * come as their journals have them: a clock that was set back puts no hand-over before its promotion.
 */
export function cutOversOf(runs: readonly JournalledRun[]): readonly CutOver[] {
  const changes = oldestFirst(runs).flatMap((run) =>
    run.changes.filter(wasBegun).map((change) => ({ run, change })),
  );
  const begun = new Map<string, number>();
  /** What has left as a leader from which nobody could take over: it led last. */
  const led = new Set<string>();
  const cutOvers: CutOver[] = [];
  for (const [index, { run, change }] of changes.entries()) {
    const { host, time } = change.intent;
    for (const { kind, id, cluster } of effectsOf(change.intent)) {
      const what = `${host} ${kind} ${id}`;
      if (cluster === 'begins a history') begun.set(what, index);
      if (cluster === 'leaves as leader' && nobodyLeads(run)) led.add(what);
      if (cluster !== 'joins') continue;
      const itself = led.delete(what) ? { oldLeader: host } : {};
      const from = begun.get(what);
      if (from === undefined) continue;
      begun.delete(what);
      cutOvers.push({ run, host, time, ...itself, ...leftBetween(changes.slice(from, index), host) });
    }
  }
  return cutOvers;
}

/**
 * Whether the run has noted that nobody leads while its target is out (`nobody_leads`). Otherwise another member may have led
 * since, and be gone without a trace in any journal: what the target has kept is then older than what was served last.
 */
function nobodyLeads({ records }: JournalledRun): boolean {
  return records.some(
    (record) => record.type === 'task.result' && Object(record.result.facts).nobody_leads === true,
  );
}

/** Whether a run may be one that hands a promoted node over; the journals of others tell whether it is. */
export function mayHandOver({ changes }: JournalledRun): boolean {
  return changes.some(({ intent }) => effectsOf(intent).some(({ cluster }) => cluster === 'joins'));
}

/** The run of another recovery that has cut the same nodes over later, and was not taken back. */
function followedSince(
  { time }: CutOver,
  runs: readonly JournalledRun[],
  others: readonly JournalledRun[],
): JournalledRun | undefined {
  const nodes = nodesOf(runs);
  return cutOversOf(others).findLast(
    (other) =>
      other.time > time &&
      [...nodesOf([other.run])].some((node) => nodes.has(node)) &&
      closedBy(other.run, familyOf(other.run, others))?.why !== 'taken back',
  )?.run;
}

/** What left a cluster, joined it or began a history in these runs. */
function nodesOf(runs: readonly JournalledRun[]): ReadonlySet<string> {
  return new Set(
    runs
      .flatMap(({ changes }) => changes)
      .flatMap(({ intent }) =>
        effectsOf(intent)
          .filter(({ cluster }) => cluster !== undefined)
          .map(({ kind, id }) => `${intent.host} ${kind} ${id}`),
      ),
  );
}

/** Who was taken out of the cluster for it, on other hosts. */
function leftBetween(
  changes: readonly { readonly change: JournalledChange }[],
  host: string,
): Pick<CutOver, 'oldLeader' | 'members'> {
  const left = changes
    .filter(({ change }) => change.intent.host !== host)
    .flatMap(({ change: { intent } }) =>
      effectsOf(intent).map(({ cluster }) => ({ host: intent.host, cluster })),
    );
  const leader = left.findLast(({ cluster }) => cluster === 'leaves as leader');
  const members = left.filter(({ cluster }) => cluster === 'leaves' || cluster === 'leaves as leader');
  return {
    members: [...new Set(members.map((one) => one.host))],
    ...(leader === undefined ? {} : { oldLeader: leader.host }),
  };
}

function closedBy(run: JournalledRun, runs: readonly JournalledRun[]): Closed | undefined {
  const begun = run.started.time;
  const cutOver = cutOversOf(runs).findLast((one) => one.run === run || begun <= one.time || !takesBack(run));
  const later = runs.slice(runs.indexOf(run) + 1).filter(hasDoneSomething);
  const back = later.findLast(takesBack);
  if (back !== undefined) return { why: 'taken back', by: back };
  if (cutOver !== undefined) return { why: 'cut over', cutOver };
  const last = later.at(-1);
  return last === undefined ? undefined : { why: 'gone on', by: last };
}

/** A run that was answered with no at its question has held the cluster and let it go again: nothing hangs on it. */
export function hasDoneSomething({ changes }: JournalledRun): boolean {
  return changes.some((change) => stands(change) && !isHeld(change.intent));
}
