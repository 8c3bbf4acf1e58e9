/** A version of a tool, comparable as a number: 3.4.0 is 30400. */
export type Version = number;

/** Reads `3.4.0 Barman by EnterpriseDB`, `patronictl version 4.1.5`; nothing when there is no version in it. */
export function parseVersion(text: string): Version | undefined {
  const match = /(?:^|\s)v?(\d+)\.(\d+)(?:\.(\d+))?/.exec(text);
  if (match === null) return undefined;
  return Number(match[1]) * 10_000 + Number(match[2]) * 100 + Number(match[3] ?? 0);
}

export function formatVersion(version: Version): string {
  return `${Math.floor(version / 10_000)}.${Math.floor(version / 100) % 100}.${version % 100}`;
}

/** A line of a table of what differs between the versions of a tool; of PostgreSQL they are major ones. */
export interface VersionSpan {
  /** The first version that it is true of; every one up to `until` where it is absent. */
  readonly since?: Version;
  /** The first version that it is no longer true of. */
  readonly until?: Version;
  /** Who says so: release notes, a manual, the program itself. */
  readonly source: string;
}

export function covers({ since, until }: VersionSpan, version: Version): boolean {
  return (since === undefined || version >= since) && (until === undefined || version < until);
}
