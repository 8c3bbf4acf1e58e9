import { PitrError } from '../../lib/base/errors/pitr-error.ts';
import { atWorkElsewhere, refuseWhileAtWork } from '../../lib/engine/back/refuse-at-work.ts';
import { readStory, refuseClosed, type Story } from '../../lib/engine/back/story.ts';
import { type UndoOutcome, type UndoStep, undoRun } from '../../lib/engine/back/undo.ts';
import { planUndo, type UndoPlan, type Wall, type WayAround } from '../../lib/engine/back/undo-plan.ts';
import type { JournalledChange } from '../../lib/engine/journal/read.ts';
import { commandLine } from '../../lib/transport/quote.ts';
import { BELIEVE_OPTION, believeJournal } from '../believe-journal.ts';
import { defineCommand } from '../command.ts';
import { OUTPUT_OPTIONS, RUN_ARGUMENT, RUN_OPTIONS, typedWords } from '../common-options.ts';
import { consent } from '../consent.ts';
import { exitCodeOf } from '../display/error-text.ts';
import type { Paint } from '../display/paint.ts';
import { readExtraVars } from '../extra-vars.ts';
import { firstChange } from '../first-change.ts';
import type { Io } from '../io.ts';
import { advised } from '../lock-advice.ts';
import { askIn, type PlainSession, withPlainSession } from '../plain-session.ts';
import { oneLine, plural, wrapWords } from '../text.ts';
import { planJson, planLines } from '../undo-plan-view.ts';
import { changeNumber, commaList } from '../values.ts';
import { aroundInWords, waysElse, waysInLine, waysOn } from '../ways.ts';
import { withoutLock } from '../without-lock.ts';

export const undo = defineCommand({
  name: 'undo',
  summary: 'Take the changes of a run back, newest first',
  description: [
    'Shows what would be taken back and what cannot be, asks, and takes the changes back, the newest first, from the journal of the run alone: days later, from another directory or machine, also where the run failed, was interrupted or killed. What was only half made is taken back, too. What somebody else has changed since is left alone, with words.',
    'It can be repeated: what was taken back is not taken back twice. A change that cannot be taken back holds everything older in its place; then nothing is done unless you say how far (--from) or that it may stay (--keep).',
  ],
  arguments: [{ ...RUN_ARGUMENT, required: true }],
  options: {
    check: { text: 'Show what would be taken back, and take nothing back.' },
    from: { value: 'n', text: 'Take back only change n and what is newer.' },
    to: {
      value: 'task',
      text: 'Take back only what this task changed and what is newer: its name, as the run showed it.',
    },
    keep: {
      value: 'n',
      repeat: true,
      text: 'Leave change n as it is, and take back what is older all the same.',
    },
    'without-lock': {
      value: 'run',
      text: 'Take back without the lock, where its host is gone: the id of the run once more. Nothing keeps other runs out (docs/lock.md).',
    },
    yes: { short: 'y', text: 'Do not ask.' },
    ...BELIEVE_OPTION,
    ...RUN_OPTIONS,
    ...OUTPUT_OPTIONS,
  },
  examples: [
    { text: 'What would be taken back?', command: 'pitr undo 20261122T144512-7f3a --check' },
    { text: 'Take it back', command: 'pitr undo 20261122T144512-7f3a' },
    {
      text: 'Only the newest changes, without a question',
      command: 'pitr undo 20261122T144512-7f3a --from 7 --yes',
    },
    {
      text: 'Back to before a task, named as the run showed it',
      command: "pitr undo 20261122T144512-7f3a --to 'Take the node out of the cluster'",
    },
    {
      text: 'On another machine, from a copy of the journal',
      command: 'pitr undo ./journal.jsonl -i inventory/production.yml',
    },
  ],
  run: ({ options, args }, io) =>
    withPlainSession(options, io, async (session) => {
      const reference = args[0] ?? '';
      const read = await readStory(reference);
      const { run } = read;
      const keep = commaList('--keep', options.keep).map((one) => changeNumber('--keep', one));
      const trust = options['trust-journal'];
      const site = typedWords(options);
      const all: Typed = {
        reference,
        site,
        from: undefined,
        keep,
        trust,
        withoutLock: options['without-lock'],
      };
      const from = firstChange(run, {
        ...{ from: options.from, to: options.to, reference },
        again: (first) => again({ ...all, from: first }),
      });
      const bare: Typed = { ...all, from, withoutLock: undefined };
      const without = withoutLock(options['without-lock'], run, again(bare));
      const typed: Typed = { ...bare, withoutLock: without ? run.started.runId : undefined };
      refuseWhileAtWork(run, again(typed));
      if (read.closed !== undefined) refuseClosed(read, waysInLine(waysOn(await planUndo(read), reference)));
      const plan = await shownPlan(read, typed, options.check, session, io);
      if (plan.wall !== undefined) throw behindWall(plan, plan.wall, typed);
      if (plan.steps.length === 0 || options.check) return 0;
      const extraVars = await readExtraVars(options, io);
      await askToTakeBack(plan, typed, options.yes, session, io);
      session.print(['']);
      const outcome = await advised(
        undoRun({
          plan,
          again: again(typed),
          inventories: options.inventory,
          otherMachines: options['other-machine'],
          extraVars,
          signal: session.interrupts.signal,
          masker: io.masker,
          askPassphrase: session.askPassphrase,
          tell: session.notice,
          report: (step) => tellStep(step, session),
        }),
        { run, reference },
      );
      tellOutcome(outcome, session);
      return outcome.error === undefined ? 0 : exitCodeOf(outcome.error);
    }),
});

