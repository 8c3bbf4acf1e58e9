import { dirname } from 'node:path';
import type { TaskContext } from '../contract/module.ts';
import { asPitrError, PitrError } from '../errors/pitr-error.ts';
import { loadInventory } from '../inventory/load.ts';
import { journalPath } from '../journal/place.ts';
import { type JournalledChange, readRun } from '../journal/read.ts';
import { JournalWriter } from '../journal/writer.ts';
import { loadModule } from '../modules/registry.ts';
import type { HostConnection } from '../transport/types.ts';
import { Masker } from '../values/secret.ts';
import { Connections } from './connections.ts';
import { liveHost } from './live-host.ts';

export interface UndoRequest {
  readonly runId: string;
  /** Where the hosts are, when not where the run found them. */
  readonly inventories?: readonly string[] | undefined;
  /** Take back only the changes from this number on. */
  readonly from?: number | undefined;
  readonly signal: AbortSignal;
  readonly report: (step: UndoStep) => void;
}

/** One change on its way back. */
export interface UndoStep {
  readonly number: number;
  readonly host: string;
  readonly summary: string;
  readonly status: 'undoing' | 'undone';
  readonly text?: string;
}

/** What would be taken back, newest first, and what stands in the way. */
export interface UndoPlan {
  readonly changes: readonly JournalledChange[];
  /** The newest change that cannot be taken back; nothing before it can be either. */
  readonly blockedBy: JournalledChange | undefined;
}

/** Pure but for the journal: which changes of a run can be taken back. */
export async function planUndo(runId: string, from = 1): Promise<UndoPlan> {
  const run = await readRun(runId);
  const standing = run.changes.filter((change) => !change.undone && change.intent.number >= from).reverse();
  const wall = standing.findIndex(({ intent }) => intent.undoable !== true);
  return {
    changes: wall < 0 ? standing : standing.slice(0, wall),
    blockedBy: wall < 0 ? undefined : standing[wall],
  };
}

/**
 * Takes the changes of a run back, newest first, from its journal alone; also those that were only half made. Can be
 * repeated: what was taken back is not taken back twice. Throws kind `refused` when a change cannot be taken back.
 */
export async function undoRun(request: UndoRequest): Promise<readonly JournalledChange[]> {
  const { started } = await readRun(request.runId);
  const { changes, blockedBy } = await planUndo(request.runId, request.from);
  if (blockedBy !== undefined) throw cannotUndo(blockedBy);
  const inventory = await loadInventory(request.inventories ?? started.inventories);
  const connections = new Connections(inventory, started.extraVars, new Masker());
  const journal = await JournalWriter.reopen(journalPath(request.runId));
  const playbookDirectory = dirname(started.playbook);
  try {
    for (const change of changes) {
      await undoChange(change, playbookDirectory, connections, request);
      await journal.durable({ type: 'change.undone', time: Date.now(), number: change.intent.number });
    }
    return changes;
  } finally {
    await connections.closeAll();
    await journal.close();
  }
}

async function undoChange(
  { intent }: JournalledChange,
  playbookDirectory: string,
  connections: Connections,
  request: UndoRequest,
): Promise<void> {
  const module = await loadModule(intent.module, [playbookDirectory]);
  if (module.kind !== 'change' || typeof module.undo !== 'function') {
    throw new PitrError({
      kind: 'bug',
      code: 'undo-missing',
      message: `${intent.module} was journalled as undoable and cannot undo`,
    });
  }
  const step = { number: intent.number, host: intent.host, summary: intent.change.summary };
  const tell = (text?: string): void =>
    request.report({ ...step, status: 'undoing', ...(text === undefined ? {} : { text }) });
  tell();
  const peers = (name: string): HostConnection => connections.to(name);
  const context: TaskContext = {
    runId: request.runId,
    signal: request.signal,
    progress: tell,
    output: () => {},
    warn: tell,
    file: notHere,
    render: notHere,
    ask: notHere,
  };
  try {
    await module.undo(
      liveHost(peers(intent.host), peers, { signal: request.signal }),
      intent.change,
      context,
    );
  } catch (thrown) {
    throw asPitrError(thrown).with({
      host: intent.host,
      task: `undo of "${intent.change.summary}"`,
      next: [`When the cause is gone, go on: pitr undo ${request.runId}`],
    });
  }
  request.report({ ...step, status: 'undone' });
}

function notHere(): never {
  throw new PitrError({
    kind: 'bug',
    code: 'undo-needs-playbook',
    message: 'an undo works from the journal alone',
  });
}

function cannotUndo({ intent }: JournalledChange): PitrError {
  return new PitrError({
    kind: 'refused',
    code: 'cannot-undo',
    message: `"${intent.change.summary}" on ${intent.host} cannot be taken back`,
    details: intent.undoable === true ? [] : [intent.undoable],
    host: intent.host,
  });
}
