import { z } from 'zod';
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

const params = z.strictObject({
  script: z.string().min(1).describe('the text that the shell runs'),
  shell: z
    .string()
    .regex(/^\/?[\w./-]+$/, 'expected a shell, such as /bin/sh or bash')
    .default('sh')
    .describe('the shell: sh, or another one that the host has'),
  ...commandParams,
  check: z.string().optional().describe('a script that only looks; when it exits 0 there is nothing to do'),
  undo: z.string().optional().describe('the script that takes this one back'),
});

type Params = z.output<typeof params>;

export const module = defineModule({
  summary: 'Runs a script in a shell, where pipes, redirections or variables of a shell are needed.',
  description:
    'Always a change, unless creates, removes or check tells that it is not needed. Only these are run in check mode. Values that come from elsewhere are safer in environment than in the text.',
  examples: `- core.shell: du -sk /srv/archive/* | sort -n | tail -5
- core.shell:
    script: zcat /srv/dump.sql.gz | psql -q app
    user: postgres
    check: psql -Atc 'select 1 from orders limit 1' app | grep -q 1`,
  params,
  freeForm: 'script',
  freeFormWords: { ...FREE_FORM_WORDS, executable: 'shell' },
  returns: COMMAND_RETURNS,
  read: (host, p: Params) => readCommand(host, p, commandsOf(p)),
  plan: (state, p) => planCommand(state, p, commandsOf(p), `run the script: ${firstLine(p.script)}`),
  unchanged: skippedResult,
  predict: predictCommand,
  apply: applyCommand,
  undo: undoCommand,
  commandLine: (p: Params) => allWords(commandsOf(p)),
  undoShown: shownUndo,
  orphans: 'end',
  guards: true,
  undoable: ({ undo }) => undo !== undefined || 'the task gives no "undo" script',
});

function commandsOf({ shell, script, check, undo }: Params): Commands {
  return {
    argv: [shell, '-c', script],
    check: check === undefined ? undefined : [shell, '-c', check],
    undo: undo === undefined ? undefined : [shell, '-c', undo],
  };
}

function firstLine(script: string): string {
  const lines = script.trim().split('\n');
  const first = lines[0] ?? '';
  return lines.length > 1 || first.length > 100 ? `${first.slice(0, 100)} ...` : first;
}
