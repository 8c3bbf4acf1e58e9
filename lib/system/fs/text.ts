import type { Diff } from '../../contract/module.ts';

/** Content up to this size is kept inside a change (for undo) and shown in diffs. */
export const SMALL_BYTES = 64 * 1024;

/** The text of bytes, when they are text: valid UTF-8 without control characters that no text file has. */
export function asText(bytes: Uint8Array): string | undefined {
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    // Not UTF-8: shown by size and hash.
    return undefined;
  }
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these very characters tell binary from text.
  return /[\u0000-\u0008\u000e-\u001a\u001c-\u001f]/.test(text) ? undefined : text;
}

/** Content as a diff can show it. */
export interface Shown {
  readonly size: number;
  readonly sha256: string | undefined;
  /** Absent when it is too big to be looked at. */
  readonly bytes?: Uint8Array | undefined;
}

/** The difference of two contents: as text where both are small text, otherwise their sizes and hashes. */
export function contentDiff(subject: string, before: Shown | undefined, after: Shown | undefined): Diff {
  const texts = [before, after].map((side) => {
    if (side === undefined) return '';
    return side.bytes === undefined || side.bytes.length > SMALL_BYTES ? undefined : asText(side.bytes);
  });
  const [old, young] = texts;
  if (old !== undefined && young !== undefined) return { subject, before: old, after: young };
  return { subject, before: facts(before), after: facts(after) };
}

function facts(side: Shown | undefined): string {
  if (side === undefined) return '';
  return `(${side.size} bytes${side.sha256 === undefined ? '' : `, sha256 ${side.sha256}`})\n`;
}

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
