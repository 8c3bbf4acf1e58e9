import { asPitrError } from '../../base/errors/pitr-error.ts';
import type { Command, HostConnection, RunOptions, RunResult } from '../../transport/types.ts';

/** What may take longer has a turn and a deadline of its own. */
const SHORT_MS = 60_000;
/** One write takes all of them: they fit into what a connection sends before it waits for an answer. */
const LONGEST_TEXT = 16 * 1024;

interface Waiting {
  readonly command: Command;
  readonly timeoutMs: number;
  readonly resolve: (result: RunResult) => void;
  readonly reject: (reason: unknown) => void;
}

interface HowLong {
  readonly timeoutMs: number;
  /** The deadline is the question's own, whatever is asked beside it. */
  readonly exactly: boolean;
}

export type Ask = (command: Command, howLong: HowLong) => Promise<RunResult>;

/**
 * Questions that are asked of a host in the same moment (by `Promise.all`, as a rule) go there in one round trip, those of one
 * user in the order in which they were asked. Each has its own result; the longest deadline among them holds for all.
 */
export function askedTogether(
  connection: HostConnection,
  withSignal: <T extends RunOptions>(options: T) => T,
): Ask {
  let waiting: Waiting[] = [];
  const alone = ({ command, timeoutMs }: Waiting): Promise<RunResult> =>
    connection.run(command.argv, withSignal({ ...command, timeoutMs }));
  const together = async (some: readonly Waiting[]): Promise<void> => {
    try {
      const [only] = some;
      const timeoutMs = Math.max(...some.map((one) => one.timeoutMs));
      const results =
        only !== undefined && some.length === 1
          ? [await alone(only)]
          : await connection.batch(
              some.map(({ command }) => command),
              withSignal({ timeoutMs }),
            );
      for (const [index, { resolve, reject }] of some.entries()) {
        const result = results[index];
        if (result === undefined) reject(new Error('a question of several had no answer'));
        else resolve(result);
      }
    } catch (thrown) {
      // What could not be ended says nothing of the others.
      const isOfOne = some.length > 1 && asPitrError(thrown).code === 'command-not-ended';
      for (const one of some)
        if (isOfOne) alone(one).then(one.resolve, one.reject);
        else one.reject(thrown);
    }
  };
  const send = (): void => {
    const all = waiting;
    waiting = [];
    const users = new Set(all.map(({ command }) => command.user));
    for (const user of users) void together(all.filter(({ command }) => command.user === user));
  };
  return (command, { timeoutMs, exactly }) =>
    new Promise((resolve, reject) => {
      const one = { command, timeoutMs, resolve, reject };
      if (exactly || timeoutMs > SHORT_MS || textLength(command) > LONGEST_TEXT) {
        alone(one).then(resolve, reject);
        return;
      }
      waiting.push(one);
      // Behind all that this turn of the event loop still asks, by whatever number of awaits.
      if (waiting.length === 1) setImmediate(send);
    });
}

function textLength({ argv }: Command): number {
  return argv.reduce((sum, word) => sum + word.length, 0);
}
