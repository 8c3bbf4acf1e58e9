import { PitrError } from '../../base/errors/pitr-error.ts';
import type { ReadHost, WriteHost } from '../../contract/host.ts';
import type { WorkContext } from '../../contract/module.ts';
import { probeScript } from '../../contract/probe.ts';
import { lookBrokenOff } from '../../contract/script-report.ts';
import { evidenceOf } from '../../transport/command-failed.ts';
import type { RunResult } from '../../transport/types.ts';
import { historyFileName, timelineId } from '../wal/timeline.ts';
import type { SessionTarget } from './sql.ts';

type Place = Pick<SessionTarget, 'pgdata' | 'user'>;

/** A history file that was read and judged where it lies: its name, and its bytes in base64. */
export interface ProvedHistory {
  readonly file: string;
  readonly base64: string;
}

const DEADLINE_MS = 120_000;

// Arguments: the data directory, then of each file its name and its bytes. What is there stays as it is.
const PUT = `
cd -- "$1/pg_wal" || exit; shift
umask 077
while [ $# -gt 0 ]; do
  if ! [ -s "$1" ]; then printf %s "$2" | base64 -d >"$1.pitr" && mv -f -- "$1.pitr" "$1" || exit; fi
  shift 2
done`;

const LIST = `cd -- "$1/pg_wal" && find . -maxdepth 1 -type f -name '*.history' -size +0 -printf '%f\\n'`;

/** An exit code above it, and a signal, stop PostgreSQL; any other one but 0 says to it that the file is not there. */
const LAST_ABSENT = 125;

/**
 * Puts history files into pg_wal, all at once, where restore_command answers from them. PostgreSQL asks for that of every
 * number at a promotion, one after the other, and each answer of Barman takes seconds.
 */
export async function putHistories(
  host: WriteHost,
  { pgdata, user }: Place,
  histories: readonly ProvedHistory[],
): Promise<void> {
  if (histories.length === 0) return;
  const words = histories.flatMap(({ file, base64 }) => [file, base64]);
  await host.must(['sh', '-c', PUT, 'sh', pgdata, ...words], { user, cwd: '/' });
}

/**
 * Asks, with the instance's own restore_command, for the history files that the promotion will ask for: those from
 * `after` on that are not in pg_wal yet, up to the first number that is free. That one is noted as proved, so that
 * PostgreSQL gets its answer at once. Throws kind `failed` where an archive does not answer: PostgreSQL would end in
 * FATAL there, and the instance stands as it stood.
 */
export async function proveFreeNumber(
  host: WriteHost,
  place: Place,
  restoreCommand: string,
  after: number,
  signal: AbortSignal,
): Promise<void> {
  const there = await historiesIn(host, place);
  for (let number = after + 1; ; number++) {
    const name = historyFileName(timelineId(number));
    if (there.has(name)) continue;
    const asked = await ask(host, place, restoreCommand, name, signal);
    if (asked.exitCode === 0) continue;
    if (asked.exitCode === undefined || asked.exitCode > LAST_ABSENT)
      throw unanswered(host.name, name, number, asked);
    await host.must(['touch', '--', freeMark(place, name)], { user: place.user, cwd: '/' });
    return;
  }
}

/**
 * Puts the history files of the numbers that a promotion has passed over into pg_wal, with the restore_command that
 * found them taken. walreceiver.c asks the primary for the file of every number between its own timeline and the
 * primary's, also of those that are no part of the way, and stops at the first one that is not there; and a promotion
 * keeps only those of its own way. Harmless to the instance itself: it never looks at numbers below its own.
 */
export async function fetchPassedOver(
  host: WriteHost,
  place: Place,
  restoreCommand: string,
  { from, to }: { readonly from: number; readonly to: number },
  context: Pick<WorkContext, 'warn' | 'signal'>,
): Promise<void> {
  const there = await historiesIn(host, place);
  for (let number = from + 1; number < to; number++) {
    const name = historyFileName(timelineId(number));
    if (there.has(name)) continue;
    const { exitCode } = await ask(host, place, restoreCommand, name, context.signal);
    if (exitCode === 0) continue;
    context.warn(`${name} could not be fetched: a member on timeline ${from} cannot follow without it.`);
  }
}

const MARKS = probeScript(`
cd -- "$1/pg_wal" && [ -r . ] || exit 3
for mark in *.history.free; do [ ! -e "$mark" ] || { echo noted; break; }; done
echo @end`);

/** Whether a promotion was begun there and not brought to its end: what was noted for it is there. */
export async function isPromotionLeft(host: ReadHost, { pgdata, user }: Place): Promise<boolean> {
  const answer = await host.query(MARKS([pgdata], { user }));
  if (answer.exitCode !== 0 || !answer.stdout.trimEnd().endsWith('@end'))
    throw lookBrokenOff(answer, host.name, `what lies in ${pgdata}/pg_wal`);
  return answer.stdout.startsWith('noted');
}

/** What was noted for the promotion alone. */
export async function forgetFreeNumbers(host: WriteHost, { pgdata, user }: Place): Promise<void> {
  await host.must(['find', `${pgdata}/pg_wal`, '-maxdepth', '1', '-name', '*.history.free', '-delete'], {
    user,
    cwd: '/',
  });
}

function freeMark({ pgdata }: Place, name: string): string {
  return `${pgdata}/pg_wal/${name}.free`;
}

async function historiesIn(host: WriteHost, { pgdata, user }: Place): Promise<ReadonlySet<string>> {
  const listed = await host.must(['sh', '-c', LIST, 'sh', pgdata], { user, cwd: '/' });
  return new Set(listed.stdout.split('\n'));
}

function ask(
  host: WriteHost,
  { pgdata, user }: Place,
  restoreCommand: string,
  name: string,
  signal: AbortSignal,
): Promise<RunResult> {
  const command = restoreCommand.replace(/%([fp%])/g, (_, place: string) =>
    place === 'f' ? name : place === 'p' ? `pg_wal/${name}` : '%',
  );
  return host.run(['sh', '-c', command], { user, cwd: pgdata, timeoutMs: DEADLINE_MS, signal });
}

function unanswered(host: string, name: string, number: number, asked: RunResult): PitrError {
  return new PitrError({
    kind: 'failed',
    code: 'timeline-number-unknown',
    message: `cannot tell whether timeline ${number} is free: the archives do not say whether they have ${name}`,
    host,
    evidence: { ...evidenceOf(asked), command: `restore_command for ${name}` },
    state: 'The instance was not promoted: it stands at its moment, isolated, as before.',
    next: ['Mend what it said; then the same command goes on.'],
  });
}
