import { asPitrError, PitrError } from '../../base/errors/pitr-error.ts';
import { Masker } from '../../base/values/masker.ts';
import type { Question } from '../../contract/module.ts';
import { limitByNames } from '../../language/inventory/patterns.ts';
import type { AskPassphrase } from '../../transport/types.ts';
import { hostsLeft } from '../back/hosts-left.ts';
import { pastIn } from '../back/resume.ts';
import type { EventReader, PitrEvent, Recap } from '../events/events.ts';
import { journalOfMachines } from '../journal/machines-met.ts';
import { newRunId } from '../journal/place.ts';
import { runJournal } from '../journal/run-journal.ts';
import type { JournalWriter } from '../journal/writer.ts';
import { clearUp } from './clear-up.ts';
import { Connections } from './connections.ts';
import { HeldLocks, journalUnderLocks } from './held-locks.ts';
import { type LoadedRun, loadRun } from './load-run.ts';
import { newRun } from './new-run.ts';
import { beginJournal } from './run-beginning.ts';
import { runPlays } from './run-plays.ts';
import type { RunRequest } from './run-request.ts';
import type { Answer, RunState } from './run-state.ts';
import { secretWarnings } from './secret-warnings.ts';

/** How the run talks to whoever started it. */
export interface RunDoor {
  readonly emit: EventReader;
  /** Knows what was met as a secret already: on the command line, in the environment of the process. */
  readonly masker?: Masker | undefined;
  readonly ask: (question: Question) => Promise<Answer>;
  readonly askPassphrase?: AskPassphrase | undefined;
  /** false: there is nobody to answer, so a run that will ask is refused before it begins. */
  readonly answerable?: boolean | undefined;
  readonly signal: AbortSignal;
  /** Hears what is waited for where no event says it. */
  readonly notice?: ((text: string) => void) | undefined;
  /** Says what can be done about an error of a task, where more is known of that than the task knows. */
  readonly advise?: ((error: PitrError) => Promise<PitrError>) | undefined;
}

export interface RunOutcome {
  readonly runId: string;
  readonly status: 'ok' | 'failed' | 'interrupted';
  readonly error?: PitrError | undefined;
  readonly recap: Readonly<Record<string, Recap>>;
}

/**
 * Loads, checks and runs a playbook. Throws kind `validation` before any host is contacted when something is wrong
 * with what was given; everything that happens on hosts is in the events and the outcome.
 */
export async function runPlaybook(request: RunRequest, door: RunDoor): Promise<RunOutcome> {
  const masker = door.masker ?? new Masker();
  const loaded = await loadRun(request, masker);
  const { resumes } = request;
  const runId = resumes?.started.runId ?? newRunId();
  const plays = loaded.plays.map(({ play }) => play);
  const past = resumes === undefined ? undefined : await pastIn(resumes, plays);
  const hosts =
    request.mode === 'dry-run' ? [] : await rehearse(request, loaded, runId, masker, door.answerable ?? true);
  const connections = new Connections(loaded.inventory, request.extraVars, masker, {
    askPassphrase: door.askPassphrase,
    known: request.known,
    tell: door.notice,
    changing: { runId, again: request.known?.again ?? `pitr resume ${runId}` },
  });
  try {
    // Before anything is written down: the inventory that was named may be that of another site.
    if (request.mode !== 'dry-run') await connections.refuseOthers(door.signal);
    connections.openEarly(hosts.slice(0, request.forks), door.signal);
    return await runOn(connections, request, door, { loaded, runId, masker, past });
  } finally {
    await connections.closeAll();
  }
}

interface Prepared extends Pick<RunState, 'runId' | 'masker' | 'past'> {
  readonly loaded: LoadedRun;
}

async function runOn(
  connections: Connections,
  request: RunRequest,
  door: RunDoor,
  { loaded, runId, masker, past }: Prepared,
): Promise<RunOutcome> {
  const { resumes } = request;
  const left = past === undefined ? [] : hostsLeft(loaded, request, past);
  // Another inventory may have other hosts at those places by the time the run is gone on with.
  const limit = limitByNames(loaded.inventory, request.limit);
  const journal =
    request.mode === 'run' ? await beginJournal({ ...request, limit }, runId, masker) : undefined;
  const held = new HeldLocks();
  const signal = held.with(door.signal);
  const emit = guarded(door.emit, journal, masker);
  const atWork = new Map<string, PitrError>();
  const run = newRun(request, loaded, {
    runId,
    emit,
    ask: door.ask,
    advise: door.advise,
    answerable: door.answerable ?? true,
    signal,
    masker,
    connection: (host) => {
      const error = atWork.get(host);
      if (error !== undefined) throw error;
      return connections.to(host);
    },
    atWork,
    journal:
      journal === undefined
        ? undefined
        : journalOfMachines(
            journalUnderLocks(runJournal(journal, masker, (resumes?.changes.length ?? 0) + 1), held),
            (host) => connections.machineOf(host, signal),
          ),
    past,
    held,
  });
  const started = performance.now();
  emit({
    type: 'run.started',
    time: Date.now(),
    runId,
    mode: run.mode,
    playbook: request.playbook,
    hosts: loaded.hosts,
    ...(past === undefined ? {} : { doneBefore: past.size, changesBefore: past.changeCount }),
  });
  for (const { host, play } of left) {
    const text = `is none of the hosts of play "${play}" any more: what the run has changed there stays as it is, and what was left to be done there is not done`;
    emit({ type: 'warning', time: Date.now(), text, host });
  }
  for (const text of await secretWarnings(masker, connections.keyFiles(loaded.hosts)))
    emit({ type: 'warning', time: Date.now(), text });
  try {
    const unclear = await clearUp(run, resumes);
    connections.hush();
    const error = unclear ?? (await runPlays(run, loaded, request.limit));
    const reason = held.lost ?? saidBy(door.signal, error);
    await letGo(run, statusOf(reason));
    return await finish(run, reason, started, journal);
  } finally {
    // What it could not write is told by the end of the run.
    await journal?.close().catch(() => undefined);
  }
}

