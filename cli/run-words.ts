import { join, relative } from 'node:path';
import { stands } from '../lib/engine/back/standing-changes.ts';
import type { JournalledChange, JournalledRun } from '../lib/engine/journal/read.ts';
import { begunOn, type RunStatus, runStatus } from '../lib/engine/journal/status.ts';
import { ownPlaybook } from '../lib/language/playbook/assets.ts';
import type { Paint } from './display/paint.ts';

/** `2026-11-22 16:04:39`, UTC. */
export function when(time: number): string {
  return new Date(time).toISOString().slice(0, 19).replace('T', ' ');
}

/** How a change stands, in a word or two. */
export function changeWord(change: JournalledChange): string {
  if (change.undone) return 'taken back';
  if (change.madeWholeBy !== undefined) return 'made whole';
  if (change.halfUndone) return 'half taken back?';
  if (change.notBegun) return 'not begun';
  if (change.ended === 'done') return 'done';
  if (change.ended === 'open') return 'half made?';
  return stands(change) ? 'failed' : 'refused';
}

export function changePaint(change: JournalledChange, paint: Paint): (text: string) => string {
  if (change.undone || change.madeWholeBy !== undefined) return paint.quiet;
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
      return `It has no end in this journal; only ${begunOn(begun)}, where it was started, can tell whether it still runs (process ${begun.pid})${at}.`;
  }
}

/** The name under which the operator knows a playbook. */
export function playbookName(path: string, cwd: string): string {
  const own = ownPlaybook(path);
  if (own !== undefined) return own;
  const local = relative(join(cwd, 'playbooks'), path);
  return local.startsWith('..') ? shorter(path, cwd) : local;
}

function shorter(path: string, cwd: string): string {
  const below = relative(cwd, path);
  return below.startsWith('..') || below === '' ? path : below;
}
