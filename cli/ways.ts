import { MASK } from '../lib/base/values/secret.ts';
import { waysOf } from '../lib/engine/back/family.ts';
import { whyNotYet } from '../lib/engine/back/kept-data.ts';
import { type HeldChange, leavesSomething, leftByCommit } from '../lib/engine/back/left-by-commit.ts';
import { optionToType } from '../lib/engine/back/masked.ts';
import { stands } from '../lib/engine/back/standing-changes.ts';
import { type Closed, mayGoOn, type Story } from '../lib/engine/back/story.ts';
import type { UndoPlan, WayAround } from '../lib/engine/back/undo-plan.ts';
import { missingSecrets, type NeededSecrets } from '../lib/engine/back/variables-again.ts';
import type { Way } from '../lib/engine/events/events.ts';
import type { JournalledRun } from '../lib/engine/journal/read.ts';
import { canGoOn, runStatus, undoStatus } from '../lib/engine/journal/status.ts';
import { commandLine } from '../lib/transport/quote.ts';
import { revertCommand } from './revert-command.ts';

/** What can be done with a run now. `reference` is how the operator named it. Every command works in this state. */
export function waysOn(plan: UndoPlan, reference: string): readonly Way[] {
  const { run, story } = plan;
  if (runStatus(run) === 'running') {
    return [{ text: 'End it cleanly', command: `kill -INT ${run.begun.pid}` }];
  }
  if (run.committed !== undefined) return afterCommit(plan, reference);
  if (undoStatus(run) === 'running') return [{ text: 'It is being taken back: wait for that.' }];
  const resume = goOn(story, reference);
  const { closed } = story;
  switch (closed?.why) {
    case 'taken back':
      return [aboutRun(closed.by, 'has taken it back, or has begun to')];
    case 'gone on':
      return [aboutRun(closed.by, 'has gone on with it, and is the one to be decided on')];
    case 'cut over':
      return [...resume, ...afterCutOver(plan, closed, reference)];
    case undefined:
      return [...resume, ...backWays(plan, reference)];
  }
}

/** The same, a line each. */
export function waysInLine(ways: readonly Way[]): readonly string[] {
  return ways.map(({ text: whatFor, command }) =>
    command === undefined ? whatFor : `${whatFor}: ${command}`,
  );
}

/** What leads on where nothing is taken back: the run itself, and what its playbooks say. */
export function waysElse({ story }: UndoPlan, reference: string): readonly Way[] {
  return [...goOn(story, reference), ...waysOf(story.runs)];
}

function goOn(story: Story, reference: string): readonly Way[] {
  const { run, closed } = story;
  // A newer recovery of the same nodes has been cut over since: what leads now is none of this run's.
  const isOfThePast = closed?.why === 'cut over' && closed.since !== undefined;
  if (
    !mayGoOn(story) ||
    isOfThePast ||
    !canGoOn(run) ||
    (runStatus(run) === 'ok' && !run.changes.some(stands))
  )
    return [];
  const command = commandLine(['pitr', 'resume', reference, ...secretWords(run, 'all')]);
  return [{ text: 'Go on where it stood', command }];
}

/** What the run was given in secret, which no journal holds: without it the command would be refused. */
export function secretWords({ extraVars }: JournalledRun, needed: NeededSecrets): readonly string[] {
  return wordsForSecrets(missingSecrets(extraVars, {}, needed));
}

/** Secrets by the names of their variables, to be given again: a command that is printed has none of them. */
export function wordsForSecrets(names: readonly string[]): readonly string[] {
  const { PITR_BECOME_PASSWORD_FILE: passwordFile = '' } = process.env;
  return names
    .map((name) => optionToType(name, MASK))
    .filter(([option]) => option !== '-K' || passwordFile === '')
    .flat();
}

function aboutRun({ started: { runId } }: JournalledRun, what: string): Way {
  return { text: `Run ${runId} ${what}. See it`, command: commandLine(['pitr', 'runs', runId]) };
}

/** Of the runs of a recovery, the last one says how the hosts are reached. */
function commitOf({ story: { run, runs }, leading }: UndoPlan, reference: string): string {
  return commandLine(['pitr', 'commit', reference, ...secretWords(runs.at(-1) ?? run, leading)]);
}

