import { believed, type JournalledRun } from '../lib/engine/journal/read.ts';
import { commandLine } from '../lib/transport/quote.ts';
import { consent } from './consent.ts';
import type { Io } from './io.ts';
import { askIn, type PlainSession } from './plain-session.ts';

/** Of commands that do what a journal says. */
export const BELIEVE_OPTION = {
  'trust-journal': {
    text: "Use a journal that is not this controller's own, unchanged (another machine's, or one of pitr 0.1.0), without asking for the word.",
  },
} as const;

/**
 * The run, to be acted on. Where its journal is not this controller's own a person is asked for a word first: what it
 * says is done on hosts. Throws kind `refused` (`journal-not-ours`) where there is nobody to ask, `interrupted` on no.
 */
export async function believeJournal(
  run: JournalledRun,
  { trust, again }: { readonly trust: boolean; readonly again: string },
  session: PlainSession,
  io: Io,
): Promise<JournalledRun> {
  const { origin, started, path } = run;
  if (origin.own) return run;
  const { runId, operator } = started;
  const details = [
    `Journal: ${path}`,
    `Why: ${origin.why}.`,
    'Whoever wrote it says which commands run on your hosts, which paths are renamed and which are removed.',
  ];
  const state = 'nothing was done';
  const text = `Do you know where the journal of run ${runId} (${operator}) comes from, and is it to be believed?`;
  await consent(
    askIn(session, io, trust),
    { text, details, word: runId, unanswered: state },
    {
      nobody: {
        kind: 'refused',
        code: 'journal-not-ours',
        message: `the journal of run ${runId} is not this controller's own, unchanged`,
        details,
        state,
        next: [
          `See what it says: ${commandLine(['pitr', 'runs', path])}`,
          `If you know where it comes from: ${again} --trust-journal`,
        ],
      },
      declined: {
        kind: 'interrupted',
        code: 'journal-not-believed',
        message: 'the id of the run was not typed',
        state,
      },
    },
  );
  return believed(run);
}
