import { LabError } from './error.ts';

/** A release of Debian, and what it brings of what a lab is made of. */
interface Release {
  /** Its name: `PITR_LAB_RELEASE`. */
  readonly debian: string;
  /** Major version of its PostgreSQL. */
  readonly postgres: number;
}

/** bookworm: Barman 3.4, Patroni 3.0; trixie: 3.13 and 4.0; forky: 3.20 and 4.1. */
const RELEASES: readonly Release[] = [
  { debian: 'bookworm', postgres: 15 },
  { debian: 'trixie', postgres: 17 },
  { debian: 'forky', postgres: 18 },
];

/** The release whose packages the labs of this process have: the first one, or what `PITR_LAB_RELEASE` names. */
export const labRelease: Release = releaseFrom(process.env);

/** Throws a LabError where the variable names none of the releases. */
export function releaseFrom({ PITR_LAB_RELEASE: name }: NodeJS.ProcessEnv): Release {
  const release = RELEASES.find(({ debian }) => debian === (name ?? RELEASES[0]?.debian));
  if (release !== undefined) return release;
  const known = RELEASES.map(({ debian }) => debian).join(', ');
  throw new LabError(`PITR_LAB_RELEASE is "${name}", and a lab can be made of: ${known}`);
}
