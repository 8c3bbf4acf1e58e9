const UNITS = ['bytes', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'] as const;

/** `10.0 GiB`, as people read it; exact below 1 KiB. */
export function formatBytes(bytes: number): string {
  let value = bytes;
  let unit = 0;
  while (Math.abs(value) >= 1024 && unit < UNITS.length - 1) {
    value /= 1024;
    unit++;
  }
  return unit === 0 ? `${bytes} bytes` : `${value.toFixed(1)} ${UNITS[unit] ?? ''}`;
}

/**
 * `12.0 MiB of about 34.5 MiB`. A size that was told beforehand is only near to what comes to lie on the disk, which may
 * be more: the whole is not told any more then.
 */
export function formatCopied(bytes: number, whole: number | undefined): string {
  return whole === undefined || bytes > whole
    ? formatBytes(bytes)
    : `${formatBytes(bytes)} of about ${formatBytes(whole)}`;
}

const FACTORS: Readonly<Record<string, number>> = {
  '': 1,
  b: 1,
  byte: 1,
  bytes: 1,
  k: 1024,
  kb: 1000,
  kib: 1024,
  m: 1024 ** 2,
  mb: 1000 ** 2,
  mib: 1024 ** 2,
  g: 1024 ** 3,
  gb: 1000 ** 3,
  gib: 1024 ** 3,
  t: 1024 ** 4,
  tb: 1000 ** 4,
  tib: 1024 ** 4,
};

/** Bytes from `10 GiB`, `500MB`, `4096`; nothing when it is not a size. `G` alone is GiB, as for df and PostgreSQL. */
export function parseBytes(text: string): number | undefined {
  const match = /^(\d+(?:\.\d+)?)\s*([A-Za-z]*)$/.exec(text.trim());
  const factor = match === null ? undefined : FACTORS[(match[2] ?? '').toLowerCase()];
  return match === null || factor === undefined ? undefined : Math.ceil(Number(match[1]) * factor);
}
