/** A line of a table of what differs between the versions of a tool; versions as that table counts them. */
export interface VersionSpan {
  /** The first version that it is true of; every one up to `until` where it is absent. */
  readonly since?: number;
  /** The first version that it is no longer true of. */
  readonly until?: number;
  /** Who says so: release notes, a manual, the program itself. */
  readonly source: string;
}

export function covers({ since, until }: VersionSpan, version: number): boolean {
  return (since === undefined || version >= since) && (until === undefined || version < until);
}
