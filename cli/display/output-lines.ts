import type { PitrEvent } from '../../lib/engine/events/events.ts';
import { printable } from '../text.ts';

type HostOutput = Extract<PitrEvent, { type: 'host.output' }>;

/** Cuts the live output of commands into whole lines, each with its host; a line may come in several pieces. */
export class OutputLines {
  readonly #rest = new Map<string, { readonly host: string; text: string }>();

  /** The lines that are complete now. */
  add(event: HostOutput): string[] {
    const key = `${event.task.id} ${event.host} ${event.stream}`;
    const lines = ((this.#rest.get(key)?.text ?? '') + event.text).split('\n');
    this.#rest.set(key, { host: event.host, text: lines.pop() ?? '' });
    return lines.map((line) => prefixed(event.host, line));
  }

  /** What a host's task has left without a line end. */
  end(taskId: string, host: string): string[] {
    const lines: string[] = [];
    for (const stream of ['stdout', 'stderr']) {
      const key = `${taskId} ${host} ${stream}`;
      const rest = this.#rest.get(key);
      this.#rest.delete(key);
      if (rest !== undefined && rest.text !== '') lines.push(prefixed(host, rest.text));
    }
    return lines;
  }
}

function prefixed(host: string, line: string): string {
  return `    ${host} | ${printable(line)}`;
}
