import type { PitrEvent } from '../../lib/engine/events/events.ts';
import { oneLine, plural, wrapWords } from '../text.ts';
import { detailLines } from './details.ts';
import type { ViewSettings } from './settings.ts';
import { type HostResult, hostWord } from './words.ts';

interface PlannedStep {
  readonly play: string;
  readonly handler: boolean;
  readonly result: HostResult;
}

/** Gathers a dry run's results and lays the plan out host by host, in the order in which things would happen. */
export class DryRunPlan {
  readonly #steps = new Map<string, PlannedStep[]>();
  readonly #skippedPlays: string[] = [];
  #play = '';
  #handlers = new Set<string>();

  read(event: PitrEvent): void {
    if (event.type === 'play.started') this.#play = event.play;
    if (event.type === 'play.skipped') this.#skippedPlays.push(`${event.play}: ${event.why}`);
    if (event.type === 'task.started' && event.handler) this.#handlers.add(event.task.id);
    if (event.type !== 'host.result') return;
    const steps = this.#steps.get(event.host) ?? [];
    steps.push({ play: this.#play, handler: this.#handlers.has(event.task.id), result: event });
    this.#steps.set(event.host, steps);
  }

  lines(settings: ViewSettings): string[] {
    const lines: string[] = [];
    for (const [host, steps] of this.#steps) {
      const taken = steps.filter(({ result }) => result.status !== 'skipped');
      lines.push('', settings.paint.strong(`PLAN for ${host}: ${plural(taken.length, 'step')}`));
      let play: string | undefined;
      let number = 0;
      for (const step of steps) {
        if (step.play !== play) lines.push(`  ${oneLine(step.play)}`);
        play = step.play;
        const skipped = step.result.status === 'skipped';
        lines.push(...stepLines(step, skipped ? '-' : String(++number), settings));
      }
    }
    if (this.#skippedPlays.length > 0) lines.push('', 'Plays that are left out:');
    for (const play of this.#skippedPlays) lines.push(...wrapWords(oneLine(play), settings.columns(), '  '));
    return lines;
  }
}

function stepLines({ result, handler }: PlannedStep, number: string, settings: ViewSettings): string[] {
  const margin = ' '.repeat(8);
  const notes = [
    ...(handler ? ['handler'] : []),
    ...(result.status === 'skipped' ? ['skipped'] : []),
    ...(hostWord(result) === result.host ? [] : [hostWord(result)]),
  ];
  const note = notes.length === 0 ? '' : `  (${notes.join(', ')})`;
  const head = `  ${number.padStart(4)}  ${oneLine(result.task.name)}${note}`;
  return [
    result.status === 'skipped' ? settings.paint.quiet(head) : head,
    ...detailLines(result, settings).flatMap((line) =>
      line.length + 4 <= settings.columns()
        ? [`    ${line}`]
        : wrapWords(line.trim(), settings.columns(), margin),
    ),
  ];
}
