declare const brand: unique symbol;

/** A position in the WAL: bytes since the beginning of the cluster. Compare with `<`, subtract for bytes. */
export type Lsn = bigint & { readonly [brand]: 'Lsn' };

const LARGEST = 0xffff_ffff_ffff_ffffn;

/** A number of bytes as a position. Throws when it lies outside of 64 bits. */
export function lsnAt(bytes: bigint): Lsn {
  if (bytes < 0n || bytes > LARGEST) throw new RangeError(`no WAL position: ${bytes}`);
  return bytes as Lsn;
}

/** Reads `16/B374D848`; nothing when the text is no position. */
export function parseLsn(text: string): Lsn | undefined {
  const match = /^([0-9A-Fa-f]{1,8})\/([0-9A-Fa-f]{1,8})$/.exec(text.trim());
  if (match === null) return undefined;
  return lsnAt((BigInt(`0x${match[1]}`) << 32n) | BigInt(`0x${match[2]}`));
}

/** As PostgreSQL writes it: `16/B374D848`. */
export function formatLsn(lsn: Lsn): string {
  const high = (lsn >> 32n).toString(16).toUpperCase();
  const low = (lsn & 0xffff_ffffn).toString(16).toUpperCase();
  return `${high}/${low}`;
}
