const UNITS: Readonly<Record<string, number>> = { MB: 1e6, GB: 1e9 };

/** How large the cluster of the recovery bench is, in bytes. */
export interface Sizes {
  readonly data: number;
  readonly wal: number;
}

/** Reads `--data 2GB --wal 1GB`. Throws with what is wrong. */
export function parseSizes(args: readonly string[]): Sizes {
  const bytes = (option: string, fallback: string): number => {
    const at = args.indexOf(option);
    const text = at === -1 ? fallback : (args[at + 1] ?? '');
    const [, count, unit = ''] = /^(\d+)(MB|GB)$/.exec(text) ?? [];
    if (count === undefined) throw new Error(`${option} takes a size such as 200MB or 2GB, not "${text}"`);
    return Number(count) * (UNITS[unit] ?? 1);
  };
  return { data: bytes('--data', '200MB'), wal: bytes('--wal', '100MB') };
}

/**
 * Reads `--again 'wal_spool_bytes=0 members_from=old_data'`: what a second recovery is told beside what the first one was.
 * Nothing where there is to be none. Throws with what is wrong.
 */
export function parseAgain(args: readonly string[]): readonly string[] | undefined {
  const at = args.indexOf('--again');
  if (at === -1) return undefined;
  const words = (args[at + 1] ?? '').split(/\s+/).filter((word) => word !== '' && word !== '-e');
  const wrong = words.find((word) => !/^\w+=/.test(word));
  if (words.length === 0 || wrong !== undefined)
    throw new Error(`--again takes words such as wal_spool_bytes=0, not "${wrong ?? ''}"`);
  return words.flatMap((word) => ['-e', word]);
}
