import type { RunDoor } from '../lib/engine/run/run.ts';
import { Turns } from '../lib/transport/turns.ts';
import { passphraseAsker } from './ask-password.ts';
import { chooseDisplay, type DisplayWishes } from './display/choose.ts';
import type { Display } from './display/display.ts';
import { watchInterrupts } from './interrupt.ts';
import type { Io } from './io.ts';
import { withWaysThatWork } from './lock-advice.ts';
import { type NamedRun, namedInEvent } from './named-run.ts';
import { answerable, makeAsk } from './questions.ts';
import { withSecretsAgain } from './secrets-again.ts';

export interface SessionWishes extends DisplayWishes {
  readonly yes: boolean;
  /** The run that is gone on with. */
  readonly named?: NamedRun | undefined;
}

/** What the options that every command of a run has say of its display and its questions. */
export function wishesOf(options: {
  readonly output: SessionWishes['output'];
  readonly 'no-color': boolean;
  readonly verbose: number;
  readonly diff: boolean;
  readonly yes: boolean;
}): SessionWishes {
  const { output, verbose: verbosity, diff, yes } = options;
  return { output, noColor: options['no-color'], verbosity, diff, yes };
}

/**
 * Opens the door through which a run talks to the operator (display, questions, Ctrl-C), and closes it whatever
 * happens: the screen is free and complete when this resolves or rejects.
 */
export async function withDoor<T>(
  wishes: SessionWishes,
  io: Io,
  work: (door: RunDoor) => Promise<T>,
  open: () => Promise<Display> = () => chooseDisplay(wishes, io),
): Promise<T> {
  const { named } = wishes;
  const display = await open();
  const interrupts = watchInterrupts(io, {
    onStopping: (text) => display.notice(text),
    onLeaving: (text) => io.stderr.write(`\n${text}\n`),
  });
  // One thing is asked at a time: a host may be logged in to while a question stands.
  const turns = new Turns();
  try {
    return await work({
      emit: named === undefined ? display.read : (event) => display.read(namedInEvent(event, named)),
      notice: (text) => display.notice(text),
      masker: io.masker,
      signal: interrupts.signal,
      advise: async (error) => withSecretsAgain(await withWaysThatWork(error), named),
      answerable: answerable({ io, yes: wishes.yes }),
      askPassphrase: passphraseAsker(io, { display, interrupt: interrupts.interrupt, turns }),
      ask: makeAsk({
        io,
        turns,
        yes: wishes.yes,
        display,
        signal: interrupts.signal,
        interrupt: interrupts.interrupt,
      }),
    });
  } finally {
    interrupts.stop();
    await display.close();
  }
}
