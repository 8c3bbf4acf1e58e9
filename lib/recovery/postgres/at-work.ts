import { type CommandEvidence, PitrError } from '../../base/errors/pitr-error.ts';
import { evidenceOf, howItEnded } from '../../transport/command-failed.ts';
import { quote } from '../../transport/quote.ts';
import type { RunResult } from '../../transport/types.ts';

/**
 * Whether PostgreSQL works in a directory; one answer for all who ask.
 *
 * - `yes`: a process of it works there, or one holds the shared memory that its postmaster.pid names, or what
 *   postmaster.pid names is a PostgreSQL that started then, or its files change; or pg_basebackup or pg_rewind writes there,
 *   which may outlive the Patroni that has started it.
 * - `no`: whoever looked has proved that it would have seen such a process.
 * - `unknown`: neither. Whatever would harm a server at work is refused then.
 *
 * A server that works in another container or on another host, on the same files, is only seen where it writes.
 */
export type AtWork =
  | { readonly answer: 'no' }
  | {
      readonly answer: 'yes';
      /** Those of PostgreSQL. */
      readonly processes: readonly number[];
      /** Those that make a copy of another server there. */
      readonly copies: readonly number[];
      readonly why: string;
    }
  | { readonly answer: 'unknown'; readonly why: string };

/** What `postgres_at_work` of at-work-script.ts returns. */
const WORKS = 18;
const CANNOT_TELL = 19;

/** Reads what `postgres_at_work` prints, anywhere in an answer. What does not say so is no answer. */
export function parseAtWork(printed: string): AtWork {
  const [, answer, pids = ''] = /^@working (yes|no|unknown)(.*)$/m.exec(printed) ?? [];
  const why = /^@because (.*)$/m.exec(printed)?.[1] ?? 'the look at its processes did not come to an end';
  if (answer === 'no') return { answer };
  if (answer === 'yes') return { answer, processes: pidsOf(pids), copies: copiesIn(printed), why };
  return { answer: 'unknown', why };
}

/** The processes that make a copy there, whatever else is known. */
function copiesIn(printed: string): readonly number[] {
  return pidsOf(/^@copies (.*)$/m.exec(printed)?.[1] ?? '');
}

function pidsOf(words: string): readonly number[] {
  return [...new Set(words.match(/\b\d+\b/g))].map(Number);
}

/** `PostgreSQL works in /data (processes 12, 13)`, or by what else that is known. */
export function workWords(
  path: string,
  { processes, copies, why }: Extract<AtWork, { answer: 'yes' }>,
): string {
  const pids = processes.join(', ');
  if (pids === '' && copies.length > 0)
    return `another server is being copied to ${path} (${copies.length === 1 ? 'process' : 'processes'} ${copies.join(', ')})`;
  if (pids === '') return `PostgreSQL works in ${path}: ${why}`;
  return `PostgreSQL works in ${path} (${processes.length === 1 ? 'process' : 'processes'} ${pids})`;
}

/** Why nothing is done to a directory while PostgreSQL works in it. `left`: what is not done, in a few words. */
function worksRefusal(
  path: string,
  work: Extract<AtWork, { answer: 'yes' }>,
  left: string,
  stop: string | undefined,
): PitrError {
  const processes = [...work.processes, ...work.copies];
  return new PitrError({
    kind: 'refused',
    code: 'postgres-at-work',
    message: `${workWords(path, work)}: ${left}`,
    next: [
      processes.length > 0
        ? `See what it is: ps -o pid,ppid,user,lstart,args -p ${processes.join(',')}`
        : `See who uses it: ls -l ${quote(`${path}/postmaster.pid`)}; ipcs -m -p`,
      stop ?? 'Stop what started it (Patroni, most often: its service was started meanwhile), then go on.',
    ],
  });
}

/**
 * Throws kind `refused` for a script that ended with `postgres_at_work DIR || exit` because PostgreSQL works in `path`
 * (`postgres-at-work`), or because nobody can tell (`postgres-at-work-unknown`). `left`: what is not done, in a few words;
 * `stop`: what leads on.
 */
export function refuseAtWork(
  { exitCode, stdout }: Pick<RunResult, 'exitCode' | 'stdout'>,
  path: string,
  left: string,
  stop?: string,
): void {
  if (exitCode !== WORKS && exitCode !== CANNOT_TELL) return;
  const work = parseAtWork(stdout);
  if (work.answer === 'yes') throw worksRefusal(path, work, left, stop);
  if (work.answer === 'unknown') throw blindRefusal(path, work.why);
}

/**
 * Throws, as `refuseAtWork` does, unless a look has said that nothing works in `path`: one that was cut off, or that says
 * nothing, has not told that.
 */
export function refuseUnlessIdle(look: RunResult, path: string, left: string): void {
  refuseAtWork(look, path, left);
  const work = parseAtWork(look.stdout);
  if (look.exitCode === 0 && work.answer === 'no') return;
  const why = work.answer === 'unknown' ? work.why : `the look at its processes ${howItEnded(look)}`;
  throw blindRefusal(path, why, { ...evidenceOf(look), command: `(a look at who works in ${path})` });
}

/** Refused because nobody could tell; says what is needed to tell. */
export function blindRefusal(path: string, why: string, evidence?: CommandEvidence): PitrError {
  return new PitrError({
    kind: 'refused',
    code: 'postgres-at-work-unknown',
    message: `cannot tell whether PostgreSQL works in ${path}: ${why}`,
    details: ['Nothing is done to a directory that a PostgreSQL may be working in.'],
    ...(evidence === undefined ? {} : { evidence }),
    next: [
      `Let the task run as root, or as the owner of ${path} (become: true, become_user): both can tell.`,
      'Root needs setpriv, runuser or su to look as that owner, or the capability SYS_PTRACE.',
    ],
  });
}
