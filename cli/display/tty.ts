import type { PitrEvent } from '../../lib/engine/events/events.ts';
import type { Output } from '../io.ts';
import { oneLine, wrapWords } from '../text.ts';
import type { Display } from './display.ts';
import { endingLines } from './ending.ts';
import { finishedTaskLines } from './finished-task.ts';
import { LiveArea } from './live-area.ts';
import { liveRows } from './live-rows.ts';
import { OutputLines } from './output-lines.ts';
import { answerWords, resumedWords } from './plain.ts';
import { DryRunPlan } from './plan.ts';
import { RunView } from './run-view.ts';
import type { ViewSettings } from './settings.ts';
import { wayLines } from './way-lines.ts';

const MOST_ROWS = 6;
const MOST_HOSTS = 8;

/**
 * For a person at a terminal: what is done scrolls up and stays, one line a task; what runs now is redrawn at the
 * bottom. A task that is over quickly is never drawn, only told.
 */
export class TtyDisplay implements Display {
  readonly #view = new RunView();
  readonly #plan = new DryRunPlan();
  readonly #outputs = new OutputLines();
  readonly #settings: ViewSettings;
  readonly #area: LiveArea;
  #question = '';

  constructor(output: Output & { readonly rows?: number | undefined }, settings: ViewSettings) {
    this.#settings = settings;
    // a third of the window at most, so that what was told stays in sight
    const slots = Math.max(1, Math.min(MOST_ROWS, Math.floor((output.rows ?? 24) / 6)));
    this.#area = new LiveArea({
      output,
      slots,
      spinner: settings.marks.running,
      rows: () => liveRows(this.#view.active(), slots, Date.now(), settings),
    });
  }

  readonly read = (event: PitrEvent): void => {
    const lines = this.#lines(event);
    this.#view.read(event);
    if (this.#view.mode === 'dry-run') this.#plan.read(event);
    this.#area.print(lines);
    if (event.type === 'task.started' && this.#view.mode !== 'dry-run') this.#area.refresh();
  };

  notice(text: string): void {
    const { paint, marks } = this.#settings;
    this.#area.print(this.#wrapped(text, marks.warning).map((line) => paint.changed(line)));
  }

  pause(): Promise<void> {
    return this.#area.pause();
  }

  resume(): void {
    this.#area.resume();
  }

  close(): Promise<void> {
    return this.#area.close();
  }

  /** What an event adds to what stays on the screen; the view still knows the state before it. */
  #lines(event: PitrEvent): string[] {
    const { paint, marks } = this.#settings;
    const dryRun = this.#view.mode === 'dry-run';
    switch (event.type) {
      case 'run.started':
        return [
          paint.quiet(`${startWord(event.mode)}${event.playbook}  run ${event.runId}`),
          ...resumedWords(event),
        ];
      case 'play.started': {
        if (dryRun) return [];
        const hosts = event.hosts.length > MOST_HOSTS ? `${event.hosts.length} hosts` : event.hosts.join(' ');
        const [first = '', ...rest] = wrapWords(oneLine(event.play), this.#settings.columns());
        const title = [first, ...rest].map((line) => paint.strong(line));
        const last = rest.at(-1) ?? first;
        return last.length + 2 + hosts.length <= this.#settings.columns()
          ? ['', ...title.slice(0, -1), `${title.at(-1) ?? ''}  ${paint.quiet(hosts)}`]
          : ['', ...title, `  ${paint.quiet(hosts)}`];
      }
      case 'play.skipped':
        return dryRun
          ? []
          : ['', ...this.#wrapped(`${oneLine(event.play)}: left out, ${oneLine(event.why)}`, marks.skipped)];
      case 'task.finished': {
        const task = this.#view.task(event.task);
        if (dryRun || task === undefined || task.open > 1 || task.results.size === 0) return [];
        return finishedTaskLines(task, this.#view.mode, this.#settings);
      }
      case 'host.output':
        return this.#settings.verbosity < 2 ? [] : this.#outputs.add(event);
      case 'host.result':
        return this.#settings.verbosity < 2 ? [] : this.#outputs.end(event.task.id, event.host);
      case 'warning': {
        const host = event.host === undefined ? '' : `${event.host}: `;
        return this.#wrapped(host + oneLine(event.text), marks.warning).map((line) => paint.changed(line));
      }
      case 'question.asked':
        this.#question = event.text;
        return [];
      case 'question.answered':
        // what a person was asked and typed is on the screen already
        if (event.by === 'operator') return [];
        return [
          ...this.#wrapped(oneLine(this.#question), marks.question),
          paint.quiet(`  ${answerWords(event)}`),
        ];
      case 'run.finished':
        return [
          ...(dryRun ? this.#plan.lines(this.#settings) : []),
          ...endingLines(event, this.#view.story, this.#settings),
        ];
      case 'run.ways':
        return wayLines(event.ways, this.#settings);
      default:
        return [];
    }
  }

  #wrapped(text: string, mark: string): string[] {
    const [first = '', ...rest] = wrapWords(text, this.#settings.columns(), '  ');
    return [`${mark} ${first.trimStart()}`, ...rest];
  }
}

function startWord(mode: RunView['mode']): string {
  return { run: '', check: 'Check of ', 'dry-run': 'Dry run of ' }[mode];
}
