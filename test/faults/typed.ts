import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { checkoutRoot } from '../../lab/checkout.ts';
import { commandLineFile, operatorEnvironment } from '../support/command-line.ts';

/** A command as somebody typed it, and all that was said. */
export interface Typed {
  readonly command: string;
  readonly exitCode: number | null;
  readonly said: string;
}

/** Where commands are typed: a shell that finds `pitr`. */
export interface Keyboard {
  /** Types a command; every question is answered with yes. */
  type(command: string): Promise<Typed>;
  close(): Promise<void>;
}

/** `environment`: what was exported in that shell. */
export async function openKeyboard(environment: NodeJS.ProcessEnv = {}): Promise<Keyboard> {
  const bin = await mkdtemp(join(tmpdir(), 'pitr-keyboard-'));
  await writeFile(join(bin, 'pitr'), `#!/bin/sh\nexec "${process.execPath}" "${commandLineFile()}" "$@"\n`);
  await chmod(join(bin, 'pitr'), 0o755);
  const env = { ...operatorEnvironment(), ...environment, PATH: `${bin}:${process.env.PATH}` };
  return {
    type: async (command) => {
      const asks = /^pitr (play|recover|resume|undo|commit) /.test(command) && !command.includes('--check');
      const line = asks ? `${command} --yes` : command;
      const child = spawn('sh', ['-c', line], { cwd: checkoutRoot, env, stdio: ['ignore', 'pipe', 'pipe'] });
      const said: Buffer[] = [];
      child.stdout.on('data', (chunk: Buffer) => said.push(chunk));
      child.stderr.on('data', (chunk: Buffer) => said.push(chunk));
      const [exitCode] = (await once(child, 'close')) as [number | null];
      return { command, exitCode, said: Buffer.concat(said).toString() };
    },
    close: () => rm(bin, { recursive: true, force: true }),
  };
}

const OFFERED = /(?:^\s*|: +| {2,})(pitr (?:undo|resume|play|commit|runs|status|backups) .*?)\s*$/;
/** What a person has to fill in first. */
const HOLE = /<[^>]*>|=\.\.\.|'\.\.\.'/;

/** The commands that a text offers, in the order in which they stand there, each once. */
export function offeredIn(text: string): readonly string[] {
  const found = text.split('\n').flatMap((line) => {
    const command = OFFERED.exec(line)?.[1];
    return command === undefined || HOLE.test(command) || /[.,]$/.test(command) ? [] : [command];
  });
  return [...new Set(found)];
}

/** The command with the ids of runs replaced: what it is, whichever run it is about. */
export function shapeOf(command: string): string {
  return command
    .replaceAll(/\d{8}T\d{6}-[0-9a-f]{4}/g, 'RUN')
    .replaceAll(/\bdb\d\b/g, 'NODE')
    .replaceAll(/ -i \S+/g, '');
}
