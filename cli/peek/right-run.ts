import { z } from 'zod';
import { PitrError } from '../../lib/base/errors/pitr-error.ts';
import { storyOf } from '../../lib/engine/back/story.ts';
import { effectsOf } from '../../lib/engine/journal/effects-of.ts';
import { readOthers } from '../../lib/engine/journal/others.ts';
import type { JournalledRun } from '../../lib/engine/journal/read.ts';
import { type LookRequest, lookOnce, onHosts } from '../../lib/engine/run/look.ts';
import { dataLayer, Scope, templatesLayer } from '../../lib/engine/task/scope.ts';
import { postgresResource } from '../../lib/recovery/postgres/instance-resource.ts';
import { commandLine } from '../../lib/transport/quote.ts';

/** The note that a recovery leaves beside the data: whose it is; that there is none; or why it tells nothing. */
export type Note = { readonly run: string } | 'none' | { readonly unread: string };

/** A run that was named, and a node on which something waits. */
export interface NamedRun {
  readonly run: JournalledRun;
  readonly host: string;
  readonly pgdata: string;
  /** What leads there, as it is typed again. */
  readonly beside: readonly string[];
  /** What whoever types that must know. */
  readonly notes: readonly string[];
}

type Look = Omit<LookRequest, 'module' | 'params'>;

/**
 * Proves that what waits on a node is the recovery of the run that was named, and not a later one: by the note beside the
 * data, or, where a recovery leaves none (spare.yml), by the journals that are kept here. Throws kind `refused` where it
 * is another one, and where nobody can tell.
 */
export async function proveRightRun(
  named: Omit<NamedRun, 'pgdata'> & { readonly pgdata: string | undefined },
  look: Look,
): Promise<void> {
  const { path, pgdata } = await placeOfNote(named, look);
  const note =
    path === undefined
      ? { unread: 'The inventory does not say where its data is.' }
      : await readNote(path, look);
  const others = (await readOthers(named.run)).filter(({ origin }) => origin.own);
  judgeRightRun({ ...named, pgdata: named.pgdata ?? pgdata ?? '' }, note, others);
}

/** What the note and the journals say. Throws as `proveRightRun` does. */
export function judgeRightRun(named: NamedRun, note: Note, others: readonly JournalledRun[]): void {
  const { run, host } = named;
  const family = storyOf(run, others).runs.map(({ started }) => started.runId);
  if (typeof note === 'object' && 'unread' in note) throw unproved(named, note.unread);
  const waits = note === 'none' ? starterOf(named, [run, ...others]) : note.run;
  if (waits === undefined)
    throw unproved(
      named,
      'No note lies beside the data, and no run that is kept here has started what waits there.',
    );
  if (family.includes(waits)) return;
  const { runId } = run.started;
  throw new PitrError({
    kind: 'refused',
    code: 'peek-other-recovery',
    message: `what waits on ${host} is the recovery of run ${waits}, not that of run ${runId}`,
    host,
    next: [
      `See what became of run ${runId}: ${commandLine(['pitr', 'runs', runId])}`,
      `Look at what waits there: ${peekNode(named)}`,
      ...named.notes,
    ],
  });
}

function unproved(named: NamedRun, why: string): PitrError {
  const { runId } = named.run.started;
  return new PitrError({
    kind: 'refused',
    // Another recovery may wait there by now.
    code: 'peek-recovery-unknown',
    message: `cannot tell whether what waits on ${named.host} is the recovery of run ${runId}`,
    host: named.host,
    details: [why],
    next: [`Look at what waits there, whose ever it is: ${peekNode(named)}`, ...named.notes],
  });
}

function peekNode({ host, beside }: NamedRun): string {
  return commandLine(['pitr', 'peek', host, ...beside]);
}

/** The run that was the last one to start an isolated PostgreSQL there, and has not taken it back. */
function starterOf({ host, pgdata }: NamedRun, runs: readonly JournalledRun[]): string | undefined {
  const starts = runs.flatMap((run) =>
    run.changes
      .filter(({ intent, undone }) => !undone && intent.host === host && startsThere(intent, pgdata))
      .map(({ intent }) => ({ runId: run.started.runId, time: intent.time })),
  );
  return starts.sort((a, b) => a.time - b.time).at(-1)?.runId;
}

function startsThere(intent: Parameters<typeof effectsOf>[0], pgdata: string): boolean {
  return effectsOf(intent).some(
    ({ kind, id, lasts }) => kind === postgresResource.kind && id === pgdata && lasts === 'until it ends',
  );
}

/** As playbooks/vars/recovery.yml has it. */
async function placeOfNote(
  { pgdata: known }: { readonly pgdata: string | undefined },
  look: Look,
): Promise<{ readonly path: string | undefined; readonly pgdata: string | undefined }> {
  const text = (value: unknown) => (typeof value === 'string' && value !== '' ? value : undefined);
  const [answer] = await onHosts(look, async (name, _, inventory) => {
    const scope = new Scope([
      templatesLayer(inventory.hosts.get(name)?.vars ?? new Map()),
      dataLayer(look.extraVars ?? {}),
      dataLayer({ inventory_hostname: name }),
    ]);
    return { pgdata: scope.get('pgdata'), note: scope.get('note') };
  });
  if (answer?.error !== undefined) throw answer.error;
  const pgdata = text(answer?.result?.pgdata) ?? known;
  return {
    pgdata,
    path: text(answer?.result?.note) ?? (pgdata === undefined ? undefined : `${pgdata}.pitr.json`),
  };
}

const noteSchema = z.looseObject({
  content: z.looseObject({ run: z.string().regex(/^[0-9A-Za-z-]{1,40}$/) }),
});

async function readNote(path: string, look: Look): Promise<Note> {
  const [answer] = await lookOnce({ ...look, module: 'fs.read', params: { path, as: 'json' } });
  if (answer?.error?.code === 'file-missing') return 'none';
  if (answer?.error?.kind === 'unreachable' || answer?.error?.kind === 'interrupted') throw answer.error;
  const read = noteSchema.safeParse(answer?.result);
  if (read.success) return { run: read.data.content.run };
  return { unread: answer?.error?.message ?? `${path} does not say which run it is of.` };
}