/** A commit that was limited to some hosts, that failed or that was killed has left something behind. */
function afterCommit(plan: UndoPlan, reference: string): readonly Way[] {
  const left = leftByCommit(plan.story.runs);
  if (!leavesSomething(left))
    return [{ text: 'It was committed: the old data is gone, and nothing leads back.' }];
  const { kept, held, ended } = left;
  const [perhaps, still] =
    ended === undefined
      ? ['The last commit did not say that it ended.', 'may still be']
      : [undefined, 'is still'];
  const sentences = [
    perhaps,
    kept.length === 0 ? undefined : `Old data ${still} kept on ${listed(kept.map(({ host }) => host))}.`,
    held.length === 0 ? undefined : heldWords(held, still),
  ].filter((one) => one !== undefined);
  const said = sentences.length === 0 ? 'The last commit did not end well.' : sentences.join(' ');
  return [
    { text: 'It was committed: nothing leads back.' },
    { text: `${said} Let it go, too`, command: commitOf(plan, reference) },
  ];
}

function heldWords(held: readonly HeldChange[], still: string): string {
  const hosts = listed(held.map(({ change }) => change.intent.host));
  const what = listed(held.map(({ change }) => change.intent.change.summary));
  return `What it rests on ${still} held on ${hosts}: ${what}.`;
}

function listed(words: readonly string[]): string {
  return [...new Set(words)].join(', ');
}

/** Nothing of it is taken back one by one: the old data of all members returns at once, or goes. */
function afterCutOver(
  plan: UndoPlan,
  { cutOver, since }: Extract<Closed, { readonly why: 'cut over' }>,
  reference: string,
): readonly Way[] {
  const { run, runs, others } = plan.story;
  const ways: Way[] = [];
  if (since !== undefined) ways.push(aboutRun(since, 'has cut the cluster over to a newer recovery since'));
  if (cutOver.run !== run && runStatus(cutOver.run) !== 'ok')
    ways.push(aboutRun(cutOver.run, 'made the cluster follow, and did not end well'));
  const revert = since === undefined ? revertCommand(runs, cutOver, others) : undefined;
  if (revert !== undefined)
    ways.push({
      text: `Go back to the old data, at the price of everything written since the cluster follows ${cutOver.host}`,
      command: revert,
    });
  if (whyNotYet(runs) === undefined)
    ways.push({
      text: 'Let the old data go, when the recovered data is accepted',
      command: commitOf(plan, reference),
    });
  return ways;
}

function backWays(
  { run, steps, wall, wayAround, behindWall, story, leading }: UndoPlan,
  reference: string,
): readonly Way[] {
  const undo = commandLine(['pitr', 'undo', reference, ...secretWords(run, leading)]);
  if (wall === undefined) {
    if (steps.length === 0) return [];
    return [
      { text: 'See what would be taken back', command: `${undo} --check` },
      { text: 'Take it back', command: undo },
    ];
  }
  const { number } = wall.change.intent;
  const newest = steps.at(-1)?.intent.number;
  return [
    {
      text: `Change ${number} cannot be taken back: ${wall.why}.${behindWall.length > 0 ? ' What is older stays with it.' : ''}`,
    },
    ...(newest === undefined
      ? []
      : [{ text: 'Take back what is newer', command: `${undo} --from ${newest}` }]),
    ...(wayAround === undefined ? [] : [goAround(wayAround, undo)]),
    ...(steps.length === 0 ? waysOf(story.runs) : []),
  ];
}

function goAround(way: WayAround, undo: string): Way {
  const { stays, goes } = aroundInWords(way);
  const from = way.from === undefined ? '' : ` --from ${way.from}`;
  return {
    text: `Leave ${stays} and take back ${goes}`,
    command: `${undo}${from} --keep ${way.keep.join(',')}`,
  };
}

export function aroundInWords({ keep, from }: WayAround): { readonly stays: string; readonly goes: string } {
  return {
    stays: keep.length === 1 ? `change ${keep.join()} as it is` : `changes ${keep.join(', ')} as they are`,
    goes: from === undefined ? 'the rest' : `what is older, down to change ${from}`,
  };
}
