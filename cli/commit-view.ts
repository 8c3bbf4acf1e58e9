import { formatBytes } from '../lib/base/values/bytes.ts';
import type { CommitStep, Measured } from '../lib/engine/back/commit.ts';
import type { Kept } from '../lib/engine/back/kept-data.ts';
import type { HeldChange } from '../lib/engine/back/left-by-commit.ts';
import { cutOversOf } from '../lib/engine/back/story.ts';
import type { JournalledRun } from '../lib/engine/journal/read.ts';
import type { HealthyCluster } from './healthy-cluster.ts';
import type { PlainSession } from './plain-session.ts';
import { table } from './table.ts';
import { oneLine, plural, wrapWords } from './text.ts';

export function tellKept(
  runs: readonly JournalledRun[],
  left: readonly Measured[],
  session: PlainSession,
): void {
  for (const { kept, bytes, error } of left) {
    const { host, path, kind, run } = kept;
    session.emit({ type: 'kept', run, host, path, kind, bytes, error });
  }
  const ids = runs.map(({ started }) => started.runId);
  const recovered = cutOversOf(runs).at(-1)?.host;
  session.print([
    ...wrapWords(
      `Kept by run${ids.length === 1 ? '' : 's'} ${ids.join(', ')}${recovered === undefined ? '' : ` (recovered on ${recovered})`}:`,
      session.view.columns(),
    ).map(session.view.paint.strong),
    ...table<Measured>(
      [
        { title: 'HOST', value: ({ kept }) => kept.host },
        {
          title: 'SIZE',
          value: ({ bytes, error }) =>
            error !== undefined ? 'unknown' : bytes === undefined ? 'gone' : formatBytes(bytes),
          align: 'right',
        },
        { title: 'WHAT', value: ({ kept }) => kept.kind },
        { title: 'PATH', value: ({ kept }) => kept.path },
      ],
      left,
    ),
  ]);
}

export function tellHealthy(healthy: HealthyCluster, session: PlainSession): void {
  const { leader, timeline, members } = healthy;
  session.emit({ type: 'commit.healthy', ...healthy });
  session.print([
    '',
    session.view.paint.ok(
      `Proved: ${leader} leads on timeline ${timeline ?? '?'}, and ${plural(members.length - 1, 'member')} of ${members.length} stream${members.length === 2 ? 's' : ''} from it.`,
    ),
  ]);
}

export function tellWarning(host: string | undefined, text: string, session: PlainSession): void {
  session.emit({ type: 'warning', time: Date.now(), host, text });
  const where = host === undefined ? '' : `[${oneLine(host)}] `;
  session.print(
    wrapWords(session.view.paint.changed(`${where}warning: ${oneLine(text)}`), session.view.columns()),
  );
}

export function tellStep(
  { kept, status, error }: CommitStep,
  left: readonly Measured[],
  session: PlainSession,
): void {
  const { host, path } = kept;
  session.emit({ type: 'commit.step', time: Date.now(), host, path, status, error });
  const { paint } = session.view;
  const there = `[${oneLine(host)}]`;
  const what = oneLine(path);
  const bytes = left.find((one) => one.kept === kept)?.bytes;
  const lines: Readonly<Record<CommitStep['status'], string>> = {
    removing: `${there} removing ${what}${bytes === undefined ? '' : ` (${formatBytes(bytes)})`}`,
    removed: paint.ok(`${there} removed ${what}`),
    gone: paint.quiet(`${there} was gone: ${what}`),
    failed: paint.failed(`${there} ${oneLine(error?.message ?? 'failed')}`),
  };
  session.print(wrapWords(lines[status], session.view.columns()));
}

/** What a commit that was limited to other hosts leaves as it is. */
export interface Stays {
  readonly kept: readonly Kept[];
  readonly held: readonly HeldChange[];
}

export function tellStays({ kept, held }: Stays, again: string, session: PlainSession): void {
  if (kept.length === 0 && held.length === 0) return;
  for (const { run, host, path, kind } of kept) session.emit({ type: 'kept', run, host, path, kind });
  tellHeld(held, session);
  session.print([
    ...kept.map(({ host, path }) => oneLine(`Still kept: ${path} on ${host}`)),
    ...heldLines(held, session),
    ...wrapWords(`When it is to go too: ${again}`, session.view.columns()),
  ]);
}

export function tellHeld(held: readonly HeldChange[], session: PlainSession): void {
  for (const { run, change } of held) {
    const { number, host, change: what } = change.intent;
    session.emit({ type: 'held', run: run.started.runId, host, number, summary: what.summary });
  }
}

export function heldLines(held: readonly HeldChange[], session: PlainSession): readonly string[] {
  return held.flatMap(({ change: { intent } }) =>
    wrapWords(oneLine(`Still held: ${intent.change.summary} on ${intent.host}`), session.view.columns()),
  );
}

export function total(left: readonly Measured[]): number {
  return left.reduce((sum, { bytes = 0 }) => sum + bytes, 0);
}
