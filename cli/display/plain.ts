import type { PitrEvent } from '../../lib/engine/events/events.ts';
import type { Output } from '../io.ts';
import { duration, oneLine, plural, printable } from '../text.ts';
import { detailLines } from './details.ts';
import type { Display } from './display.ts';
import { endingLines } from './ending.ts';
import { summedLines, wentWell } from './many-hosts.ts';
import { OutputLines } from './output-lines.ts';
import { DryRunPlan } from './plan.ts';
import { RunView } from './run-view.ts';
import { areMany, type ViewSettings } from './settings.ts';
import { wayLines } from './way-lines.ts';
import { type HostResult, hostWord, statusPaint, statusWord } from './words.ts';

/** Progress of one task on one host is not told more often than this. */
const PROGRESS_MS = 5000;
/** When nothing was said for this long and something still runs, that is said. */
const SILENCE_MS = 30_000;
/** A task that took longer than this says how long. */
const WORTH_A_TIME_MS = 1000;

/**
 * For pipes, files and CI: lines that never change once they are written, each with its host, none of them needing
 * the one before to be understood.
 */
export class PlainDisplay implements Display {
  readonly #view = new RunView();
  readonly #plan = new DryRunPlan();
  readonly #outputs = new OutputLines();
  readonly #told = new Map<string, number>();
  readonly #output: Output;
  readonly #settings: ViewSettings;
  readonly #heartbeat: NodeJS.Timeout;
  #lastLine = Date.now();
  /** The play has so many hosts that what goes well on them is summed up. */
  #many = false;

  constructor(output: Output, settings: ViewSettings) {
    this.#output = output;
    this.#settings = settings;
    this.#heartbeat = setInterval(() => this.#signOfLife(), SILENCE_MS / 3).unref();
  }

  readonly read = (event: PitrEvent): void => {
    if (event.type === 'play.started') this.#many = areMany(event.hosts.length, this.#settings);
    const task = event.type === 'task.finished' ? this.#view.task(event.task) : undefined;
    this.#view.read(event);
    if (this.#view.mode === 'dry-run') this.#plan.read(event);
    else if (this.#many && task?.open === 0) {
      for (const line of summedLines(task, this.#view.mode, this.#settings)) this.#write(line);
    }
    for (const line of this.#lines(event)) this.#write(line);
  };

  notice(text: string): void {
    this.#write(text);
  }

  async pause(): Promise<void> {}

  resume(): void {}

  async close(): Promise<void> {
    clearInterval(this.#heartbeat);
  }

  #write(line: string): void {
    this.#lastLine = Date.now();
    this.#output.write(`${line}\n`);
  }

  #lines(event: PitrEvent): string[] {
    const { paint } = this.#settings;
    const dryRun = this.#view.mode === 'dry-run';
    switch (event.type) {
      case 'run.started':
        return [
          `${modeWord(this.#view.mode)} ${event.playbook} (run ${event.runId})`,
          ...resumedWords(event),
        ];
      case 'play.started':
        return dryRun ? [] : ['', paint.strong(`PLAY ${oneLine(event.play)} [${this.#hosts(event.hosts)}]`)];
      case 'play.skipped':
        return dryRun ? [] : ['', `PLAY ${oneLine(event.play)}: left out, ${oneLine(event.why)}`];
      case 'host.result':
        if (dryRun || (this.#many && wentWell(event))) return [];
        return [...this.#rest(event), ...this.#resultLines(event)];
      case 'host.item':
        return this.#settings.verbosity < 1
          ? []
          : [
              `  ${statusWord(event.status, this.#view.mode)}: [${event.host}] ${oneLine(event.task.name)}: ${oneLine(event.item)}`,
            ];
      case 'host.progress':
        return !this.#many && this.#seldom(`${event.task.id} ${event.host}`, event.time)
          ? [`...: [${event.host}] ${oneLine(event.task.name)}: ${oneLine(event.text)}`]
          : [];
      case 'host.retry':
        return this.#seldom(`${event.task.id} ${event.host}`, event.time)
          ? [
              `retry: [${event.host}] ${oneLine(event.task.name)}: ${oneLine(event.why)} (${event.attempt} of ${event.retries})`,
            ]
          : [];
      case 'host.output':
        return this.#settings.verbosity < 2 ? [] : this.#outputs.add(event);
      case 'warning': {
        const host = event.host === undefined ? '' : `[${event.host}] `;
        return [paint.changed(`warning: ${host}${oneLine(event.text)}`)];
      }
      case 'question.asked':
        return [
          `question: ${event.host === undefined ? '' : `[${event.host}] `}${oneLine(event.text)}`,
          ...event.details.flatMap((line) =>
            printable(line)
              .split('\n')
              .map((one) => `    ${one}`),
          ),
        ];
      case 'question.answered':
        return [answerWords(event)];
      case 'run.finished':
        clearInterval(this.#heartbeat);
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

  #hosts(hosts: readonly string[]): string {
    return this.#many ? `${hosts.length} hosts` : hosts.join(' ');
  }

  #rest(event: HostResult): string[] {
    return this.#settings.verbosity < 2 ? [] : this.#outputs.end(event.task.id, event.host);
  }

  #resultLines(event: HostResult): string[] {
    const word = statusPaint(event.status, this.#settings.paint)(statusWord(event.status, this.#view.mode));
    const took = event.durationMs >= WORTH_A_TIME_MS ? ` (${duration(event.durationMs)})` : '';
    return [
      `${word}: [${hostWord(event)}] ${oneLine(event.task.name)}${took}`,
      ...detailLines(event, this.#settings),
    ];
  }

  #seldom(key: string, time: number): boolean {
    if (time - (this.#told.get(key) ?? Number.NEGATIVE_INFINITY) < PROGRESS_MS) return false;
    this.#told.set(key, time);
    return true;
  }

  #signOfLife(): void {
    const now = Date.now();
    if (now - this.#lastLine < SILENCE_MS) return;
    for (const task of this.#view.active()) {
      const [oldest] = task.running.values();
      if (this.#many && oldest !== undefined) {
        const who = `${task.running.size} of ${task.hosts.length} hosts`;
        this.#write(`...: [${who}] ${oneLine(task.ref.name)}: still running after ${duration(now - oldest)}`);
        continue;
      }
      for (const [host, since] of task.running) {
        this.#write(`...: [${host}] ${oneLine(task.ref.name)}: still running after ${duration(now - since)}`);
      }
    }
  }
}

function modeWord(mode: RunView['mode']): string {
  return { run: 'RUN', check: 'CHECK', 'dry-run': 'DRY RUN' }[mode];
}

/** Who said what, and what a refusal for want of a terminal means. */
export function answerWords(event: Extract<PitrEvent, { type: 'question.answered' }>): string {
  if (event.by === 'nobody') return 'answer: no (there is no terminal to ask on; --yes would answer yes)';
  return `answer: ${event.answer} (${event.by === '--yes' ? 'by --yes' : 'by the operator'})`;
}

/** What a resumed run says first. */
export function resumedWords({
  doneBefore,
  changesBefore = 0,
}: Extract<PitrEvent, { type: 'run.started' }>): string[] {
  if (doneBefore === undefined) return [];
  if (doneBefore === 0 && changesBefore > 0)
    return [
      `Resumed: ${plural(changesBefore, 'change')} from before ${changesBefore === 1 ? 'stands' : 'stand'}.`,
    ];
  if (doneBefore === 0)
    return ['Resumed: nothing that counts was done before, so it starts from its beginning.'];
  return [`Resumed: ${plural(doneBefore, 'result')} of tasks from before stand and are not told again.`];
}
