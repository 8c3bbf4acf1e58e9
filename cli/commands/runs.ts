import { basename } from 'node:path';
import { readStory } from '../../lib/engine/back/story.ts';
import { planUndo, type UndoPlan } from '../../lib/engine/back/undo-plan.ts';
import {
  type JournalledChange,
  type JournalledRun,
  listRuns,
  type ReadRun,
  readRuns,
} from '../../lib/engine/journal/read.ts';
import { runStatus, undoStatus } from '../../lib/engine/journal/status.ts';
import { defineCommand } from '../command.ts';
import { OUTPUT_OPTIONS } from '../common-options.ts';
import { errorText } from '../display/error-text.ts';
import { wayLines } from '../display/way-lines.ts';
import type { Io } from '../io.ts';
import { type PlainSession, withPlainSession } from '../plain-session.ts';
import { changePaint, changeWord, playbookName, statusPaint, statusSentence, when } from '../run-words.ts';
import { type Column, table } from '../table.ts';
import { oneLine, plural, wrapWords } from '../text.ts';
import { waysOn } from '../ways.ts';

const SHOWN = 20;

export const runs = defineCommand({
  name: 'runs',
  summary: 'What runs did, what state things are in, and what can be done now',
  description: [
    'Without an argument: the runs that are kept on this machine, newest first. With a run: its changes in order, what stands of them, and the commands that go on from there. Nothing is asked of any host: this is what the journal says.',
    'Runs are kept in $PITR_STATE_DIR, else in $XDG_STATE_HOME/pitr, else in ~/.local/state/pitr. Checks (--check, --dry-run) change nothing and are not kept.',
  ],
  arguments: [
    { name: 'run', text: 'id of a run, or path of its journal or directory, copied from anywhere' },
  ],
  options: {
    all: { text: `All runs, not only the last ${SHOWN}.` },
    ...OUTPUT_OPTIONS,
  },
  examples: [
    { text: 'The last runs', command: 'pitr runs' },
    { text: 'One of them', command: 'pitr runs 20261122T144512-7f3a' },
    {
      text: 'From the journal of another machine',
      command: 'pitr runs /tmp/20261122T144512-7f3a/journal.jsonl',
    },
    { text: 'For a script', command: 'pitr runs 20261122T144512-7f3a --output json' },
  ],
  run: ({ options, args }, io) =>
    withPlainSession(options, io, async (session) => {
      const [reference] = args;
      if (reference === undefined) await tellAll(options.all, session, io);
      else await tellOne(reference, session, io);
      return 0;
    }),
});

async function tellAll(all: boolean, session: PlainSession, io: Io): Promise<void> {
  const ids = [...(await listRuns())].reverse();
  const shown = all ? ids : ids.slice(0, SHOWN);
  const listed = await readRuns(shown);
  for (const one of listed) {
    session.emit(
      one.run === undefined
        ? { type: 'run', id: one.reference, status: 'unreadable', error: one.error }
        : runJson(one.run),
    );
  }
  if (listed.length === 0) {
    session.print(['No runs are kept here.']);
    return;
  }
  const lines = table(columns(io.cwd), listed);
  const { paint } = session.view;
  session.print([
    ...lines.map((line, index) => {
      const one = listed[index - 1];
      if (one === undefined) return paint.strong(line);
      const status = one.run === undefined ? 'died' : runStatus(one.run);
      return status === 'ok' ? line : statusPaint(status, paint)(line);
    }),
    ...(shown.length < ids.length
      ? ['', paint.quiet(`${plural(ids.length - shown.length, 'older run')}: pitr runs --all`)]
      : []),
  ]);
}

function columns(cwd: string): readonly Column<ReadRun>[] {
  const count = (one: ReadRun, pick: (changes: readonly JournalledChange[]) => number): string =>
    one.run === undefined ? '-' : String(pick(one.run.changes));
  return [
    { title: 'RUN', value: ({ reference }) => reference },
    { title: 'STARTED (UTC)', value: ({ run }) => (run === undefined ? '-' : when(run.started.time)) },
    { title: 'STATUS', value: ({ run }) => (run === undefined ? 'unreadable' : runStatus(run)) },
    { title: 'CHANGES', value: (one) => count(one, (changes) => changes.length), align: 'right' },
    {
      title: 'UNDONE',
      value: (one) => count(one, (changes) => changes.filter(({ undone }) => undone).length),
      align: 'right',
    },
    {
      title: 'PLAYBOOK',
      value: ({ run, error }) =>
        run === undefined ? oneLine(error.message) : shortName(playbookName(run.started.playbook, cwd)),
    },
  ];
}

/** A playbook from afar by its file name: the whole path stands in `pitr runs <run>`. */
function shortName(name: string): string {
  return name.length > 24 ? `.../${basename(name)}` : name;
}

