import { atWorkElsewhere } from '../../lib/engine/back/refuse-at-work.ts';
import { resumeRequest } from '../../lib/engine/back/resume.ts';
import { readStory, refuseGoingOn } from '../../lib/engine/back/story.ts';
import type { JournalledRun } from '../../lib/engine/journal/read.ts';
import { commandLine } from '../../lib/transport/quote.ts';
import { BELIEVE_OPTION, believeJournal } from '../believe-journal.ts';
import { defineCommand } from '../command.ts';
import {
  DEFAULT_FORKS,
  FORKS_OPTION,
  OUTPUT_OPTIONS,
  RUN_ARGUMENT,
  RUN_OPTIONS,
  typedWords,
} from '../common-options.ts';
import { consent } from '../consent.ts';
import { readExtraVars } from '../extra-vars.ts';
import type { Io } from '../io.ts';
import { underName } from '../named-run.ts';
import { type PlainOptions, withPlainSession } from '../plain-session.ts';
import type { Ask } from '../questions.ts';
import { exitCodeOfRun, runAndTell } from '../run-and-tell.ts';
import { wishesOf, withDoor } from '../session.ts';
import { forksOf } from '../values.ts';
import { withoutLock } from '../without-lock.ts';

export const resume = defineCommand({
  name: 'resume',
  summary: 'Go on with a run that failed, was interrupted or killed',
  description: [
    'Goes on from the journal of the run, where it stood: what it has changed is not changed again, a change that was only half made is made whole, and what was only looked at since the last change is looked at again. It has the same id, playbook, hosts and variables; what is given here with -e goes over them.',
    'What the dead controller had left at work on a host is ended first. It can be repeated, also from another machine with a copy of the journal.',
  ],
  arguments: [{ ...RUN_ARGUMENT, required: true }],
  options: {
    check: { text: 'Show what is still to be changed, and change nothing.' },
    diff: { text: 'Show how things change (or would, with --check).' },
    'without-lock': {
      value: 'run',
      text: 'Go on without the lock, where its host is gone: the id of the run once more. Nothing keeps other runs out (docs/lock.md).',
    },
    ...BELIEVE_OPTION,
    yes: { short: 'y', text: 'Answer every question with yes; the output says so.' },
    ...RUN_OPTIONS,
    ...FORKS_OPTION,
    verbose: { short: 'v', count: true, text: 'Show results; -vv also what commands print.' },
    ...OUTPUT_OPTIONS,
  },
  examples: [
    { text: 'What is still to be done?', command: 'pitr resume 20261122T144512-7f3a --check' },
    { text: 'Go on', command: 'pitr resume 20261122T144512-7f3a' },
    {
      text: 'On another machine, from a copy of the journal',
      command: 'pitr resume ./journal.jsonl -i inventory/production.yml',
    },
  ],
  run: async ({ options, args }, io) => {
    const reference = args[0] ?? '';
    const story = await readStory(reference);
    const named = { run: story.run, reference };
    return underName(named, async () => {
      refuseGoingOn(story);
      const underLock = commandLine([
        'pitr',
        'resume',
        reference,
        ...typedWords(options),
        ...(options['trust-journal'] ? ['--trust-journal'] : []),
      ]);
      const without = withoutLock(options['without-lock'], story.run, underLock);
      const again = without ? `${underLock} --without-lock ${story.run.started.runId}` : underLock;
      const run = await believeBefore(story.run, options, again, io);
      const request = resumeRequest(run, {
        inventories: options.inventory,
        otherMachines: options['other-machine'],
        extraVars: await readExtraVars(options, io),
        mode: options.check ? 'check' : 'run',
        forks: forksOf(options.forks, DEFAULT_FORKS),
        withoutLock: without,
        again,
      });
      const elsewhere = atWorkElsewhere(run);
      const outcome = await withDoor({ ...wishesOf(options), named }, io, async (door) => {
        if (elsewhere !== undefined && !options.check) {
          await askWhetherIdle(elsewhere, again, door.ask);
        }
        return runAndTell(request, door, reference);
      });
      return exitCodeOfRun(outcome);
    });
  },
});

/** Asked before the display of the run has the screen. */
async function believeBefore(
  run: JournalledRun,
  options: PlainOptions & { readonly 'trust-journal': boolean },
  again: string,
  io: Io,
): Promise<JournalledRun> {
  if (run.origin.own) return run;
  let answer = run;
  await withPlainSession(options, io, async (session) => {
    answer = await believeJournal(run, { trust: options['trust-journal'], again }, session, io);
    return 0;
  });
  return answer;
}

/** Two controllers must not work on one run. `elsewhere`: where it may be at work. */
async function askWhetherIdle(elsewhere: string, again: string, ask: Ask): Promise<void> {
  const state = 'nothing was changed';
  await consent(
    ask,
    { text: 'Is it not at work there any more?', details: [elsewhere], unanswered: state },
    {
      nobody: {
        kind: 'refused',
        code: 'perhaps-at-work-elsewhere',
        message: 'two controllers must not work on one run',
        details: [elsewhere],
        state,
        next: [`When you are sure: ${again} --yes`],
      },
      declined: {
        kind: 'interrupted',
        code: 'resume-declined',
        message: 'you said no: two controllers must not work on one run',
        state,
        next: [`When you are sure: ${again}`],
      },
    },
  );
}
