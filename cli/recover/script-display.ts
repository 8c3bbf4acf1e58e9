import type { PitrEvent } from '../../lib/engine/events/events.ts';
import { detailLines } from '../display/details.ts';
import type { Display } from '../display/display.ts';
import { endingLines } from '../display/ending.ts';
import { LiveArea } from '../display/live-area.ts';
import { liveRows } from '../display/live-rows.ts';
import { answerWords } from '../display/plain.ts';
import { RunView } from '../display/run-view.ts';
import type { ViewSettings } from '../display/settings.ts';
import { wayLines } from '../display/way-lines.ts';
import { type HostResult, hostWord, statusPaint, statusWord } from '../display/words.ts';
import type { Output } from '../io.ts';
import { oneLine, printable, wrapLaidOut, wrapWords } from '../text.ts';
import type { ScriptLine, ScriptSteps } from './script-steps.ts';

const PROGRESS_MS = 5000;
const ROWS = 3;
const RULE = '='.repeat(40);

/** `===` above and below a title, as the script drew it. */
export function banner(title: string): readonly string[] {
  return [RULE, `  ${title}`, RULE];
}

/**
 * A recovery for those who know the script: its steps and words, lines that never change once written. On a terminal
 * what runs now is redrawn at the bottom; elsewhere progress is a line now and then. Warnings, questions, failures and
 * the end are told as everywhere.
 */
export class ScriptDisplay implements Display {
  readonly #view = new RunView();
  readonly #steps: ScriptSteps;
  readonly #settings: ViewSettings;
  readonly #area: LiveArea | undefined;
  readonly #output: Output;
  readonly #toldAt = new Map<string, number>();
  readonly #warned = new Map<string, { readonly task: string | undefined; readonly hosts: Set<string> }>();
  #question: readonly string[] = [];

  constructor(output: Output, settings: ViewSettings, steps: ScriptSteps, live: boolean) {
    this.#output = output;
    this.#settings = settings;
    this.#steps = steps;
    this.#area = live
      ? new LiveArea({
          output,
          slots: ROWS,
          spinner: settings.marks.running,
          rows: () => liveRows(this.#view.active(), ROWS, Date.now(), settings),
        })
      : undefined;
  }

  readonly read = (event: PitrEvent): void => {
    const lines = this.#lines(event);
    this.#view.read(event);
    this.#print(lines);
    if (event.type === 'task.started') this.#area?.refresh();
  };

  notice(text: string): void {
    this.#print(wrapWords(text, this.#settings.columns()).map(this.#settings.paint.changed));
  }

  async pause(): Promise<void> {
    await this.#area?.pause();
  }

  resume(): void {
    this.#area?.resume();
  }

  async close(): Promise<void> {
    await this.#area?.close();
  }

  #print(lines: readonly string[]): void {
    if (lines.length === 0) return;
    if (this.#area === undefined) this.#output.write(`${lines.join('\n')}\n`);
    else this.#area.print(lines);
  }

  #lines(event: PitrEvent): readonly string[] {
    const { paint } = this.#settings;
    const told = this.#steps.lines(event);
    switch (event.type) {
      case 'run.started':
        return [paint.quiet(`run ${event.runId}`)];
      case 'task.started':
        return this.#drawn(told ?? []);
      case 'host.result':
        return told === undefined || event.status === 'failed' || event.status === 'unreachable'
          ? this.#resultLines(event)
          : this.#drawn(told);
      case 'host.progress':
        return this.#area === undefined && this.#seldom(`${event.task.id} ${event.host}`, event.time)
          ? [`  ${event.host}: ${oneLine(event.text)}`]
          : [];
      case 'warning':
        if (this.#wasWarned(event)) return [];
        return wrapWords(
          `⚠ WARNING: ${event.host === undefined ? '' : `${event.host}: `}${oneLine(event.text)}`,
          this.#settings.columns(),
        ).map(paint.changed);
      case 'question.asked':
        this.#question = [oneLine(event.text), ...event.details.flatMap(indented)];
        return [];
      case 'question.answered':
        return event.by === 'operator' ? [] : [...this.#question, `  ${answerWords(event)}`];
      case 'run.finished':
        return endingLines(event, this.#view.story, this.#settings);
      case 'run.ways':
        return wayLines(event.ways, this.#settings);
      default:
        return [];
    }
  }

  /** What a later task looks at once more is warned of once; what one task says of several hosts, of each. */
  #wasWarned({ text, host = '', task }: Extract<PitrEvent, { type: 'warning' }>): boolean {
    const told = this.#warned.get(text);
    if (told === undefined) {
      this.#warned.set(text, { task: task?.id, hosts: new Set([host]) });
      return false;
    }
    if (told.task !== task?.id || told.hosts.has(host)) return true;
    told.hosts.add(host);
    return false;
  }

  /** What no step of the script stands for: changes, failures and messages; nothing for looks that found nothing wrong. */
  #resultLines(event: HostResult): readonly string[] {
    const details = detailLines(event, this.#settings).flatMap((line) => this.#wrapped(line));
    if (event.status === 'skipped' || event.status === 'unknown') return [];
    if (event.status === 'ok')
      return event.message === undefined ? [] : ['', ...details.map((line) => line.slice(4))];
    const word = statusPaint(event.status, this.#settings.paint)(statusWord(event.status, 'run'));
    return [`${word}: [${hostWord(event)}] ${oneLine(event.task.name)}`, ...details];
  }

  /** Sentences are wrapped; commands and paths stay whole, to be copied. */
  #wrapped(line: string): readonly string[] {
    return /[.)]$/.test(line) ? wrapLaidOut(line, this.#settings.columns()) : [line];
  }

  #drawn(lines: readonly ScriptLine[]): readonly string[] {
    const { paint, marks } = this.#settings;
    const tick = marks.ok === '+' ? '+' : '✓';
    return lines.flatMap(({ kind, text }) => {
      if (kind === 'heading') return ['', paint.strong(text)];
      return kind === 'done' ? [paint.ok(`${tick} ${text}`)] : [text];
    });
  }

  #seldom(key: string, time: number): boolean {
    if (time - (this.#toldAt.get(key) ?? Number.NEGATIVE_INFINITY) < PROGRESS_MS) return false;
    this.#toldAt.set(key, time);
    return true;
  }
}

function indented(text: string): readonly string[] {
  return printable(text)
    .split('\n')
    .map((line) => `  ${line}`);
}
