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
