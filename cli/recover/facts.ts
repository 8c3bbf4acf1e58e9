import { z } from 'zod';
import type { PitrEvent } from '../../lib/engine/events/events.ts';

const walSchema = z.looseObject({
  target_time: z.string(),
  timeline: z.number(),
  words: z.string(),
  gap: z.unknown().optional(),
});

/** What the events of a recovery told that is needed after it. */
export class RecoveryFacts {
  #wal: z.output<typeof walSchema> | undefined;
  #replayed = false;

  readonly read = (event: PitrEvent): void => {
    if (event.type !== 'host.result' || (event.status !== 'ok' && event.status !== 'changed')) return;
    const { stage } = event.task;
    if (stage === 'wal' || stage === 'wal-again')
      this.#wal = walSchema.safeParse(event.result).data ?? this.#wal;
    if (stage === 'replay') this.#replayed = true;
  };

  /** The target as the recovery understood it, UTC, or `latest`. */
  get targetTime(): string | undefined {
    return this.#wal?.target_time;
  }

  /** The target in words, as the recovery understood it. */
  get words(): string | undefined {
    return this.#wal?.words;
  }

  /** A gap in the WAL was accepted: the recovery ends before it, and not at the target that was asked for. */
  get beforeGap(): boolean {
    return this.#wal?.gap !== undefined;
  }

  get timeline(): number | undefined {
    return this.#wal?.timeline;
  }

  get replayed(): boolean {
    return this.#replayed;
  }
}
