import type { LookAnswer } from '../lib/engine/look.ts';
import type { PitrError } from '../lib/errors/pitr-error.ts';
import { DEFAULT_FORKS } from './common-options.ts';
import { type OutputKind, viewSettings } from './display/choose.ts';
import { writeJson } from './display/json.ts';
import type { ViewSettings } from './display/settings.ts';
import { errorText, exitCodeOf } from './error-text.ts';
import { readExtraVars } from './extra-vars.ts';
import { findInventories } from './find-inventory.ts';
import { watchInterrupts } from './interrupt.ts';
import type { Io } from './io.ts';
import { forksOf } from './values.ts';

interface LookOptions {
  readonly inventory: readonly string[];
  readonly 'extra-vars': readonly string[];
  readonly forks?: string | undefined;
  readonly output: OutputKind | undefined;
  readonly 'no-color': boolean;
}

/** What the commands that look at hosts without a playbook (`ping`, `exec`, `backups`, `status`) have in common. */
export interface LookSession {
  readonly request: {
    readonly inventories: readonly string[];
    readonly extraVars: Readonly<Record<string, unknown>>;
    readonly forks: number;
    readonly signal: AbortSignal;
  };
  readonly json: boolean;
  readonly view: ViewSettings;
  /** What a table may be wide: no limit in a pipe. */
  readonly width: number;
  /** One JSON object, where JSON was asked for. */
  emit(value: unknown): void;
  /** Lines of text, where text was asked for. */
  print(lines: readonly string[]): void;
  /** An error among answers: in full on stderr, or as JSON on stdout. */
  tell(error: PitrError): void;
}

/** Reads the common options, listens for Ctrl-C while `work` runs, and gives its exit code. */
export async function withLookSession(
  options: LookOptions,
  io: Io,
  work: (session: LookSession) => Promise<number>,
): Promise<number> {
  const json = options.output === 'json';
  const view = viewSettings({ noColor: options['no-color'], verbosity: 0, diff: false }, io);
  const interrupts = watchInterrupts(io, {
    onStopping: (text) => io.stderr.write(`${text}\n`),
    onLeaving: (text) => io.stderr.write(`${text}\n`),
  });
  try {
    return await work({
      request: {
        inventories: findInventories(options.inventory, io),
        extraVars: await readExtraVars(options['extra-vars'], io.cwd),
        forks: forksOf(options.forks, DEFAULT_FORKS),
        signal: interrupts.signal,
      },
      json,
      view,
      width: io.stdout.isTTY === true ? view.columns() : Number.POSITIVE_INFINITY,
      emit: (value) => {
        if (json) writeJson(io.stdout, value);
      },
      print: (lines) => {
        if (!json && lines.length > 0) io.stdout.write(`${lines.join('\n')}\n`);
      },
      tell: (error) => {
        if (json) writeJson(io.stdout, { type: 'error', time: Date.now(), error });
        else
          io.stderr.write(
            `\n${errorText(error.toJSON(), { ...view, columns: view.columns() }).join('\n')}\n`,
          );
      },
    });
  } finally {
    interrupts.stop();
  }
}

/** The exit code of several answers: 0, or that of the worst error (an unreachable host before a failed one). */
export function exitCodeOfAnswers(answers: readonly Pick<LookAnswer, 'error'>[]): number {
  const errors = answers.flatMap(({ error }) => error ?? []);
  for (const kind of [
    'bug',
    'interrupted',
    'validation',
    'unreachable',
    'refused',
    'failed',
    'usage',
  ] as const) {
    const error = errors.find((one) => one.kind === kind);
    if (error !== undefined) return exitCodeOf(error);
  }
  return 0;
}
