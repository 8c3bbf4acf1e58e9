import { asPitrError, PitrError } from '../lib/base/errors/pitr-error.ts';
import { readStory } from '../lib/engine/back/story.ts';
import { planUndo } from '../lib/engine/back/undo-plan.ts';
import type { NamedRun } from './named-run.ts';
import { withSecretsAgain } from './secrets-again.ts';
import { waysInLine, waysOn } from './ways.ts';

const LEFT_BY_A_RUN = ['run-unfinished', 'recovery-waiting', 'break-wrong-run'];

/**
 * A lock knows which run has left something, and not what can be done with that run: where its journal is here, what the
 * journal says stands in place of "resume" and "undo". Any other error comes back as it is.
 */
export async function withWaysThatWork(error: PitrError): Promise<PitrError> {
  const run = error.result?.run;
  if (!LEFT_BY_A_RUN.includes(error.code) || typeof run !== 'string') return error;
  const story = await readStory(run).catch(() => undefined);
  if (story === undefined) return error;
  const ways = waysInLine(waysOn(await planUndo(story), run));
  const isGeneral = (line: string): boolean =>
    line.endsWith(`: pitr resume ${run}`) || line.endsWith(`: pitr undo ${run}`);
  const at = Math.max(0, error.next.findIndex(isGeneral));
  const [before, after] = [error.next.slice(0, at), error.next.slice(at)].map((lines) =>
    lines.filter((line) => !isGeneral(line) && !ways.includes(line)),
  );
  return new PitrError({
    ...error,
    message: error.message,
    cause: error.cause,
    next: [...(before ?? []), ...ways, ...(after ?? [])],
  });
}

/** Work that may be refused a lock, with such advice, and with the secrets that what it says is to be typed next needs. */
export async function advised<T>(work: Promise<T>, named?: NamedRun): Promise<T> {
  return work.catch(async (thrown: unknown) => {
    throw await withSecretsAgain(await withWaysThatWork(asPitrError(thrown)), named);
  });
}
