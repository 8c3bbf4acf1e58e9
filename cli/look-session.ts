import type { PitrError } from '../lib/base/errors/pitr-error.ts';
import type { Masker } from '../lib/base/values/masker.ts';
import type { AskPassphrase } from '../lib/transport/types.ts';
import { DEFAULT_FORKS } from './common-options.ts';
import { exitCodeOf } from './display/error-text.ts';
import { readExtraVars } from './extra-vars.ts';
import { findInventories } from './find-inventory.ts';
import type { Io } from './io.ts';
import { type PlainOptions, type PlainSession, withPlainSession } from './plain-session.ts';
import { forksOf } from './values.ts';

interface LookOptions extends PlainOptions {
  readonly inventory: readonly string[];
  readonly 'extra-vars': readonly string[];
  readonly 'ask-become-pass': boolean;
  readonly forks?: string | undefined;
}

/** What the commands that look at hosts without a playbook (`ping`, `exec`, `backups`, `status`) have in common. */
export interface LookSession extends PlainSession {
  readonly request: {
    readonly inventories: readonly string[];
    readonly extraVars: Readonly<Record<string, unknown>>;
    readonly forks: number;
    readonly signal: AbortSignal;
    readonly masker: Masker;
    readonly askPassphrase: AskPassphrase | undefined;
  };
}

/** Reads the common options, listens for Ctrl-C while `work` runs, and gives its exit code. */
export function withLookSession(
  options: LookOptions,
  io: Io,
  work: (session: LookSession) => Promise<number>,
): Promise<number> {
  return withPlainSession(options, io, async (session) =>
    work({
      ...session,
      request: {
        inventories: await findInventories(options.inventory, io),
        extraVars: await readExtraVars(options, io),
        forks: forksOf(options.forks, DEFAULT_FORKS),
        signal: session.interrupts.signal,
        masker: io.masker,
        askPassphrase: session.askPassphrase,
      },
    }),
  );
}

/** The exit code of several answers: 0, or that of the worst error (an unreachable host before a failed one). */
export function exitCodeOfAnswers(
  answers: readonly { readonly error?: Pick<PitrError, 'kind'> | undefined }[],
): number {
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
