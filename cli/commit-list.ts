import { asPitrError } from '../lib/base/errors/pitr-error.ts';
import type { Masker } from '../lib/base/values/masker.ts';
import { measureKept } from '../lib/engine/back/commit.ts';
import { familyOf } from '../lib/engine/back/family.ts';
import { keptBy, whyNotYet } from '../lib/engine/back/kept-data.ts';
import { heldUntilCommit } from '../lib/engine/back/left-by-commit.ts';
import { type MachinesWish, machinesAgain } from '../lib/engine/back/machines-again.ts';
import { readTelling } from '../lib/engine/journal/others.ts';
import { type JournalledRun, listRuns } from '../lib/engine/journal/read.ts';
import { commandLine } from '../lib/transport/quote.ts';
import type { AskPassphrase } from '../lib/transport/types.ts';
import { heldLines, tellHeld, tellKept, tellWarning } from './commit-view.ts';
import { exitCodeOf } from './display/error-text.ts';
import type { PlainSession } from './plain-session.ts';

/** How the hosts are reached. */
export interface CommitWish extends Pick<MachinesWish, 'otherMachines'> {
  readonly inventories: readonly string[];
  readonly extraVars: Readonly<Record<string, unknown>>;
  readonly signal: AbortSignal;
  readonly masker: Masker;
  readonly askPassphrase: AskPassphrase | undefined;
  /** Hears which host does not answer yet. */
  readonly tell: (text: string) => void;
}

/** Every run whose journal is here and can be read, and that may keep something; those that cannot be read are warned of. */
async function allRuns(session: PlainSession): Promise<readonly JournalledRun[]> {
  const read = await readTelling(await listRuns());
  for (const { reference, error } of read) {
    // A directory without a journal, of a run that came to nothing.
    if (error === undefined || error.code === 'run-unknown') continue;
    tellWarning(undefined, `run ${reference} is left out: ${error.message}`, session);
  }
  return read.flatMap(({ run }) => run ?? []);
}

/** Shows the old data that all runs of this controller keep, and what is held still although it was committed. */
export async function listKept(
  wish: CommitWish,
  site: readonly string[],
  session: PlainSession,
): Promise<number> {
  const all = await allRuns(session);
  const seen = new Set<string>();
  let worst = 0;
  let found = 0;
  for (const run of [...all].reverse()) {
    if (seen.has(run.started.runId)) continue;
    const runs = familyOf(run, all);
    for (const { started } of runs) seen.add(started.runId);
    const kept = keptBy(runs).filter(({ kind }) => kind === 'old data');
    const held = runs.some(({ committed }) => committed !== undefined) ? heldUntilCommit(runs) : [];
    if (kept.length === 0 && held.length === 0) continue;
    try {
      const again = commandLine(['pitr', 'commit', '--list', ...site]);
      const { machines } = machinesAgain(runs, { again });
      const otherMachines = wish.otherMachines?.filter((host) => machines.has(host));
      const left = (await measureKept({ ...wish, otherMachines, runs, again }, kept)).filter(
        ({ bytes, error }) => bytes !== undefined || error !== undefined,
      );
      if (left.length === 0 && held.length === 0) continue;
      found += 1;
      if (left.length > 0) tellKept(runs, left, session);
      tellHeld(held, session);
      session.print(heldLines(held, session));
      const why = whyNotYet(runs, all);
      session.print([
        why === undefined
          ? `  Let it go: ${commandLine(['pitr', 'commit', run.started.runId, ...site])}`
          : `  Not to be let go yet: ${why}`,
        '',
      ]);
    } catch (thrown) {
      const error = asPitrError(thrown);
      session.tell(error);
      worst = exitCodeOf(error);
    }
  }
  if (found === 0 && worst === 0) session.print(['No run of this controller keeps old data.']);
  return worst;
}
