import { spawn } from 'node:child_process';
import { stripVTControlCharacters } from 'node:util';
import { checkoutRoot } from '../../lab/checkout.ts';
import { quote } from '../../lib/transport/quote.ts';
import { commandLineFile, operatorEnvironment } from './command-line.ts';

/** Type this when that is on the screen. */
export type Dialogue = readonly (readonly [seen: string, typed: string])[];

export const CTRL_C = '\u0003';
export const CTRL_D = '\u0004';

export interface TerminalResult {
  readonly exitCode: number | null;
  /** All that was on the screen, without escape sequences. */
  readonly screen: string;
  /** How many lines of the dialogue were typed. */
  readonly typed: number;
}

/** Runs pitr on a real pseudo-terminal (`script` of util-linux makes it) and talks to it. */
export async function onTerminal(
  args: readonly string[],
  dialogue: Dialogue,
  more: Readonly<Record<string, string>> = {},
): Promise<TerminalResult> {
  const line = [process.execPath, commandLineFile(), ...args].map(quote).join(' ');
  const child = spawn('script', ['-qefc', `stty cols 160 rows 50; exec ${line}`, '/dev/null'], {
    cwd: checkoutRoot,
    env: { ...operatorEnvironment(), CI: '', TERM: 'xterm', SHELL: '/bin/sh', ...more },
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  let screen = '';
  let from = 0;
  let typed = 0;
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    screen += text;
    const next = dialogue[typed];
    const at = next === undefined ? -1 : screen.indexOf(next[0], from);
    if (next === undefined || at === -1) return;
    from = at + next[0].length;
    typed++;
    // typed by a person: after it can be read, and not into the moment in which type-ahead is thrown away
    setTimeout(() => child.stdin.write(next[1]), 250);
  });
  const exitCode = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  });
  return { exitCode, screen: stripVTControlCharacters(screen).replaceAll('\r', ''), typed };
}
