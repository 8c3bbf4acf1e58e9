import type { RunsAbout } from '../../contract/effects.ts';
import { effectsOf, runsNamedBy } from '../journal/effects-of.ts';
import type { JournalledRun } from '../journal/read.ts';

function aboutsOf({ changes }: JournalledRun): readonly RunsAbout[] {
  return changes.flatMap(({ intent }) => effectsOf(intent).flatMap(({ about }) => about ?? []));
}

/** Whether the run takes back what the runs have done that it is about; else it goes on with them. */
export function takesBack(run: JournalledRun): boolean {
  return aboutsOf(run).some((one) => one.takesBack);
}

/** What the playbooks say that leads on from a recovery that waits: of the newest run that says so, and still stands. */
export function waysOf(
  runs: readonly JournalledRun[],
): readonly { readonly text: string; readonly command?: string }[] {
  const newest = runs.findLast((run) => aboutsOf(run).some(({ ways }) => ways.length > 0));
  const lines = newest === undefined ? [] : (aboutsOf(newest).at(-1)?.ways ?? []);
  return lines.map((line) => {
    const at = line.indexOf(': pitr ');
    return at < 0 ? { text: line } : { text: line.slice(0, at), command: line.slice(at + 2) };
  });
}

/** All runs of the recovery that the run belongs to, oldest first. */
export function familyOf(run: JournalledRun, all: readonly JournalledRun[]): readonly JournalledRun[] {
  const family = new Set([run.started.runId, ...runsNamedBy(run)]);
  for (let size = 0; size !== family.size; ) {
    size = family.size;
    for (const one of all) {
      const about = runsNamedBy(one);
      const id = one.started.runId;
      if (family.has(id)) for (const other of about) family.add(other);
      else if (about.some((other) => family.has(other))) family.add(id);
    }
  }
  const members = all.filter(({ started: { runId } }) => family.has(runId) && runId !== run.started.runId);
  return oldestFirst([...members, run]);
}

/**
 * Runs in the order in which they were begun. A run is begun after those that it is about; else the clocks of their
 * controllers tell, which may differ and be set back.
 */
export function oldestFirst(runs: readonly JournalledRun[]): readonly JournalledRun[] {
  const left = [...runs].sort((a, b) => a.started.time - b.started.time);
  const ordered: JournalledRun[] = [];
  while (left.length > 0) {
    const ids = left.map(({ started }) => started.runId);
    // Two that are about each other, as one that was resumed later may be: their clocks tell.
    const next = left.findIndex((one) => !runsNamedBy(one).some((other) => ids.includes(other)));
    ordered.push(...left.splice(Math.max(next, 0), 1));
  }
  return ordered;
}