async function tellOne(reference: string, session: PlainSession, io: Io): Promise<void> {
  const story = await readStory(reference);
  const { run } = story;
  const plan = await planUndo(story);
  const ways = waysOn(plan, reference);
  session.emit(runJson(run));
  for (const change of run.changes) session.emit(changeJson(change));
  session.emit({ type: 'run.ways', ways });
  session.print(runLines(run, session, io.cwd));
  session.print(stateLines(plan, session));
  session.print(wayLines(ways, session.view));
}

function runLines(run: JournalledRun, { view }: PlainSession, cwd: string): string[] {
  const { started, finished } = run;
  const { paint } = view;
  const wrap = (text: string): string[] => wrapWords(oneLine(text), view.columns());
  const changes = table<JournalledChange>(
    [
      { title: '#', value: ({ intent }) => String(intent.number), align: 'right' },
      { title: 'HOST', value: ({ intent }) => intent.host },
      { title: 'STATE', value: changeWord },
      { title: 'CHANGE', value: ({ intent }) => oneLine(intent.change.summary) },
    ],
    run.changes,
  );
  return [
    `${paint.strong(`Run ${oneLine(started.runId)}`)}: ${oneLine(`${playbookName(started.playbook, cwd)}, started ${when(started.time)} UTC by ${started.operator}`)}`,
    ...wrap(statusSentence(run)).map(statusPaint(runStatus(run), paint)),
    ...(run.origin.own
      ? []
      : wrap(`Its journal is not this controller's own, unchanged: ${run.origin.why}.`).map(paint.unknown)),
    ...(finished?.error === undefined
      ? []
      : ['', ...errorText(finished.error, { ...view, columns: view.columns() })]),
    '',
    ...(run.changes.length === 0
      ? ['It changed nothing.']
      : changes.map((line, index) => {
          const change = run.changes[index - 1];
          return change === undefined ? paint.strong(line) : changePaint(change, paint)(line);
        })),
    ...run.notRun.map(
      ({ host, handlers }) =>
        `\nNotified on ${oneLine(host)} and not run: ${handlers.map(oneLine).join(', ')}`,
    ),
  ];
}

/** What stands, and how far an undo came. */
function stateLines({ run }: UndoPlan, { view }: PlainSession): string[] {
  if (run.changes.length === 0) return [];
  const count = (pick: (change: JournalledChange) => boolean): number => run.changes.filter(pick).length;
  const standing = count((change) => changeWord(change) === 'done');
  const half = count((change) => ['failed', 'half made?'].includes(changeWord(change)));
  const halfBack = count(({ halfUndone }) => halfUndone);
  const back = count(({ undone }) => undone);
  const words = [
    `${plural(standing, 'change')} in place`,
    ...(half === 0 ? [] : [`${half} perhaps half made`]),
    ...(halfBack === 0 ? [] : [`${halfBack} perhaps half taken back`]),
    ...(back === 0 ? [] : [`${back} taken back`]),
  ];
  const undo = undoStatus(run);
  const last = undo === undefined || undo === 'ok' ? [] : [`The last pitr undo: ${undo}${reasonOf(run)}.`];
  return ['', ...[`${words.join(', ')}.`, ...last].flatMap((text) => wrapWords(text, view.columns()))];
}

function reasonOf({ undo }: JournalledRun): string {
  const message = undo?.finished?.error?.message;
  return message === undefined ? '' : ` (${oneLine(message)})`;
}

function runJson(run: JournalledRun): unknown {
  const { started, begun, finished, changes } = run;
  return {
    type: 'run',
    id: started.runId,
    time: started.time,
    status: runStatus(run),
    playbook: started.playbook,
    inventories: run.inventories,
    operator: started.operator,
    pid: begun.pid,
    resumed: run.resumed,
    journal: run.path,
    ...(run.origin.own ? {} : { notOurs: run.origin.why }),
    lastTask: run.lastTask,
    changes: changes.length,
    undone: changes.filter(({ undone }) => undone).length,
    undo: undoStatus(run),
    error: finished?.error,
  };
}

function changeJson(change: JournalledChange): unknown {
  const { intent, ended, notBegun, undone, halfUndone, madeWholeBy, error } = change;
  return {
    type: 'run.change',
    number: intent.number,
    time: intent.time,
    host: intent.host,
    module: intent.module,
    summary: intent.change.summary,
    ended,
    ...(notBegun ? { notBegun } : {}),
    undone,
    ...(halfUndone ? { halfUndone } : {}),
    ...(madeWholeBy === undefined ? {} : { madeWholeBy }),
    undoable: intent.undoable,
    error,
  };
}
