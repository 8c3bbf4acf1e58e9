import type { UndoPlan } from '../lib/engine/back/undo-plan.ts';
import type { JournalledChange } from '../lib/engine/journal/read.ts';
import type { PlainSession } from './plain-session.ts';
import { changeWord } from './run-words.ts';
import { oneLine, plural, wrapWords } from './text.ts';

/** What an undo would take back, and what it would do for that, for a reader. */
export function planLines(
  { run, steps, shown, wall, behindWall, kept }: UndoPlan,
  session: PlainSession,
): string[] {
  const { paint } = session.view;
  const width = Math.max(0, ...run.changes.map(({ intent }) => intent.host.length));
  const line = (change: JournalledChange): string => {
    const { number, host, change: what } = change.intent;
    const half = changeWord(change) === 'done' ? '' : paint.changed(`  (${changeWord(change)})`);
    return `  ${String(number).padStart(4)}  ${oneLine(host).padEnd(width)}  ${oneLine(what.summary)}${half}`;
  };
  const step = (change: JournalledChange): string[] => [
    line(change),
    ...(shown.get(change.intent.number) ?? []).map((text) => paint.quiet(`        ${oneLine(text)}`)),
  ];
  const back = run.changes.filter(({ undone }) => undone).length;
  return [
    ...(back === 0 ? [] : [paint.quiet(`${plural(back, 'change')} of this run already taken back.`)]),
    ...(steps.length === 0
      ? [wall === undefined ? 'There is nothing to take back.' : 'Nothing newer can be taken back.']
      : [paint.strong('To be taken back, in this order:'), ...steps.flatMap(step)]),
    ...(steps.some(({ ended }) => ended === 'open')
      ? [
          '',
          ...wrapWords(
            'The run did not live to say how its last change ended: what it had started on that host may still be at work there. Look before you go on.',
            session.view.columns(),
          ).map(paint.changed),
        ]
      : []),
    ...(wall === undefined
      ? []
      : [
          '',
          paint.failed('This cannot be taken back:'),
          line(wall.change),
          ...wrapWords(oneLine(wall.why), session.view.columns(), '        '),
        ]),
    ...(behindWall.length === 0 ? [] : ['', 'It holds in its place what is older:', ...behindWall.map(line)]),
    ...(kept.length === 0 ? [] : ['', 'Stays as it is, as you said:', ...kept.map(line)]),
  ];
}

/** The same for `--output json`. */
export function planJson({ run, steps, shown, wall, behindWall, kept }: UndoPlan): unknown {
  const brief = ({ intent, ended }: JournalledChange) => ({
    number: intent.number,
    host: intent.host,
    module: intent.module,
    summary: intent.change.summary,
    ended,
  });
  return {
    type: 'undo.plan',
    run: run.started.runId,
    changes: steps.map((change) => ({ ...brief(change), does: shown.get(change.intent.number) })),
    wall:
      wall === undefined ? undefined : { ...brief(wall.change), why: wall.why, canBeKept: wall.canBeKept },
    behindWall: behindWall.map(brief),
    kept: kept.map(brief),
  };
}
