import { isAbsolute, join, relative } from 'node:path';
import { stands, type UndoPlan } from '../lib/engine/back/undo-plan.ts';
import type { JournalledChange, JournalledRun } from '../lib/engine/journal/read.ts';
import { machineOf, type RunStatus, runStatus, undoStatus } from '../lib/engine/journal/status.ts';
import { productPlaybooks } from '../lib/language/playbook/assets.ts';
import { commandLine } from '../lib/transport/quote.ts';
import type { Paint } from './display/paint.ts';

/** `2026-11-22 16:04:39`, UTC. */
export function when(time: number): string {
  return new Date(time).toISOString().slice(0, 19).replace('T', ' ');
}

/** How a change stands, in a word or two. */
export function changeWord(change: JournalledChange): string {
  if (change.undone) return 'taken back';
  if (change.halfUndone) return 'half taken back?';
  if (change.notBegun) return 'not begun';
  if (change.ended === 'done') return 'done';
  if (change.ended === 'open') return 'half made?';
  return stands(change) ? 'failed' : 'refused';
}

export function changePaint(change: JournalledChange, paint: Paint): (text: string) => string {
  if (change.undone) return paint.quiet;
  if (change.halfUndone) return paint.failed;
  if (change.ended === 'done') return (text) => text;
  return stands(change) ? paint.failed : paint.quiet;
}

export function statusPaint(status: RunStatus, paint: Paint): (text: string) => string {
  switch (status) {
    case 'ok':
      return paint.ok;
    case 'running':
      return paint.changed;
    case 'unknown':
      return paint.unknown;
    case 'failed':
    case 'interrupted':
    case 'died':
      return paint.failed;
  }
}

/** A sentence on how the run stands. */
export function statusSentence(run: JournalledRun): string {
  const { begun } = run;
  const at = run.lastTask === undefined ? '' : `; the last task that began: ${run.lastTask}`;
  const status = runStatus(run);
  switch (status) {
    case 'ok':
      return 'It ended well.';
    case 'failed':
      return `It failed${at}.`;
    case 'interrupted':
      return `It was interrupted${at}.`;
    case 'running':
      return `It is running (process ${begun.pid})${at}.`;
    case 'died':
      return `It did not end and its process is gone (killed, or the machine stopped)${at}.`;
    case 'unknown':
      return `It has no end in this journal; only ${machineOf(begun)}, where it was started, can tell whether it still runs (process ${begun.pid})${at}.`;
  }
}

/** One thing that can be done, and the command for it. */
export interface Way {
  readonly text: string;
  readonly command?: string;
}

/** What can be done with a run now. `reference` is how the operator named it. */
export function waysOn(plan: UndoPlan, reference: string): readonly Way[] {
  const { run, steps, wall } = plan;
  const status = runStatus(run);
  if (status === 'running') {
    return [{ text: 'End it cleanly', command: `kill -INT ${run.begun.pid}` }];
  }
  if (run.committed !== undefined)
    return [{ text: 'It was committed: the old data is gone, and nothing leads back.' }];
  if (undoStatus(run) === 'running') return [{ text: 'It is being taken back: wait for that.' }];
  const undo = commandLine(['pitr', 'undo', reference]);
  const ways: Way[] = [];
  if (wall !== undefined) {
    const { number } = wall.change.intent;
    ways.push({ text: `Change ${number} cannot be taken back: ${wall.why}. What is older stays with it.` });
    const newest = steps.at(-1)?.intent.number;
    if (newest !== undefined)
      ways.push({ text: `Take back what is newer`, command: `${undo} --from ${newest}` });
    if (wall.canBeKept)
      ways.push({ text: 'Leave it as it is and take back the rest', command: `${undo} --keep ${number}` });
  } else if (steps.length > 0) {
    ways.push({ text: 'See what would be taken back', command: `${undo} --check` });
    ways.push({ text: 'Take it back', command: undo });
  }
  if (status !== 'ok') {
    ways.unshift({ text: 'Go on where it stood', command: commandLine(['pitr', 'resume', reference]) });
  }
  return ways;
}

/** The name under which the operator knows a playbook. */
export function playbookName(path: string, cwd: string): string {
  const own = relative(productPlaybooks(), path);
  if (!own.startsWith('..') && !isAbsolute(own)) return own;
  const local = relative(join(cwd, 'playbooks'), path);
  return local.startsWith('..') ? shorter(path, cwd) : local;
}

function shorter(path: string, cwd: string): string {
  const below = relative(cwd, path);
  return below.startsWith('..') || below === '' ? path : below;
}
