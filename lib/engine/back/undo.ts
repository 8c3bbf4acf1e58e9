import { asPitrError, type PitrError } from '../../base/errors/pitr-error.ts';
import { Masker } from '../../base/values/masker.ts';
import type { AskPassphrase } from '../../transport/types.ts';
import { beginningHere } from '../journal/beginning.ts';
import { isHeld } from '../journal/effects-of.ts';
import { goOn } from '../journal/go-on.ts';
import type { JournalledChange } from '../journal/read.ts';
import type { JournalWriter } from '../journal/writer.ts';
import type { Connections } from '../run/connections.ts';
import { HeldLocks } from '../run/held-locks.ts';
import { inParallel } from '../run/pool.ts';
import { endOrphansOfRun } from './end-orphans-of-run.ts';
import type { MachinesWish } from './machines-again.ts';
import { makeTrueAgain } from './make-true-again.ts';
import { CHANGE_MARK, changeMark } from './orphans.ts';
import { hostsAgain, placeAgain } from './place-again.ts';
import { refusedAhead } from './refuse-ahead.ts';
import { refuseWhileAtWork } from './refuse-at-work.ts';
import { stands } from './standing-changes.ts';
import { readStory, refuseClosed } from './story.ts';
import { tellingTouched } from './touching.ts';
import { goOnHint, hostsOf, leaveOutHint } from './undo-hints.ts';
import { moduleOf, type UndoPlan } from './undo-plan.ts';

export interface UndoRequest extends MachinesWish {
  readonly plan: UndoPlan;
  /** Where the hosts are; empty means where the run found them. */
  readonly inventories: readonly string[];
  /** `-e`: what the journal masked, above all. */
  readonly extraVars: Readonly<Record<string, unknown>>;
  readonly signal: AbortSignal;
  /** Learns the secrets of the inventory. */
  readonly masker?: Masker | undefined;
  readonly askPassphrase?: AskPassphrase | undefined;
  /** Hears which host does not answer yet. */
  readonly tell?: ((text: string) => void) | undefined;
  readonly report: (step: UndoStep) => void;
}

/** One change on its way back. */
export interface UndoStep {
  readonly number: number;
  readonly host: string;
  readonly summary: string;
  readonly status: 'undoing' | 'progress' | 'warning' | 'undone';
  readonly text?: string;
}

export interface UndoOutcome {
  readonly status: 'ok' | 'failed' | 'interrupted';
  /** In the order in which they were taken back. */
  readonly undone: readonly JournalledChange[];
  /** What was to be taken back and was not, newest first. */
  readonly left: readonly JournalledChange[];
  readonly error?: PitrError | undefined;
}

const FORKS = 20;

/**
 * Takes the changes of a plan back, newest first, from the journal alone; also those that were only half made. Each
 * one is journalled when it is back, so that an undo that failed or died can be started again.
 *
 * Throws before anything is touched: kind `refused` while the run or another undo of it is still running, where nothing
 * of it is to be taken back any more, where somebody has gone on with it since the plan was made and where a module says
 * of a change that it may not be taken back; `validation` for the inventory, `unreachable` for a host. What fails later is
 * in the outcome.
 */
export async function undoRun(asked: UndoRequest): Promise<UndoOutcome> {
  const held = new HeldLocks();
  const request: UndoWork = { ...asked, held, signal: held.with(asked.signal) };
  const { plan, signal } = request;
  refuseWhileAtWork(plan.run, request.again);
  const masker = asked.masker ?? new Masker();
  const connections = await hostsAgain(plan.run, { ...request, masker });
  try {
    const hosts = [...new Set(plan.steps.flatMap(hostsOf))];
    await inParallel(hosts, FORKS, async (host) => {
      try {
        await connections.to(host).connect(signal);
      } catch (thrown) {
        throw leaveOutHint(asPitrError(thrown), host, request);
      }
    });
    await holdAgain(request, connections, masker);
    await refuseAhead(request, connections, masker);
    // Nobody else begins from here on; but since the plan was made somebody may have gone on.
    refuseClosed(await readStory(plan.run.path));
    const journal = await goOn(plan.run, { type: 'undo.started', ...beginningHere() });
    try {
      const outcome = await takeAllBack(request, connections, masker, journal);
      await letGo(request, outcome);
      const { status, error } = outcome;
      const json = error === undefined ? {} : { error: masker.data(error.toJSON()) };
      const unwritten = await journal
        .durable({ type: 'undo.finished', time: Date.now(), status, ...json })
        .then(() => undefined, asPitrError);
      return unwritten === undefined || error !== undefined
        ? outcome
        : { ...outcome, status: 'failed', error: unwritten };
    } finally {
      // What it could not write is in the outcome.
      await journal.close().catch(() => undefined);
    }
  } finally {
    // Where nothing was begun, the claim is put back as it was.
    await held.release('failed');
    await connections.closeAll();
  }
}

/** Throws, with nothing changed and nothing written down, what the modules would refuse on the way. */
async function refuseAhead(request: UndoWork, connections: Connections, masker: Masker): Promise<void> {
  const refused = await refusedAhead(request.plan, (change) => placeOf(change, request, connections, masker));
  const [first, ...others] = refused;
  if (first === undefined) return;
  const error = request.held.lost ?? first.error;
  const also = others.map(
    ({ change: { intent }, error: { message } }) =>
      `Neither can change ${intent.number} on ${intent.host}: ${message}`,
  );
  const details = error.kind === 'interrupted' ? [] : also;
  throw goOnHint(error.with({ details }), first.change, 0, request);
}

