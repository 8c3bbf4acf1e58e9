import { asPitrError, PitrError } from '../../base/errors/pitr-error.ts';
import type { Masker } from '../../base/values/masker.ts';
import { refuseAtWork } from '../../recovery/postgres/at-work.ts';
import { AT_WORK } from '../../recovery/postgres/at-work-script.ts';
import { inodeIn } from '../../system/fs/place.ts';
import { PRESENCE } from '../../system/fs/presence.ts';
import { commandLine, quote } from '../../transport/quote.ts';
import type { AskPassphrase, HostConnection } from '../../transport/types.ts';
import { beginningHere } from '../journal/beginning.ts';
import { goOn } from '../journal/go-on.ts';
import type { JournalledRun } from '../journal/read.ts';
import type { JournalWriter } from '../journal/writer.ts';
import type { Connections } from '../run/connections.ts';
import { HeldLocks } from '../run/held-locks.ts';
import { inParallel } from '../run/pool.ts';
import { type CommitSurroundings, changeAtCommit, type LetGo, letGoAll, lockOf } from './at-commit.ts';
import type { Kept } from './kept-data.ts';
import type { MachinesWish } from './machines-again.ts';
import { hostsAgain } from './place-again.ts';
import { isGone } from './undo-hints.ts';

export interface CommitRequest extends MachinesWish {
  /** The runs of one recovery, oldest first. */
  readonly runs: readonly JournalledRun[];
  /** Where the hosts are; empty means where the last run found them. */
  readonly inventories: readonly string[];
  readonly extraVars: Readonly<Record<string, unknown>>;
  readonly signal: AbortSignal;
  /** Learns the secrets of the inventory. */
  readonly masker: Masker;
  readonly askPassphrase?: AskPassphrase | undefined;
  /** Hears which host does not answer yet. */
  readonly tell?: ((text: string) => void) | undefined;
  readonly report: (step: CommitStep) => void;
  /** Something that the operator should know, that is not a failure. */
  readonly warn: (host: string, text: string) => void;
  /** Hosts on which everything stays as it is, for a later commit. */
  readonly leftOut: ReadonlySet<string>;
  /** A person has said that nobody else works on the cluster, so the lock is not taken. */
  readonly withoutLock?: boolean | undefined;
  /** The same commit without the lock, told where its host is gone. */
  readonly lockless?: string | undefined;
  /** What was kept, and is not there any more: it is written down as gone. */
  readonly gone?: readonly Kept[] | undefined;
  /** Proves under the lock, after all questions, that the old data is not needed. Throws where it may be. */
  readonly prove: () => Promise<void>;
}

export interface CommitStep {
  readonly kept: Kept;
  readonly status: 'removing' | 'removed' | 'gone' | 'failed';
  readonly error?: PitrError;
}

/** Something that is kept, as it is on its host now. */
export interface Measured {
  readonly kept: Kept;
  /** Absent where it is not there any more. */
  readonly bytes?: number;
  readonly error?: PitrError;
}

/** What a look at what is kept does without. */
type Alone = 'report' | 'warn' | 'prove' | 'leftOut' | 'withoutLock' | 'lockless' | 'gone';

const FORKS = 20;
const SIZE_DEADLINE_MS = 600_000;

const SIZE = `${PRESENCE}
presence "$1"; case $? in 1) echo gone; exit ;; 2) exit 2 ;; esac
[ -z "$2" ] || [ "$(stat -c %i -- "$1")" = "$2" ] || { echo gone; exit; }
du -sk -- "$1" | cut -f1`;

/**
 * Removes a path and what lies below it on its file system, if it is what was once moved there: the same inode, no link,
 * no mount point, no directory where a file was kept, and no PostgreSQL at work in it. What is not there any more counts as removed.
 */
