import { z } from 'zod';
import { splitWords } from '../../base/values/split-words.ts';
import { defineModule } from '../../contract/module.ts';
import {
  allWords,
  applyCommand,
  COMMAND_RETURNS,
  type Commands,
  commandParams,
  FREE_FORM_WORDS,
  planCommand,
  predictCommand,
  readCommand,
  shownUndo,
  skippedResult,
  undoCommand,
} from '../../system/core/command-run.ts';
import { describeFault, wordsOf } from '../../system/core/command-words.ts';

/** A command line, or its words. */
const command = z.union([
  z.string().superRefine((text, issues) => {
    const words = splitWords(text);
    if ('fault' in words) issues.addIssue({ code: 'custom', message: describeFault(words) });
    else if (words.length === 0) issues.addIssue({ code: 'custom', message: 'expected a command' });
  }),
  z.array(z.string()).min(1),
]);

const params = z
  .strictObject({
    cmd: command
      .optional()
      .describe('the command; split into words by quotes and blanks, and no shell sees it'),
    argv: z.array(z.string()).min(1).optional().describe('the command as a list of words, instead of cmd'),
    ...commandParams,
    check: command.optional().describe('a command that only looks; when it exits 0 there is nothing to do'),
    undo: command.optional().describe('the command that takes this one back'),
  })
  .refine(
    ({ cmd, argv }) => (cmd === undefined) !== (argv === undefined),
    'give cmd or argv, one of the two',
  );

type Params = z.output<typeof params>;

export const module = defineModule({
  summary: 'Runs a command, without a shell.',
  description:
    'Always a change, unless creates, removes or check tells that it is not needed. Only these are run in check mode.',
  examples: `- core.command: pg_archivecleanup /srv/archive 000000010000000000000010
- core.command:
    argv: [createdb, "{{ database }}"]
    user: postgres
    check: [psql, -d, "{{ database }}", -c, ""]
    undo: [dropdb, "{{ database }}"]`,
  params,
  freeForm: 'cmd',
  freeFormWords: {
    ...FREE_FORM_WORDS,
    executable: { instead: 'no shell runs a command: use core.shell with "shell"' },
  },
  returns: COMMAND_RETURNS,
  read: (host, p: Params) => readCommand(host, p, commandsOf(p)),
  plan: (state, p) => {
    const commands = commandsOf(p);
    return planCommand(state, p, commands, `run ${commands.argv.join(' ')}`);
  },
  unchanged: skippedResult,
  predict: predictCommand,
  apply: applyCommand,
  undo: undoCommand,
  commandLine: (p: Params) => allWords(commandsOf(p)),
  undoShown: shownUndo,
  orphans: 'end',
  guards: true,
  undoable: ({ undo }) => undo !== undefined || 'the task gives no "undo" command',
});

function commandsOf(p: Params): Commands {
  return { argv: wordList(p.argv ?? p.cmd ?? []), check: words(p.check), undo: words(p.undo) };
}

function words(given: z.output<typeof command> | undefined): readonly string[] | undefined {
  return given === undefined ? undefined : wordList(given);
}

function wordList(given: z.output<typeof command>): readonly string[] {
  return typeof given === 'string' ? wordsOf(given) : given;
}