/**
 * Goes through the playbook with the variables as they are, as far as no host is needed: what is wrong with a value
 * is refused before any host is contacted. Gives the hosts that it will surely use, the first ones first. Throws kind
 * `validation` or `refused`.
 */
async function rehearse(
  request: RunRequest,
  loaded: LoadedRun,
  runId: string,
  masker: Masker,
  answerable: boolean,
): Promise<readonly string[]> {
  const hosts = new Set<string>();
  const run = newRun(request, loaded, {
    runId,
    emit: () => {},
    ask: () => Promise.resolve({ answer: true, by: 'operator' }),
    // What a resumed run has been told before is not asked again.
    answerable: answerable || request.resumes !== undefined,
    signal: new AbortController().signal,
    masker,
    connection: (host) => {
      throw new Error(`${host} was to be contacted before the run`);
    },
    atWork: new Map(),
    journal: undefined,
    past: undefined,
    held: new HeldLocks(),
  });
  const wouldUse = (host: string): void => void hosts.add(host);
  const wrong = await runPlays({ ...run, mode: 'dry-run', wouldUse }, loaded, request.limit);
  if (wrong?.kind === 'validation' || wrong?.kind === 'refused') throw wrong;
  return [...hosts];
}

/** An interruption is told as such; what it met with is a detail. */
function saidBy(signal: AbortSignal, error: PitrError | undefined): PitrError | undefined {
  const by: unknown = signal.aborted ? signal.reason : undefined;
  if (error?.kind !== 'interrupted' || !(by instanceof PitrError) || by.message === error.message)
    return error;
  return new PitrError({ ...error, message: by.message, details: [error.message, ...error.details] });
}

function statusOf(error: PitrError | undefined): 'ok' | 'failed' | 'interrupted' {
  return error === undefined ? 'ok' : error.kind === 'interrupted' ? 'interrupted' : 'failed';
}

/** Lets go of what the run holds. What cannot be told to the host stays as it is there, which is safe, and is told here. */
async function letGo({ held, emit }: RunState, status: 'ok' | 'failed' | 'interrupted'): Promise<void> {
  for (const { message, host } of await held.release(status)) {
    emit({ type: 'warning', time: Date.now(), text: message, ...(host === undefined ? {} : { host }) });
  }
}

async function finish(
  run: RunState,
  reason: PitrError | undefined,
  started: number,
  journal: JournalWriter | undefined,
): Promise<RunOutcome> {
  const notRun = Object.fromEntries(
    [...run.notified]
      .filter(([, handlers]) => handlers.size > 0)
      .map(([host, handlers]) => [host, [...handlers.values()]]),
  );
  const recap = run.recap.all();
  const jsonOf = (error: PitrError | undefined) =>
    error === undefined ? {} : { error: run.masker.data(error.toJSON()) };
  for (const [host, handlers] of Object.entries(notRun)) {
    journal?.append({
      type: 'handlers.notified',
      time: Date.now(),
      host,
      handlers: run.masker.data(handlers),
    });
  }
  const unwritten = await journal
    ?.durable({ type: 'run.finished', time: Date.now(), status: statusOf(reason), recap, ...jsonOf(reason) })
    .then(() => undefined, asPitrError);
  const error = reason ?? unwritten;
  const status = statusOf(error);
  run.emit({
    type: 'run.finished',
    time: Date.now(),
    status,
    recap,
    ...jsonOf(error),
    notRun,
    durationMs: Math.round(performance.now() - started),
  });
  return { runId: run.runId, status, error, recap };
}

/** A reader that throws never stops a recovery, and none sees a secret; the journal learns which task is under way. */
function guarded(emit: EventReader, journal: JournalWriter | undefined, masker: Masker): EventReader {
  return (event: PitrEvent) => {
    if (event.type === 'task.started') {
      journal?.append({
        type: 'task.started',
        time: event.time,
        task: event.task.id,
        name: masker.text(event.task.name),
      });
    }
    try {
      emit(masker.data(event));
    } catch (error) {
      process.emitWarning(`a display failed: ${error instanceof Error ? error.message : String(error)}`);
    }
  };
}
