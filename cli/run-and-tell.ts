import { EXIT_CODES } from '../lib/base/errors/pitr-error.ts';
import { stands } from '../lib/engine/back/standing-changes.ts';
import { mayHandOver, storyOf } from '../lib/engine/back/story.ts';
import { planUndo } from '../lib/engine/back/undo-plan.ts';
import type { Way } from '../lib/engine/events/events.ts';
import { readOthers } from '../lib/engine/journal/others.ts';
import { readRun } from '../lib/engine/journal/read.ts';
import { type RunDoor, type RunOutcome, runPlaybook } from '../lib/engine/run/run.ts';
import type { RunRequest } from '../lib/engine/run/run-request.ts';
import { exitCodeOf } from './display/error-text.ts';
import { waysOn } from './ways.ts';

/** Runs a playbook, and says at its end what can be done now. Throws as `runPlaybook` does. */
export async function runAndTell(request: RunRequest, door: RunDoor): Promise<RunOutcome> {
  const outcome = await runPlaybook(request, door);
  if (request.mode !== 'run') return outcome;
  const ways = await waysAfter(outcome).catch((): readonly Way[] => [
    // What the journal cannot tell now (its disk may be full) it may tell then.
    { text: 'See how things stand', command: `pitr runs ${outcome.runId}` },
  ]);
  if (ways.length > 0) door.emit({ type: 'run.ways', time: Date.now(), ways });
  return outcome;
}

/** What the command that ran a playbook ends with. Hosts that failed by the run's own rules leave no error: that is `failed`, too. */
export function exitCodeOfRun({ status, error }: RunOutcome): number {
  if (status === 'ok') return 0;
  return error === undefined ? EXIT_CODES.failed : exitCodeOf(error);
}

const TOUCHES_NOTHING = ['refused', 'validation', 'usage', 'unreachable'];

async function waysAfter({ runId, status, error }: RunOutcome): Promise<readonly Way[]> {
  const run = await readRun(runId);
  // A controller may have kept thousands of others: they are read where they can tell something.
  if (status === 'ok' && !mayHandOver(run)) return [];
  const story = storyOf(run, await readOthers(run));
  const { closed } = story;
  if (status === 'ok') {
    // Up to the cut-over the playbooks say what leads on.
    const isOver = closed?.why === 'cut over' && closed.cutOver.run === run;
    return isOver ? waysOn(await planUndo(story), runId) : [];
  }
  // Where nothing was touched, the error has said all.
  if (!run.changes.some(stands) && TOUCHES_NOTHING.includes(error?.kind ?? '')) return [];
  return [
    { text: 'See what was done', command: `pitr runs ${runId}` },
    ...waysOn(await planUndo(story), runId),
  ];
}