type UndoWork = UndoRequest & { readonly held: HeldLocks };

/**
 * Holds again what the run held, so that nobody else begins meanwhile: also what is not to be given back. Throws where
 * somebody does or did.
 */
async function holdAgain(request: UndoWork, connections: Connections, masker: Masker): Promise<void> {
  const { run, withoutLock } = request.plan;
  for (const change of withoutLock ? [] : run.changes) {
    if (!stands(change) || !isHeld(change.intent)) continue;
    const module = await moduleOf(change, run);
    if (module.kind !== 'change' || module.again === undefined) continue;
    const { host, context } = placeOf(change, request, connections, masker);
    try {
      await module.again(host(), change.intent.change, context);
    } catch (thrown) {
      throw leaveOutHint(asPitrError(thrown), change.intent.host, request);
    }
  }
}

async function letGo({ held, report }: UndoWork, { status }: UndoOutcome): Promise<void> {
  // A lock whose own change was taken back is settled already; any other was held for a part of the run.
  for (const { message, host = '' } of await held.release(status === 'ok' ? 'partly undone' : status)) {
    report({ number: 0, host, summary: message, status: 'warning', text: message });
  }
}

/** Ends what the run had left at work, and takes its changes back. */
async function takeAllBack(
  request: UndoWork,
  connections: Connections,
  masker: Masker,
  journal: JournalWriter,
): Promise<UndoOutcome> {
  const { plan, report, signal, held } = request;
  const tell = (text: string, host: string): void =>
    report({ number: 0, host, summary: text, status: 'warning', text });
  try {
    await endOrphansOfRun(plan.run, {
      among: plan.steps,
      connection: (name) => connections.to(name),
      signal,
      tell,
      blind: (error, host) => {
        throw leaveOutHint(error, host, request);
      },
    });
  } catch (thrown) {
    const error = held.lost ?? asPitrError(thrown);
    const status = error.kind === 'interrupted' ? 'interrupted' : 'failed';
    return { status, undone: [], left: plan.steps, error };
  }
  return takeBack(request, connections, masker, journal);
}

async function takeBack(
  request: UndoWork,
  connections: Connections,
  masker: Masker,
  journal: JournalWriter,
): Promise<UndoOutcome> {
  const { steps } = request.plan;
  for (const [index, change] of steps.entries()) {
    const { number, host } = change.intent;
    let touched = false;
    try {
      request.signal.throwIfAborted();
      await request.held.beginChange();
      await journal.durable({ type: 'change.undoing', time: Date.now(), number });
      // The machine may have been asleep while it was written.
      await request.held.prove();
      await makeTrueAgain(change, request.plan, (lost) => {
        const { host, context } = placeOf(lost, request, connections, masker);
        return { host: host(), context };
      });
      await undoChange(change, request, connections, masker, () => {
        touched = true;
      });
      await journal.durable({ type: 'change.undone', time: Date.now(), number });
    } catch (thrown) {
      if (asPitrError(thrown).kind === 'refused' && !touched) {
        request.held.changeRefused();
        // Where even that cannot be written, the journal says less than is true, which is safe.
        await journal
          .durable({ type: 'change.undo-refused', time: Date.now(), number })
          .catch(() => undefined);
      }
      const error = goOnHint(request.held.lost ?? asPitrError(thrown), change, index, request);
      const undone = steps.slice(0, index);
      const status = error.kind === 'interrupted' ? 'interrupted' : 'failed';
      return { status, undone, left: steps.slice(index), error };
    }
    request.report({ number, host, summary: change.intent.change.summary, status: 'undone' });
  }
  return { status: 'ok', undone: steps, left: [] };
}

async function undoChange(
  change: JournalledChange,
  request: UndoWork,
  connections: Connections,
  masker: Masker,
  touched: () => void,
): Promise<void> {
  const { intent } = change;
  const module = await moduleOf(change, request.plan.run);
  if (module.kind !== 'change' || typeof module.undo !== 'function') {
    throw new Error(`${intent.module} was planned to be taken back and cannot undo`);
  }
  const place = placeOf(change, request, connections, masker);
  const { context, tell, tellMasked } = place;
  tell('undoing');
  tellMasked();
  const mark = changeMark(request.plan.run.started.runId, intent.number);
  const host = place.host(module.orphans === 'end' ? { [CHANGE_MARK]: mark } : {});
  await module.undo(tellingTouched(host, touched), intent.change, context);
}

/** The place of a change, whose hooks tell of themselves in the steps. */
function placeOf(change: JournalledChange, request: UndoWork, connections: Connections, masker: Masker) {
  const { number, host, change: what } = change.intent;
  const tell = (status: UndoStep['status'], text?: string): void =>
    request.report({
      number,
      host,
      summary: what.summary,
      status,
      ...(text === undefined ? {} : { text: masker.text(text) }),
    });
  const told = {
    progress: (text: string) => tell('progress', text),
    warn: (text: string) => tell('warning', text),
  };
  return { ...placeAgain(request.plan.run, change, { ...request, connections }, told), tell };
}
