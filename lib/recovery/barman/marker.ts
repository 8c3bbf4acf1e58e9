import { posix } from 'node:path';
import { z } from 'zod';

/** What tells a copy that pitr began from anything else that may lie at the same place. */
export interface RestoreMarker {
  /**
   * `copying`: it lies beside the destination; `complete`: it lies in it, and moves along with it. Where one lies beside, nothing
   * is whole, whatever it says: a removal begins by moving it there.
   */
  readonly state: 'copying' | 'complete';
  readonly server: string;
  readonly backup: string;
  readonly systemId?: string | undefined;
  /** The run that began it. */
  readonly run: string;
  /** Whether the directory was there before, empty. */
  readonly emptyBefore: boolean;
  /** Of one that is copying: Barman has ended well, and only the proof is missing. */
  readonly copied?: boolean | undefined;
  /** The places of its tablespaces; older ones do not tell. */
  readonly tablespaces?: readonly string[] | undefined;
}

const schema = z.object({
  state: z.enum(['copying', 'complete']),
  server: z.string(),
  backup: z.string(),
  systemId: z.string().optional(),
  run: z.string(),
  emptyBefore: z.boolean(),
  copied: z.boolean().optional(),
  tablespaces: z.array(z.string()).optional(),
});

const MARKER_NAME = '.pitr-restore.json';

export function markerInside(destination: string): string {
  return posix.join(destination, MARKER_NAME);
}

export function markerBeside(destination: string): string {
  return posix.join(posix.dirname(destination), `.${posix.basename(destination)}${MARKER_NAME}`);
}

export function renderMarker(marker: RestoreMarker): string {
  return `${JSON.stringify(marker)}\n`;
}

/** Reads a marker; nothing when the text is none. */
export function parseMarker(text: string): RestoreMarker | undefined {
  try {
    return schema.safeParse(JSON.parse(text)).data;
  } catch {
    // Not JSON: not one of ours.
    return undefined;
  }
}
