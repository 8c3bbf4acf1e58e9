import type { WriteHost } from '../../lib/contract/host.ts';
import { liveHost } from '../../lib/engine/run/live-host.ts';
import { commandFailed } from '../../lib/transport/command-failed.ts';
import { connectHost } from '../../lib/transport/connect.ts';
import type { HostConnection, RunResult } from '../../lib/transport/types.ts';

/** How a command ends that tells nothing. */
const ENDS = {
  'is ended by its time limit': { argv: ['sleep', '60'], timeoutMs: 50 },
  'is killed': { argv: ['sh', '-c', 'kill -9 $$'] },
  'fails without a word': { argv: ['false'] },
  'ends well without a word': { argv: ['true'] },
} as const;

export type HowItEnds = keyof typeof ENDS;

export const HOW_IT_ENDS = Object.keys(ENDS) as readonly HowItEnds[];

/** This machine, and what is asked of it. */
export interface BlindHost extends AsyncDisposable {
  readonly host: WriteHost;
  /** How many commands were to be run there so far. */
  readonly asked: () => number;
  /** The words of all of them. */
  readonly words: () => string;
}

/**
 * This machine, where a command ends like this in the place of one that is asked for: that of this number, or all of them.
 * Without `ends` it sees what `user` may see.
 */
export function blindHost({
  ends,
  number,
  user,
}: {
  readonly ends?: HowItEnds;
  readonly number?: number;
  readonly user?: string;
} = {}): BlindHost {
  const inner = connectHost('here', { kind: 'local' });
  let asked = 0;
  const words: string[] = [];
  const isBlind = (argv: readonly string[]): boolean => {
    words.push(...argv);
    asked += 1;
    return ends !== undefined && (number === undefined || number === asked);
  };
  const insteadOf = async (argv: readonly string[]): Promise<RunResult> => {
    if (ends === undefined) throw new Error('it sees');
    const { argv: other, ...options } = ENDS[ends];
    return { ...(await inner.run(other, options)), argv };
  };
  const connection: HostConnection = {
    name: inner.name,
    address: inner.address,
    connect: (signal) => inner.connect(signal),
    run: (argv, options) => (isBlind(argv) ? insteadOf(argv) : inner.run(argv, options)),
    batch: async (commands, options) => {
      const results: RunResult[] = [];
      for (const command of commands) {
        const [result] = isBlind(command.argv)
          ? [await insteadOf(command.argv)]
          : await inner.batch([command], options);
        if (result !== undefined) results.push(result);
      }
      return results;
    },
    // No time limit ends what streams.
    spawn: (argv, options) =>
      isBlind(argv)
        ? inner.spawn(
            ends === 'is ended by its time limit' ? ENDS['is killed'].argv : ENDS[ends ?? 'is killed'].argv,
          )
        : inner.spawn(argv, options),
    terminal: (argv, terminal, options) => inner.terminal(argv, terminal, options),
    readFile: async (path, options) => {
      if (isBlind(['cat', path])) throw commandFailed(await insteadOf(['cat', path]), inner.name);
      return inner.readFile(path, options);
    },
    writeFile: (path, content, options) => inner.writeFile(path, content, options),
    close: () => inner.close(),
  };
  return {
    host: liveHost(connection, () => connection, { user }),
    asked: () => asked,
    words: () => words.join(' '),
    [Symbol.asyncDispose]: () => inner.close(),
  };
}
