import { PitrError } from '../../lib/base/errors/pitr-error.ts';
import { formatBytes } from '../../lib/base/values/bytes.ts';
import { lockOf } from '../../lib/engine/back/at-commit.ts';
import { commitRuns, type Measured, measureKept } from '../../lib/engine/back/commit.ts';
import { familyOf } from '../../lib/engine/back/family.ts';
import { concernsPostgres, keptBy, standsBeside, whyNotYet } from '../../lib/engine/back/kept-data.ts';
import {
  type HeldChange,
  heldUntilCommit,
  leavesSomething,
  leftByCommit,
} from '../../lib/engine/back/left-by-commit.ts';
import { hostsLeftOut } from '../../lib/engine/back/left-out.ts';
import { reachAgain } from '../../lib/engine/back/place-again.ts';
import { atWorkElsewhere } from '../../lib/engine/back/refuse-at-work.ts';
import type { Story } from '../../lib/engine/back/story.ts';
import { readOthers } from '../../lib/engine/journal/others.ts';
import { type JournalledRun, readRun } from '../../lib/engine/journal/read.ts';
import { BELIEVE_OPTION, believeJournal } from '../believe-journal.ts';
import { defineCommand } from '../command.ts';
import { type CommitWords, commitAgain, commitWithout } from '../commit-command.ts';
import { type CommitWish, listKept } from '../commit-list.ts';
import { tellHealthy, tellKept, tellStays, tellStep, tellWarning, total } from '../commit-view.ts';
import { DEFAULT_FORKS, OUTPUT_OPTIONS, RUN_ARGUMENT, RUN_OPTIONS, typedWords } from '../common-options.ts';
import { consent } from '../consent.ts';
import { exitCodeOf } from '../display/error-text.ts';
import { readExtraVars } from '../extra-vars.ts';
import { proveHealthy } from '../healthy-cluster.ts';
import type { Io } from '../io.ts';
import { readLimit } from '../limit.ts';
import { advised } from '../lock-advice.ts';
import { askIn, type PlainSession, withPlainSession } from '../plain-session.ts';
import { wrapWords } from '../text.ts';
import { usageError } from '../usage-error.ts';
import { withoutLock } from '../without-lock.ts';

export const commit = defineCommand({
  name: 'commit',
  summary: 'Let the old data of a recovery go, when the recovered data is accepted',
  description: [
    'A recovery keeps the old data of every member beside the new, and nothing removes it but this command. It shows what is kept and how large it is, proves that the cluster of a recovery is healthy (a leader, every other node streaming from it on one timeline), asks, and removes it on all hosts at once. From then on there is no way back: pitr undo of these runs is refused.',
    'What is removed is what the journals of the runs say was moved aside, and nothing else. Runs that belong together (a recovery and its cut-over) are committed together. It is refused while a run has not ended, and for a recovery that was not cut over.',
  ],
  arguments: [RUN_ARGUMENT],
  options: {
    list: { text: 'Show the old data that all runs of this controller keep; remove nothing.' },
    check: { text: 'Show what would be removed, prove the health, and remove nothing.' },
    yes: { short: 'y', text: 'Do not ask.' },
    limit: {
      short: 'l',
      value: 'pattern',
      text: 'Only on these hosts, where another one is gone: all:!db3 or @file. What the others keep stays for a later commit.',
    },
    'without-lock': {
      value: 'run',
      text: 'Go without the lock, where its host is gone: the id of the run once more. What is held there stays for a later commit (docs/lock.md).',
    },
    ...BELIEVE_OPTION,
    ...RUN_OPTIONS,
    ...OUTPUT_OPTIONS,
  },
  examples: [
    { text: 'Where is old data kept?', command: 'pitr commit --list' },
    { text: 'What would go?', command: 'pitr commit 20261122T144512-7f3a --check' },
    { text: 'Let it go', command: 'pitr commit 20261122T144512-7f3a' },
  ],
  run: ({ options, args }, io) =>
    withPlainSession(options, io, async (session) => {
      const [reference] = args;
      const wish: CommitWish = {
        inventories: options.inventory,
        otherMachines: options['other-machine'],
        extraVars: await readExtraVars(options, io),
        signal: session.interrupts.signal,
        masker: io.masker,
        askPassphrase: session.askPassphrase,
        tell: session.notice,
      };
      if (options.list) return listKept(wish, typedWords(options), session);
      if (reference === undefined) {
        throw usageError('run-missing', 'which run is to be committed?', {
          next: ['See what is kept: pitr commit --list'],
        });
      }
      const run = await readRun(reference);
      const limit = await readLimit(options.limit, io.cwd);
      const trust = options['trust-journal'];
      const underLock: CommitWords = { reference, site: typedWords(options), limit, trust };
      const without = withoutLock(options['without-lock'], run, commitAgain(underLock));
      const { runId } = run.started;
      const words: CommitWords = { ...underLock, withoutLock: without ? runId : undefined };
      const later = commitAgain({ ...underLock, limit: undefined });
      const again = commitAgain(words);
      const runs: JournalledRun[] = [];
      const others = await readOthers(run);
      for (const one of familyOf(run, others))
        runs.push(await believeJournal(one, { trust, again }, session, io));
      // Logs beside a server that is looked at still lie there for it.
      const waits = standsBeside(runs);
      const kept = keptBy(runs).filter(({ kind }) => !waits || kind === 'old file');
      const why = whyNotYet(runs, [...others, run]);
      if (why !== undefined) throw notYet(runs, why);
      const leftOut = await hostsLeftOut(runs, limit, wish.inventories);
      const held = heldUntilCommit(runs);
      const lockAway = without ? lockOf(runs)?.change.intent.host : undefined;
      const isLeftOut = ({ change: { intent } }: HeldChange): boolean =>
        leftOut.has(intent.host) || intent.host === lockAway;
      const stays = { kept: kept.filter(({ host }) => leftOut.has(host)), held: held.filter(isLeftOut) };
      const measured = await measureKept(
        { ...wish, runs, again },
        kept.filter((one) => !stays.kept.includes(one)),
      );
      const warn = (host: string, text: string): void => tellWarning(host, text, session);
      const left = measured.filter(({ bytes, error }) => bytes !== undefined || error !== undefined);
      if (left.length > 0) tellKept(runs, left, session);
      refuseUnmeasured(left, words);
      const nothingHere = left.length === 0 && held.every(isLeftOut);
      if (nothingHere && (stays.kept.length > 0 || stays.held.length > 0)) {
        session.print(['Nothing is kept on these hosts, and nothing was let go.']);
        tellStays(stays, later, session);
        return 0;
      }
      const wasCommitted = runs.some(({ committed }) => committed !== undefined);
      if (nothingHere && !(wasCommitted && leavesSomething(leftByCommit(runs)))) {
        session.print(['Nothing is kept any more.']);
        return 0;
      }
      // Somebody has removed the old data by hand, or moved it, or its volume is not mounted.
      if (left.length === 0 && measured.length > 0) session.print(notFound(measured));
      const prove = async () =>
        proveHealthy({
          ...wish,
          ...(await reachAgain(runs.at(-1) ?? run, wish)),
          leftOut,
          without: (hosts) => commitWithout(words, hosts),
          forks: DEFAULT_FORKS,
          progress: () => {},
        });
      const concerned = concernsPostgres(runs);
      if (concerned) tellHealthy(await prove(), session);
      else session.print(['', 'No PostgreSQL is concerned, so there is no cluster to be proved healthy.']);
      if (options.check) return 0;
      await askToRemove({ run, runs }, left, { yes: options.yes, again }, session, io);
      const error = await advised(
        commitRuns(
          {
            ...wish,
            runs,
            again,
            leftOut: new Set([...leftOut, ...(lockAway === undefined ? [] : [lockAway])]),
            withoutLock: without,
            lockless: commitAgain({ ...words, withoutLock: runId }),
            gone: measured.flatMap((one) => (left.includes(one) ? [] : [one.kept])),
            warn,
            report: (step) => tellStep(step, left, session),
            // The question may have waited for long.
            prove: async () => void (concerned && (await prove())),
          },
          left.map((one) => one.kept),
        ),
        { run, reference },
      );
      session.emit({ type: 'commit.finished', time: Date.now(), error });
      if (error === undefined) {
        const done = left.length === 0 ? 'what was held is let go' : `${formatBytes(total(left))} freed`;
        session.print(['', session.view.paint.ok(`Done: ${done}.`)]);
        tellStays(stays, later, session);
        return 0;
      }
      if (!session.json) session.tell(error);
      return exitCodeOf(error);
    }),
});

