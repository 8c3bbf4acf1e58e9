import type { SourcePosition } from '../../lib/base/errors/pitr-error.ts';
import type { Marks } from './marks.ts';
import type { Paint } from './paint.ts';

/** What every reader for people needs to know. */
export interface ViewSettings {
  readonly paint: Paint;
  readonly marks: Marks;
  /** The width now; a terminal may be resized while a run goes on. */
  readonly columns: () => number;
  /** 1 shows results, 2 also what commands print. */
  readonly verbosity: number;
  readonly diff: boolean;
  readonly frameOf: (at: SourcePosition) => readonly string[];
}

/** On more hosts than this, what went well is summed up: nobody reads a line for each. `-v` tells all. */
const MOST_TOLD = 50;

export function areMany(hosts: number, { verbosity }: Pick<ViewSettings, 'verbosity'>): boolean {
  return hosts > MOST_TOLD && verbosity < 1;
}
