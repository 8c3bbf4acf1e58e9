import type { PitrEvent, RunMode, TaskRef } from '../../lib/engine/events/events.ts';
import type { RunStory } from './ending.ts';
import type { HostResult } from './words.ts';

/** A task that has started: where it runs, how far it is, what has come out. */
export interface TaskView {
  readonly ref: TaskRef;
  readonly handler: boolean;
  hosts: readonly string[];
  /** With the strategy `free` hosts start a task one by one: how many starts have not finished. */
  open: number;
  readonly startedAt: number;
  /** Hosts at work, and since when. */
  readonly running: Map<string, number>;
  /** The latest word of each host at work. */
  readonly progress: Map<string, string>;
  readonly results: Map<string, HostResult>;
}

/** What a reader for people has to remember of the events so far. */
export class RunView {
  mode: RunMode = 'run';
  playbook = '';
  readonly failures: HostResult[] = [];
  readonly #tasks = new Map<string, TaskView>();

  get story(): RunStory {
    const { mode, playbook, failures } = this;
    return { mode, playbook, failures };
  }

  /** Tasks that have not finished, oldest first. */
  active(): readonly TaskView[] {
    return [...this.#tasks.values()];
  }

  task(ref: TaskRef): TaskView | undefined {
    return this.#tasks.get(ref.id);
  }

  read(event: PitrEvent): void {
    switch (event.type) {
      case 'run.started':
        this.mode = event.mode;
        this.playbook = event.playbook;
        return;
      case 'task.started': {
        const running = this.task(event.task);
        if (running !== undefined) {
          running.hosts = [...running.hosts, ...event.hosts];
          running.open++;
          return;
        }
        this.#tasks.set(event.task.id, {
          ref: event.task,
          handler: event.handler,
          hosts: event.hosts,
          open: 1,
          startedAt: event.time,
          running: new Map(),
          progress: new Map(),
          results: new Map(),
        });
        return;
      }
      case 'host.started':
        this.task(event.task)?.running.set(event.host, event.time);
        return;
      case 'host.progress':
        this.task(event.task)?.progress.set(event.host, event.text);
        return;
      case 'host.retry':
        this.task(event.task)?.progress.set(
          event.host,
          `${event.why} (try ${event.attempt} of ${event.retries})`,
        );
        return;
      case 'host.result': {
        const task = this.task(event.task);
        task?.running.delete(event.host);
        task?.progress.delete(event.host);
        task?.results.set(event.host, event);
        if (event.error !== undefined && event.ignored !== true) this.failures.push(event);
        return;
      }
      case 'task.finished': {
        const task = this.task(event.task);
        if (task !== undefined && --task.open === 0) this.#tasks.delete(event.task.id);
        return;
      }
      case 'run.finished':
        this.#tasks.clear();
        return;
      default:
        return;
    }
  }
}
