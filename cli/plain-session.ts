import type { PitrError } from '../lib/base/errors/pitr-error.ts';
import { secretWarnings } from '../lib/engine/run/secret-warnings.ts';
import type { AskPassphrase } from '../lib/transport/types.ts';
import { passphraseAsker } from './ask-password.ts';
import { type OutputKind, viewSettings } from './display/choose.ts';
import { errorText } from './display/error-text.ts';
import { writeJson } from './display/json.ts';
import { NO_PAINT } from './display/paint.ts';
import type { ViewSettings } from './display/settings.ts';
import { type Interrupts, watchInterrupts } from './interrupt.ts';
import type { Io } from './io.ts';
import { type Ask, makeAsk } from './questions.ts';
import { printable, printablePainted } from './text.ts';

export interface PlainOptions {
  readonly output: OutputKind | undefined;
  readonly 'no-color': boolean;
}

/** What the commands that play no playbook have in common. */
export interface PlainSession {
  readonly interrupts: Interrupts;
  readonly askPassphrase: AskPassphrase | undefined;
  readonly json: boolean;
  readonly view: ViewSettings;
  /** What a table may be wide: no limit in a pipe. */
  readonly width: number;
  /** One JSON object, where JSON was asked for. */
  emit(value: unknown): void;
  /** Lines of text, where text was asked for. */
  print(lines: readonly string[]): void;
  /** What is waited for: beside the answers, on stderr, or as JSON on stdout. */
  notice(text: string): void;
  /** An error among answers: in full on stderr, or as JSON on stdout. */
  tell(error: PitrError): void;
}

/** How such a command asks: nothing has to stand aside, and Ctrl-C at the prompt ends it. */
export function askIn({ interrupts }: PlainSession, io: Io, yes: boolean): Ask {
  return makeAsk({ io, yes, display: { pause: async () => {}, resume: () => {} }, ...interrupts });
}

/** Listens for Ctrl-C while `work` runs, and gives its exit code. */
export async function withPlainSession(
  options: PlainOptions,
  io: Io,
  work: (session: PlainSession) => Promise<number>,
): Promise<number> {
  const json = options.output === 'json';
  const view = viewSettings({ noColor: options['no-color'], verbosity: 0, diff: false }, io);
  // What a host or a foreign journal has said is in it, whoever has put the line together.
  const clean = view.paint === NO_PAINT ? printable : printablePainted;
  const interrupts = watchInterrupts(io, {
    onStopping: (text) => io.stderr.write(`${text}\n`),
    onLeaving: (text) => io.stderr.write(`${text}\n`),
  });
  try {
    const code = await work({
      interrupts,
      askPassphrase: passphraseAsker(io, interrupts),
      json,
      view,
      width: io.stdout.isTTY === true ? view.columns() : Number.POSITIVE_INFINITY,
      emit: (value) => {
        if (json) writeJson(io.stdout, value);
      },
      print: (lines) => {
        if (!json && lines.length > 0) io.stdout.write(`${lines.map(clean).join('\n')}\n`);
      },
      notice: (text) => {
        if (json) writeJson(io.stdout, { type: 'notice', time: Date.now(), text });
        else io.stderr.write(`${clean(text)}\n`);
      },
      tell: (error) => {
        if (json) writeJson(io.stdout, { type: 'error', time: Date.now(), error });
        else
          io.stderr.write(
            `\n${errorText(io.masker.data(error.toJSON()), { ...view, columns: view.columns() }).join('\n')}\n`,
          );
      },
    });
    for (const text of await secretWarnings(io.masker)) {
      if (json) writeJson(io.stdout, { type: 'warning', time: Date.now(), text });
      else io.stderr.write(`${view.paint.changed(`Warning: ${text}`)}\n`);
    }
    return code;
  } finally {
    interrupts.stop();
  }
}
