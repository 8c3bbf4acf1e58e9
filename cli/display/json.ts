import type { PitrEvent } from '../../lib/engine/events/events.ts';
import type { Output } from '../io.ts';
import type { Display } from './display.ts';

/** One JSON object a line on stdout, as docs/output.md describes them; nothing else ever goes there. */
export function writeJson(output: Output, value: unknown): void {
  output.write(`${JSON.stringify(value)}\n`);
}

/** The events as they are. */
export function jsonDisplay(output: Output): Display {
  return {
    read: (event: PitrEvent) => writeJson(output, event),
    notice: (text) => writeJson(output, { type: 'notice', time: Date.now(), text }),
    pause: async () => {},
    resume: () => {},
    close: async () => {},
  };
}