/**
 * The plan, shown. What a journal that is not this controller's own says is shown before it is believed, and what the
 * author's own modules of that run would do only after it.
 */
async function shownPlan(
  story: Story,
  typed: Typed,
  check: boolean,
  session: PlainSession,
  io: Io,
): Promise<UndoPlan> {
  const { from, keep, trust } = typed;
  const wish = { from, keep, withoutLock: typed.withoutLock !== undefined };
  const first = await planUndo(story, wish);
  session.emit(planJson(first));
  session.print(planLines(first, session));
  if (check || story.run.believed) return first;
  const run = await believeJournal(story.run, { trust, again: again(typed) }, session, io);
  const plan = await planUndo({ ...story, run }, wish);
  if (plan.steps.length !== first.steps.length) {
    session.emit(planJson(plan));
    session.print(['', ...planLines(plan, session)]);
  }
  return plan;
}

/** What of the command line has to be typed again to go on. */
interface Typed {
  readonly reference: string;
  readonly site: readonly string[];
  readonly from: number | undefined;
  readonly keep: readonly number[];
  readonly trust: boolean;
  /** The id of the run, where it was typed once more. */
  readonly withoutLock: string | undefined;
}

function again({ reference, site, from, keep, trust, withoutLock }: Typed): string {
  return commandLine([
    'pitr',
    'undo',
    reference,
    ...site,
    ...(from === undefined ? [] : ['--from', String(from)]),
    ...(keep.length === 0 ? [] : ['--keep', keep.join(',')]),
    ...(trust ? ['--trust-journal'] : []),
    ...(withoutLock === undefined ? [] : ['--without-lock', withoutLock]),
  ]);
}

function behindWall(plan: UndoPlan, wall: Wall, typed: Typed): PitrError {
  const { steps, wayAround } = plan;
  const { change, why } = wall;
  const { number, host } = change.intent;
  const oldest = steps.at(-1)?.intent.number;
  return new PitrError({
    kind: 'refused',
    code: 'cannot-undo',
    message: `change ${number}, "${change.intent.change.summary}", cannot be taken back, and so nothing older can`,
    details: [why],
    host,
    state: 'nothing was taken back',
    next: [
      ...(oldest === undefined
        ? []
        : [
            `Take back only what is newer (${plural(steps.length, 'change')}): ${again({ ...typed, from: oldest })}`,
          ]),
      ...(wayAround === undefined
        ? [
            ...waysInLine(waysElse(plan, typed.reference)),
            `See every change, and how the run stands: ${commandLine(['pitr', 'runs', typed.reference])}`,
          ]
        : [goAround(wayAround, typed)]),
    ],
  });
}

function goAround(way: WayAround, typed: Typed): string {
  const { stays, goes } = aroundInWords(way);
  const command = again({
    ...typed,
    from: way.from ?? typed.from,
    keep: [...typed.keep, ...way.keep],
  });
  return `Leave ${stays} and take back ${goes}: ${command}`;
}

async function askToTakeBack(
  plan: UndoPlan,
  typed: Typed,
  yes: boolean,
  session: PlainSession,
  io: Io,
): Promise<void> {
  const elsewhere = atWorkElsewhere(plan.run);
  if (elsewhere !== undefined) session.print(['', ...wrapWords(elsewhere, session.view.columns())]);
  const count = plural(plan.steps.length, 'change');
  const state = 'nothing was taken back';
  const text = `Take ${count} of run ${plan.run.started.runId} back?`;
  await consent(
    askIn(session, io, yes),
    { text, unanswered: state },
    {
      nobody: {
        kind: 'refused',
        code: 'nobody-to-ask',
        message: `there is no terminal to ask whether ${count} should be taken back`,
        state,
        next: [`If so: ${again(typed)} --yes`],
      },
      declined: { kind: 'interrupted', code: 'undo-declined', message: 'you said no', state },
    },
  );
}

function tellStep(step: UndoStep, session: PlainSession): void {
  session.emit({ type: 'undo.change', time: Date.now(), ...step });
  session.print([stepLine(step, session.view.paint)]);
}

function stepLine({ number, host, summary, status, text = '' }: UndoStep, paint: Paint): string {
  const where = `${String(number).padStart(4)}  [${host}]`;
  switch (status) {
    case 'undoing':
      return `${where} taking back: ${oneLine(summary)}`;
    case 'progress':
      return paint.quiet(`      ${oneLine(text)}`);
    case 'warning':
      return paint.changed(`      warning: ${oneLine(text)}`);
    case 'undone':
      return paint.ok(`${where} taken back`);
  }
}

function tellOutcome({ status, undone, left, error }: UndoOutcome, session: PlainSession): void {
  const numbers = (changes: readonly JournalledChange[]): number[] =>
    changes.map(({ intent }) => intent.number);
  session.emit({
    type: 'undo.finished',
    time: Date.now(),
    status,
    undone: numbers(undone),
    left: numbers(left),
    error,
  });
  if (error === undefined) {
    session.print(['', session.view.paint.ok(`Done: ${plural(undone.length, 'change')} taken back.`)]);
  } else if (!session.json) {
    session.tell(error);
  }
}
