import { hostname, uptime } from 'node:os';
import { type Beginning, bootMark, pidNamespace, processMark } from './beginning.ts';
import { begunBackIn } from './begun-back.ts';
import { goesOn } from './lines.ts';
import type { JournalledRun } from './read.ts';

/**
 * How a run stands: as it ended; `running` while its process lives on this machine; `died` when it neither ended nor
 * lives; `unknown` when it did not end and nobody here can tell: it was started on another machine, which may have the
 * name of this one, or in another container, or /proc hides it. Where somebody has gone on with it since, a person has been
 * asked: it is not at work.
 */
export type RunStatus = 'ok' | 'failed' | 'interrupted' | 'running' | 'died' | 'unknown';

export function runStatus(run: JournalledRun): RunStatus {
  return run.finished?.status ?? fateIn(run, run.begun);
}

/** Whether there is something to go on with: the run did not end well, or an undo has begun to take it back since. */
export function canGoOn(run: JournalledRun): boolean {
  return runStatus(run) !== 'ok' || wasTakenBackSince(run);
}

function wasTakenBackSince({ records, finished }: JournalledRun): boolean {
  return finished !== undefined && begunBackIn(records.slice(records.indexOf(finished))).size > 0;
}

/** How the last `pitr undo` of the run stands; nothing where there was none. */
export function undoStatus(run: JournalledRun): RunStatus | undefined {
  const { undo } = run;
  return undo === undefined ? undefined : (undo.finished?.status ?? fateIn(run, undo.started));
}

/** Where something was begun, for messages: `backup1`. */
export function begunOn(beginning: Beginning): string {
  const machine = machineOf(beginning);
  const inside = machine === hostname() && isOfOtherContainer(beginning);
  return inside ? `${machine}, in another PID namespace such as a container's` : machine;
}

/** `backup1` of `root@backup1`. */
function machineOf({ operator }: Beginning): string {
  return operator.slice(operator.lastIndexOf('@') + 1);
}

type Fate = 'running' | 'died' | 'unknown';

function fateIn({ records }: JournalledRun, beginning: Beginning): Fate {
  const fate = fateOf(beginning);
  if (fate !== 'unknown') return fate;
  const since = records.slice(records.findIndex((record) => Object.is(record, beginning)) + 1);
  return since.some(goesOn) ? 'died' : fate;
}

function fateOf(beginning: Beginning): Fate {
  if (machineOf(beginning) !== hostname() || isOfNamesake(beginning)) return 'unknown';
  // Its number may be another's by now, and without a mark nothing else would tell.
  if (beginning.process === undefined && isBeforeBoot(beginning)) return 'died';
  return isOfOtherContainer(beginning) ? 'unknown' : fateHere(beginning);
}

/** Whether a process had another boot of its machine although this one has been up since before it began. */
function isOfNamesake(beginning: Beginning): boolean {
  return isOfOtherBoot(beginning) && !isBeforeBoot(beginning);
}

/** Whether its number is one of a namespace of this machine's processes that cannot be looked into from here. */
function isOfOtherContainer(beginning: Beginning): boolean {
  const here = pidNamespace();
  const { pidNamespace: there } = beginning;
  return here !== undefined && there !== undefined && there !== here && !isOfOtherBoot(beginning);
}

function isOfOtherBoot({ process }: Beginning): boolean {
  const boot = bootMark();
  return process !== undefined && boot !== '' && !process.startsWith(`${boot}:`);
}

/** Whether this machine came up after something began. */
function isBeforeBoot({ time }: Beginning): boolean {
  return time < Date.now() - uptime() * 1000;
}

/** What has become of a process of this machine. */
export function fateHere({ pid, process }: Pick<Beginning, 'pid' | 'process'>): Fate {
  return fateBy(process, { alive: isAlive(pid), mark: processMark(pid), boot: bootMark() });
}

/**
 * What has become of a process by the mark that it had, and by what is seen of its number now. One that lives and is not
 * to be seen (/proc hides what belongs to others) may be the one or another.
 */
export function fateBy(
  was: string | undefined,
  now: { readonly alive: boolean; readonly mark: string | undefined; readonly boot: string },
): Fate {
  if (!now.alive) return 'died';
  if (was === undefined) return 'running';
  if (now.mark !== undefined) return now.mark === was ? 'running' : 'died';
  return now.boot !== '' && !was.startsWith(`${now.boot}:`) ? 'died' : 'unknown';
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // EPERM: it lives, and is somebody else's
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
}
