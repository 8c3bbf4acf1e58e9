import { spawn } from 'node:child_process';
import { stripVTControlCharacters } from 'node:util';
import { expect } from 'vitest';
import { checkoutRoot } from '../../lab/checkout.ts';
import { waitFor } from '../../lab/wait.ts';
import type { PitrResult } from './pitr.ts';

/** A line of what `pitr recover --output json` prints. */
interface Line {
  readonly type: string;
  readonly [key: string]: unknown;
}

export const lines = (result: PitrResult): readonly Line[] => result.events as unknown as readonly Line[];

interface Proof {
  readonly expected: string;
  readonly output?: string;
  readonly exitCode?: number;
  readonly wait?: true;
}

interface Typed {
  readonly typed: string;
  readonly proof?: Proof;
}

interface Said {
  readonly code: number | null;
  readonly output: string;
}

function shell(text: string): Promise<Said> {
  return new Promise((resolve, reject) => {
    const child = spawn('sh', ['-c', text], { cwd: checkoutRoot, stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding('utf8').on('data', (chunk: string) => {
        output += chunk;
      });
    child.once('error', reject);
    child.once('close', (code) => resolve({ code, output }));
  });
}

/** As sudo asks on a terminal, once it does not show any more what is typed. */
const PROMPT = /\[sudo\] [^\n]*: $/;

/** The shell of a person who sits at a terminal (`script` of util-linux makes it), and gives the password when sudo asks. */
export function atTerminal(password: string): (text: string) => Promise<Said> {
  return (text) =>
    new Promise((resolve, reject) => {
      // Without a size psql takes any answer for too long, and pages it.
      const child = spawn('script', ['-qefc', `stty cols 160 rows 50; ${text}`, '/dev/null'], {
        cwd: checkoutRoot,
        env: { ...process.env, TERM: 'dumb', SHELL: '/bin/sh' },
        stdio: ['pipe', 'pipe', 'pipe'],
        // Whatever else is asked there waits for an answer for ever.
        timeout: 180_000,
      });
      let output = '';
      for (const stream of [child.stdout, child.stderr])
        stream.setEncoding('utf8').on('data', (chunk: string) => {
          output += stripVTControlCharacters(chunk).replaceAll('\r', '');
          if (PROMPT.test(output)) child.stdin.write(`${password}\n`);
        });
      child.once('error', reject);
      child.once('close', (code) => resolve({ code, output }));
    });
}

/** Types the printed commands of a part, one after the other, as an operator who copies them. */
export async function typeSteps(
  result: PitrResult,
  part: 'apply' | 'back' | 'take-over',
  type: (text: string) => Promise<Said> = shell,
): Promise<void> {
  const steps = lines(result).filter((line) => line.type === 'recover.step' && line.part === part);
  expect(steps.length).toBeGreaterThan(0);
  for (const step of steps) {
    for (const { typed, proof } of step.commands as readonly Typed[]) {
      const holds = ({ code, output }: Said): boolean =>
        code === (proof?.exitCode ?? 0) &&
        (proof?.output === undefined || new RegExp(proof.output, 'm').test(output));
      const ended = await waitFor({
        what: `"${proof?.expected ?? 'exit code 0'}" of ${typed}`,
        deadlineMs: proof?.wait === true ? 90_000 : 0,
        everyMs: 500,
        attempt: () => type(typed),
        done: holds,
        describe: ({ code, output }) => `exit code ${code}: ${output}`,
      });
      expect({ step: step.title, typed, holds: holds(ended) }, ended.output).toMatchObject({ holds: true });
    }
  }
}