function notYet(runs: readonly JournalledRun[], why: string): PitrError {
  const last = runs.at(-1)?.started.runId ?? '';
  return new PitrError({
    kind: 'refused',
    code: 'not-to-be-committed',
    message: `the old data is not to be let go yet: ${why}`,
    state: 'nothing was removed',
    next: [`See how things stand: pitr runs ${last}`],
  });
}

/** Hosts that cannot be asked need not be waited for: all of them are named at once. */
function refuseUnmeasured(left: readonly Measured[], words: CommitWords): void {
  const errors = left.flatMap(({ error }) => (error === undefined ? [] : [error]));
  const [first] = errors;
  if (first === undefined) return;
  const gone = errors.flatMap(({ host, code }) =>
    host === undefined || code === 'host-unknown' ? [] : [host],
  );
  throw new PitrError({
    ...first,
    message: first.message,
    cause: first.cause,
    next: [
      ...first.next,
      `Or leave out what is gone; what it keeps stays: ${commitWithout(words, [...new Set(gone)])}`,
    ],
  });
}

function notFound(measured: readonly Measured[]): readonly string[] {
  return [
    'No old data is found where it was kept:',
    ...measured.map(({ kept }) => `  ${kept.host}: ${kept.path}`),
    'Where it was moved or its volume is not mounted, it stays; pitr forgets it with a commit.',
  ];
}

/** The word is the id that was typed: of all runs of the recovery, that is the one that the operator means. */
async function askToRemove(
  { run, runs }: Pick<Story, 'run' | 'runs'>,
  left: readonly Measured[],
  { yes, again }: { readonly yes: boolean; readonly again: string },
  session: PlainSession,
  io: Io,
): Promise<void> {
  const state = 'nothing was removed';
  const elsewhere = runs.flatMap((one) => atWorkElsewhere(one) ?? []);
  for (const words of elsewhere) session.print(['', ...wrapWords(words, session.view.columns())]);
  const text =
    left.length === 0
      ? 'Let go of what is held for this recovery, and close it? There is no way back from that.'
      : `Remove ${formatBytes(total(left))} of old data for good? There is no way back from that.`;
  await consent(
    askIn(session, io, yes),
    { text, word: run.started.runId, unanswered: state },
    {
      nobody: {
        kind: 'refused',
        code: 'nobody-to-ask',
        message: 'there is no terminal to ask whether the old data should be removed',
        details: elsewhere,
        state,
        next: [`If so: ${again} --yes`],
      },
      declined: {
        kind: 'interrupted',
        code: 'commit-declined',
        message: 'the id of the run was not typed',
        state,
      },
    },
  );
}