const REMOVE = `${PRESENCE}${AT_WORK}
presence "$1"; case $? in 1) echo gone; exit 0 ;; 2) exit 16 ;; esac
no() { echo "$*" >&2; exit 17; }
[ ! -L "$1" ] || no 'it is a symbolic link'
[ -z "$2" ] || [ "$(stat -c %i -- "$1")" = "$2" ] || no 'it is not what was moved there'
[ "$(stat -c %m -- "$1")" != "$1" ] || no 'it is a mount point'
[ "$3" != 'old file' ] || [ -f "$1" ] || no 'it is no file'
if [ -d "$1" ]; then postgres_at_work "$1" below || exit; fi
exec rm -rf --one-file-system -- "$1"`;

/** Sizes of what is kept, on its hosts. Failures are values. */
export async function measureKept(
  request: Omit<CommitRequest, Alone>,
  all: readonly Kept[],
): Promise<readonly Measured[]> {
  return withConnections(request, (connections) =>
    inParallel(all, FORKS, async (kept): Promise<Measured> => {
      try {
        const result = await connections
          .to(kept.host)
          .run(['sh', '-c', SIZE, 'sh', kept.path, kept.unsure ? inodeOf(kept) : ''], {
            ownChannel: true,
            timeoutMs: SIZE_DEADLINE_MS,
            signal: request.signal,
          });
        const text = result.stdout.trim();
        if (text === 'gone') return { kept };
        if (/^\d+$/.test(text)) return { kept, bytes: Number(text) * 1024 };
        throw notRemoved(
          'failed',
          /* The size of kept data cannot be read. */ 'kept-not-measured',
          kept,
          'cannot be measured',
          result.stderr,
        );
      } catch (thrown) {
        return { kept, error: asPitrError(thrown).with({ host: kept.host }) };
      }
    }),
  );
}

/**
 * Removes what the runs keep, all hosts at once, under the lock of the recovery. From its first moment on `pitr undo` of
 * these runs is refused. Can be repeated. Throws before anything is removed when a host cannot be reached or another
 * run is at work, when `prove` says no, or when somebody has gone on with one of the runs meanwhile; what fails later is in the steps, and the first of it is returned.
 */
export async function commitRuns(
  request: CommitRequest,
  all: readonly Kept[],
): Promise<PitrError | undefined> {
  return withConnections(request, async (connections) => {
    const held = new HeldLocks();
    const signal = held.with(request.signal);
    const hosts = [...new Set(all.map(({ host }) => host))];
    await inParallel(hosts, FORKS, (host) => connections.to(host).connect(signal));
    const { leftOut } = request;
    const warn = (host: string, text: string): void => request.warn(host, request.masker.text(text));
    const work = { connections, held, signal, leftOut, warn };
    const journals: JournalWriter[] = [];
    let begun = false;
    try {
      await holdLock(request, work);
      await request.prove();
      await beginAll(request.runs, journals);
      begun = true;
      const removed: Kept[] = [];
      const errors = await inParallel(hosts, FORKS, async (host) => {
        for (const kept of all.filter((one) => one.host === host)) {
          try {
            await held.prove();
            await remove(kept, connections.to(host), { ...request, signal });
            removed.push(kept);
          } catch (thrown) {
            const error = (held.lost ?? asPitrError(thrown)).with({ host });
            request.report({ kept, status: 'failed', error });
            return error;
          }
        }
        return undefined;
      });
      const notRemoved = errors.find((one) => one !== undefined);
      const { letGo, error = notRemoved }: LetGo =
        notRemoved === undefined ? await letGoAll(request.runs, work) : { letGo: [] };
      const record = {
        type: 'commit.finished',
        time: Date.now(),
        removed: removed.map(placeOf),
        gone: request.gone?.map(placeOf),
        letGo: letGo.map(({ run, change }) => ({ run: run.started.runId, number: change.intent.number })),
        ...(error === undefined ? {} : { error: error.toJSON() }),
      } as const;
      await Promise.all(journals.map((journal) => journal.durable(record)));
      return error;
    } finally {
      // Nothing of it needs to be settled by another run: a commit that failed can be started again. Where none was begun,
      // the claim that was found is put back as it was.
      for (const { message, host = '' } of await held.release(begun ? 'ok' : 'failed')) warn(host, message);
      await Promise.all(journals.map((journal) => journal.close().catch(() => undefined)));
    }
  });
}

