/**
 * CRC-32C (Castagnoli), the checksum of WAL records. Eight tables of 256 words let eight bytes be taken at once. They
 * are read through a DataView: it answers with a number for every index, where an array may answer `undefined`.
 */
const POLYNOMIAL = 0x82f6_3b78;

const TABLES = tables();

function tables(): DataView {
  const all = new DataView(new ArrayBuffer(8 * 1024));
  for (let byte = 0; byte < 256; byte++) {
    let crc = byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc & 1) === 1 ? (crc >>> 1) ^ POLYNOMIAL : crc >>> 1;
    all.setUint32(4 * byte, crc, true);
  }
  for (let at = 1024; at < 8 * 1024; at += 4) {
    const before = all.getUint32(at - 1024, true);
    all.setUint32(at, (before >>> 8) ^ all.getUint32(4 * (before & 0xff), true), true);
  }
  return all;
}

/** The state of a checksum over nothing. */
export const CRC_START = 0xffff_ffff;

/** Takes the bytes `[from, to)` into a running checksum. */
export function crcOver(state: number, bytes: DataView, from: number, to: number): number {
  let crc = state;
  let at = from;
  for (const last = to - 8; at <= last; at += 8) {
    crc ^= bytes.getUint32(at, true);
    const high = bytes.getUint32(at + 4, true);
    crc =
      TABLES.getUint32(7168 + ((crc & 0xff) << 2), true) ^
      TABLES.getUint32(6144 + ((crc >>> 6) & 0x3fc), true) ^
      TABLES.getUint32(5120 + ((crc >>> 14) & 0x3fc), true) ^
      TABLES.getUint32(4096 + ((crc >>> 22) & 0x3fc), true) ^
      TABLES.getUint32(3072 + ((high & 0xff) << 2), true) ^
      TABLES.getUint32(2048 + ((high >>> 6) & 0x3fc), true) ^
      TABLES.getUint32(1024 + ((high >>> 14) & 0x3fc), true) ^
      TABLES.getUint32((high >>> 22) & 0x3fc, true);
  }
  for (; at < to; at++) {
    crc = (crc >>> 8) ^ TABLES.getUint32(((crc ^ bytes.getUint8(at)) & 0xff) << 2, true);
  }
  return crc;
}

/** The checksum of all that was taken in, as PostgreSQL stores it. */
export function crcOf(state: number): number {
  return (state ^ 0xffff_ffff) >>> 0;
}
