/** What differs between the WAL of major versions of PostgreSQL, as far as it is read here. */
export interface WalVersion {
  readonly major: number;
  /** In the header of a page's image: the bits that say that the image is compressed. */
  readonly compressedImage: number;
  /** Bytes of an entry of dropped statistics in a commit; 0 where commits have none. */
  readonly statsItem: number;
}

/** By the magic number at the beginning of every page (`XLOG_PAGE_MAGIC` of `access/xlog_internal.h`). */
const VERSIONS: ReadonlyMap<number, WalVersion> = new Map([
  [0xd101, { major: 12, compressedImage: 0x02, statsItem: 0 }],
  [0xd106, { major: 13, compressedImage: 0x02, statsItem: 0 }],
  [0xd10d, { major: 14, compressedImage: 0x02, statsItem: 0 }],
  [0xd110, { major: 15, compressedImage: 0x1c, statsItem: 12 }],
  [0xd113, { major: 16, compressedImage: 0x1c, statsItem: 12 }],
  [0xd116, { major: 17, compressedImage: 0x1c, statsItem: 12 }],
  // Dropped statistics have objects of 64 bits from here on.
  [0xd118, { major: 18, compressedImage: 0x1c, statsItem: 16 }],
]);

/** The version whose WAL has this magic number; nothing when it is none that is known here. */
export function walVersion(magic: number): WalVersion | undefined {
  return VERSIONS.get(magic);
}

/** Those numbers as the bytes that a page begins with, in hex: `10d1`. */
export const WAL_PAGES_BEGIN: readonly string[] = [...VERSIONS.keys()].map((magic) => {
  const hex = magic.toString(16).padStart(4, '0');
  return hex.slice(2) + hex.slice(0, 2);
});

const MAJORS = [...VERSIONS.values()].map(({ major }) => major);

/** The versions whose WAL is read, in words: `PostgreSQL 12 to 18`. */
export const KNOWN_VERSIONS = `PostgreSQL ${MAJORS[0]} to ${MAJORS.at(-1)}`;

/** Of PostgreSQL 9.0. Each version counts up, by little. */
const OLDEST_MAGIC = 0xd064;

/** A number that is not known, though PostgreSQL has, had or will have such. */
export function isOtherMagic(magic: number): boolean {
  return !VERSIONS.has(magic) && magic >= OLDEST_MAGIC && magic < Math.max(...VERSIONS.keys()) + 0x40;
}

/** What is wrong with a magic number that is not known, in words. */
export function unknownMagic(magic: number): string {
  const name = `0x${magic.toString(16).toUpperCase().padStart(4, '0')}`;
  const what = !isOtherMagic(magic)
    ? 'is that of no PostgreSQL known here'
    : `looks like that of ${magic > Math.max(...VERSIONS.keys()) ? 'a newer' : 'another'} PostgreSQL`;
  return `the page's magic number ${name} ${what} (known: ${MAJORS[0]} to ${MAJORS.at(-1)})`;
}
