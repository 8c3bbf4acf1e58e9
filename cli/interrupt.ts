import { setMaxListeners } from 'node:events';
import { EXIT_CODES, PitrError } from '../lib/base/errors/pitr-error.ts';
import type { Io } from './io.ts';

/** `npm run` and `npx` pass a Ctrl-C on that the terminal has delivered already: the same key press, twice. */
const SAME_PRESS_MS = 400;

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

export interface Interrupts {
  /** Aborted by the first signal, with the error of kind `interrupted` as its reason. */
  readonly signal: AbortSignal;
  /** What a signal does, for a Ctrl-C that comes as a key (at a question). */
  readonly interrupt: () => void;
  /** Stops listening. */
  stop(): void;
}

export interface InterruptWords {
  /** Told once, at the first signal. */
  readonly onStopping: (text: string) => void;
  /** Told before the process ends in the middle of its work. */
  readonly onLeaving: (text: string) => void;
}

/**
 * The first SIGINT, SIGTERM or SIGHUP stops the run cleanly: what runs on hosts is ended, states are known. A second
 * one leaves at once, with exit code 130 and a warning. Where no stream is a terminal, SIGHUP is none of them: `nohup` has
 * it ignored, which Node.js undoes before anybody can see it.
 *
 * A terminal that closes sends SIGHUP, so does its shell, and a logout sends SIGTERM behind them. No person has meant that
 * as "once more", and it leaves nothing.
 */
export function watchInterrupts(
  io: Pick<Io, 'signals' | 'leaveNow' | 'stdin' | 'stdout' | 'stderr'>,
  words: InterruptWords,
  now: () => number = Date.now,
): Interrupts {
  const controller = new AbortController();
  // Every command at work on any host listens to it: that is no leak, and Node.js must not tell an operator that it is one.
  setMaxListeners(0, controller.signal);
  let last: { readonly by: string; readonly at: number } | undefined;
  const atTerminal = [io.stdin, io.stdout, io.stderr].some(({ isTTY }) => isTTY === true);
  const receive = (by: string): void => {
    // Heard all the same: without a listener it would end the process.
    if (by === 'SIGHUP' && !atTerminal) return;
    if (last === undefined) {
      last = { by, at: now() };
      words.onStopping(
        `${by}: stopping cleanly, which may take some seconds. ${by === 'SIGHUP' ? 'Ctrl-C' : 'Once more'} leaves at once, whatever state hosts are in.`,
      );
      controller.abort(
        new PitrError({
          kind: 'interrupted',
          code: 'interrupted',
          message: `the run was interrupted (${by})`,
        }),
      );
      return;
    }
    if (by === 'SIGHUP' || (by === 'SIGTERM' && last.by === 'SIGHUP')) {
      last = { by, at: now() };
      return;
    }
    if (now() - last.at < SAME_PRESS_MS) return;
    words.onLeaving(
      `${by} again: left at once. Commands may still be running on hosts, and the last task is neither done nor taken back.`,
    );
    io.leaveNow(EXIT_CODES.interrupted);
  };
  const listeners = SIGNALS.map((name) => {
    const listener = (): void => receive(name === 'SIGINT' ? 'Ctrl-C' : name);
    io.signals.on(name, listener);
    return [name, listener] as const;
  });
  return {
    signal: controller.signal,
    interrupt: () => receive('Ctrl-C'),
    stop: () => {
      for (const [name, listener] of listeners) io.signals.off(name, listener);
    },
  };
}
