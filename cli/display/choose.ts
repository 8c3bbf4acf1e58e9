import { frameOf } from '../../lib/language/yaml/frame.ts';
import { columnsOf, type Io } from '../io.ts';
import type { Display } from './display.ts';
import { jsonDisplay } from './json.ts';
import { marksFor } from './marks.ts';
import { paintFor } from './paint.ts';
import type { ViewSettings } from './settings.ts';

export const OUTPUTS = ['text', 'json', 'tty'] as const;
export type OutputKind = (typeof OUTPUTS)[number];

export interface DisplayWishes {
  readonly output: OutputKind | undefined;
  readonly noColor: boolean;
  readonly verbosity: number;
  readonly diff: boolean;
}

/** What was asked for; else the live display on a terminal that can show it, and plain lines in CI and everywhere else. */
export function outputKind(wished: OutputKind | undefined, io: Pick<Io, 'stdout' | 'env'>): OutputKind {
  if (wished !== undefined) return wished;
  const ci = io.env.CI ?? '';
  const inCi = ci !== '' && ci !== '0' && ci.toLowerCase() !== 'false';
  return io.stdout.isTTY === true && !inCi && io.env.TERM !== 'dumb' ? 'tty' : 'text';
}

/** The reader of a run's events. Only the one that is needed is loaded. */
export async function chooseDisplay(wishes: DisplayWishes, io: Io): Promise<Display> {
  const kind = outputKind(wishes.output, io);
  if (kind === 'json') return jsonDisplay(io.stdout);
  const settings = viewSettings(wishes, io);
  if (kind === 'tty') return new (await import('./tty.ts')).TtyDisplay(io.stdout, settings);
  return new (await import('./plain.ts')).PlainDisplay(io.stdout, settings);
}

export function viewSettings(
  wishes: Omit<DisplayWishes, 'output'>,
  io: Pick<Io, 'stdout' | 'env'>,
): ViewSettings {
  return {
    paint: paintFor(io.stdout, { noColor: wishes.noColor, env: io.env }),
    marks: marksFor(io.env),
    columns: () => columnsOf(io.stdout),
    verbosity: wishes.verbosity,
    diff: wishes.diff,
    frameOf,
  };
}
