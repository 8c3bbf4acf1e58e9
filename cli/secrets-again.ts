import type { PitrError } from '../lib/base/errors/pitr-error.ts';
import { leadingVariables } from '../lib/engine/back/leading-variables.ts';
import { type JournalledRun, readRun } from '../lib/engine/journal/read.ts';
import { commandLine } from '../lib/transport/quote.ts';
import { type NamedRun, namedSo, withNext } from './named-run.ts';
import { secretWords } from './ways.ts';

// An id with a path behind it is none: it is the directory of a run.
const OF_A_RUN = /\bpitr (resume|undo) (\d{8}T\d{6}-[0-9a-f]{4})\b(?!\/)/g;

/**
 * Who writes an error knows the run, and not what it was given in secret: what it says is to be typed next gets that, for
 * without it the command would be refused. Any other error comes back as it is.
 */
export async function withSecretsAgain(error: PitrError, named?: NamedRun): Promise<PitrError> {
  const next = await Promise.all(error.next.map((line) => withSecrets(line, named)));
  return withNext(error, named === undefined ? next : next.map((line) => namedSo(line, named)));
}

/** What a run was given in secret, as words of a command that goes to its hosts again. */
export async function leadingSecrets(runId: string): Promise<readonly string[]> {
  const run = await known(runId);
  return run === undefined ? [] : wordsFor(false, run);
}

/** Without its journal nothing is known of a run, and the command says so. */
async function known(runId: string, named?: NamedRun): Promise<JournalledRun | undefined> {
  const journal = runId === named?.run.started.runId ? named.run.path : runId;
  return readRun(journal).catch(() => undefined);
}

async function withSecrets(line: string, named: NamedRun | undefined): Promise<string> {
  const typed = new Map<string, string>();
  for (const [command, verb, id = ''] of line.matchAll(OF_A_RUN)) {
    const run = await known(id, named);
    const words = run === undefined ? [] : await wordsFor(verb === 'resume', run);
    if (words.length > 0) typed.set(command, `${command} ${commandLine(words)}`);
  }
  return line.replaceAll(OF_A_RUN, (command, _verb, _id, at: number) => {
    const whole = typed.get(command) ?? command;
    return line.startsWith(whole, at) ? command : whole;
  });
}

async function wordsFor(goesOn: boolean, run: JournalledRun): Promise<readonly string[]> {
  return secretWords(run, goesOn ? 'all' : await leadingVariables(run));
}