/**
 * Writes into every journal that its old data goes. Throws kind `refused` where somebody has gone on with a run since it
 * was read; the journals that had it already say then that nothing was removed.
 */
async function beginAll(runs: readonly JournalledRun[], journals: JournalWriter[]): Promise<void> {
  try {
    for (const run of runs) journals.push(await goOn(run, { type: 'commit.started', ...beginningHere() }));
  } catch (thrown) {
    const error = asPitrError(thrown);
    const record = {
      type: 'commit.finished',
      time: Date.now(),
      removed: [],
      notBegun: true,
      error: error.toJSON(),
    } as const;
    await Promise.all(journals.map((journal) => journal.durable(record)));
    throw error;
  }
}

function placeOf({ host, path }: Kept): Pick<Kept, 'host' | 'path'> {
  return { host, path };
}

async function remove(kept: Kept, host: HostConnection, request: CommitRequest): Promise<void> {
  request.report({ kept, status: 'removing' });
  const result = await host.run(['sh', '-c', REMOVE, 'sh', kept.path, inodeOf(kept), kept.kind], {
    ownChannel: true,
    signal: request.signal,
  });
  refuseAtWork(
    result,
    kept.path,
    'it is not removed under it',
    `No Patroni serves old data: stop that server as its owner (${commandLine(['pg_ctl', '-D', kept.path, 'stop'])}), and type the same command again.`,
  );
  if (result.exitCode === 17)
    throw notRemoved(
      'refused',
      /* What lies there now is not what the run kept, so it is left alone. */ 'kept-not-ours',
      kept,
      `is left alone: ${result.stderr.trim()}`,
      '',
    );
  if (result.exitCode !== 0)
    throw notRemoved(
      'failed',
      /* Kept data could not be removed. */ 'kept-not-removed',
      kept,
      'cannot be removed',
      result.stderr,
    );
  request.report({ kept, status: /^gone$/m.test(result.stdout) ? 'gone' : 'removed' });
}

function inodeOf({ identity = '' }: Kept): string {
  return inodeIn(identity);
}

function notRemoved(
  kind: 'failed' | 'refused',
  code: string,
  { host, path }: Kept,
  why: string,
  stderr: string,
): PitrError {
  return new PitrError({
    kind,
    code,
    message: `${path} ${why}`,
    host,
    ...(stderr.trim() === ''
      ? {}
      : { evidence: { command: `rm -rf ${quote(path)}`, stderr: stderr.trim() } }),
    next: ['Look at it; when the cause is gone, the same command goes on.'],
  });
}

/** Takes the lock that the recovery was made under, so that nobody goes back to what is being removed. */
async function holdLock(
  { runs, withoutLock = false, lockless }: Pick<CommitRequest, 'runs' | 'withoutLock' | 'lockless'>,
  work: CommitSurroundings,
): Promise<void> {
  const lock = lockOf(runs);
  if (lock === undefined || withoutLock) return;
  const { run, change } = lock;
  try {
    const { module, host, context } = await changeAtCommit(run, change, work);
    if (module.kind === 'change') await module.again?.(host(), change.intent.change, context);
  } catch (thrown) {
    const error = asPitrError(thrown);
    if (!isGone(error) || lockless === undefined) throw error;
    const { host } = change.intent;
    const way = `Where ${host} stays away: make sure that nobody else works on the cluster, for the lock lies there. Then leave what is held there as it is: ${lockless}`;
    throw new PitrError({ ...error, message: error.message, cause: error.cause, next: [...error.next, way] });
  }
}

async function withConnections<T>(
  { runs, ...reach }: Omit<CommitRequest, Alone>,
  work: (connections: Connections) => Promise<T>,
): Promise<T> {
  const last = runs.at(-1);
  if (last === undefined) throw new Error('a recovery has at least one run');
  const connections = await hostsAgain(last, reach, runs);
  try {
    return await work(connections);
  } finally {
    await connections.closeAll();
  }
}
