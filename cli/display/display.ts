import type { EventReader } from '../../lib/engine/events/events.ts';
import type { Pausable } from '../questions.ts';

/** A reader of a run's events that owns the screen while the run lasts. */
export interface Display extends Pausable {
  readonly read: EventReader;
  /** A word of the command line itself, between the events (Ctrl-C was seen). */
  notice(text: string): void;
  /** Everything is on the screen, and the screen is free again. */
  close(): Promise<void>;
}
