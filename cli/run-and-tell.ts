import { EXIT_CODES } from '../lib/base/errors/pitr-error.ts';
import { stands } from '../lib/engine/back/standing-changes.ts';
import { mayHandOver, storyOf } from '../lib/engine/back/story.ts';
import { planUndo } from '../lib/engine/back/undo-plan.ts';
import type { Way } from '../lib/engine/events/events.ts';
import { readOthers } from '../lib/engine/journal/others.ts';
import { readRun } from '../lib/engine/journal/read.ts';
import { type RunDoor, type RunOutcome, runPlaybook } from '../lib/engine/run/run.ts';
import type { RunRequest } from '../lib/engine/run/run-request.ts';
import { commandLine } from '../lib/transport/quote.ts';
import { exitCodeOf } from './display/error-text.ts';
import { waysOn } from './ways.ts';

/**
 * Runs a playbook, and says at its end what can be done now, with a run that the operator has named by `reference`. Throws
 * as `runPlaybook` does.
 */
export async function runAndTell(
  request: RunRequest,
  door: RunDoor,
  reference?: string,
): Promise<RunOutcome> {
  const outcome = await runPlaybook(request, door);
  if (request.mode !== 'run') return outcome;
  const name = reference ?? outcome.runId;
  const ways = await waysAfter(outcome, request.resumes?.path ?? outcome.runId, name).catch(
    (): readonly Way[] => [
      // What the journal cannot tell now (its disk may be full) it may tell then.
      { text: 'See how things stand', command: commandLine(['pitr', 'runs', name]) },
    ],
  );
  if (ways.length > 0) door.emit({ type: 'run.ways', time: Date.now(), ways });
  return outcome;
}

/** What the command that ran a playbook ends with. Hosts that failed by the run's own rules leave no error: that is `failed`, too. */
export function exitCodeOfRun({ status, error }: RunOutcome): number {
  if (status === 'ok') return 0;
  return error === undefined ? EXIT_CODES.failed : exitCodeOf(error);
}

const TOUCHES_NOTHING = ['refused', 'validation', 'usage', 'unreachable'];

async function waysAfter(
  { status, error }: RunOutcome,
  journal: string,
  name: string,
): Promise<readonly Way[]> {
  const run = await readRun(journal);
  // A controller may have kept thousands of others: they are read where they can tell something.
  if (status === 'ok' && !mayHandOver(run)) return [];
  const story = storyOf(run, await readOthers(run));
  const { closed } = story;
  if (status === 'ok') {
    // Up to the cut-over the playbooks say what leads on.
    const isOver = closed?.why === 'cut over' && closed.cutOver.run === run;
    return isOver ? waysOn(await planUndo(story), name) : [];
  }
  // Where nothing was touched, the error has said all.
  if (!run.changes.some(stands) && TOUCHES_NOTHING.includes(error?.kind ?? '')) return [];
  return [
    { text: 'See what was done', command: commandLine(['pitr', 'runs', name]) },
    ...waysOn(await planUndo(story), name),
  ];
}
