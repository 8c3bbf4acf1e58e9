import { type CommandEvidence, PitrError } from '../../base/errors/pitr-error.ts';
import { commandLine, quote } from '../../transport/quote.ts';
import type { CompleteBackup } from './backup-info.ts';
import type { StagingPlace } from './config.ts';
import type { Destination } from './destination.ts';
import type { RestoreMarker } from './marker.ts';

function refused(
  code: string,
  message: string,
  details: readonly string[],
  next: readonly string[],
  host: string,
): PitrError {
  return new PitrError({ kind: 'refused', code, message, details, host, next });
}

export function destinationForeign(
  destination: string,
  found: Destination,
  wish: CompleteBackup,
  host: string,
): PitrError {
  const marker = found.complete ?? found.copying;
  const what =
    found.kind === 'other'
      ? 'is not a directory'
      : marker === undefined
        ? 'holds something that pitr did not put there'
        : `holds another backup: ${marker.backup} of server ${marker.server}`;
  return refused(
    'destination-foreign',
    `${destination} ${what}, and nothing is copied over it`,
    [
      ...(found.names.length === 0 ? [] : [`In it: ${found.names.join(', ')}`]),
      `Only backup ${wish.id} of server ${wish.server} itself could be continued there.`,
    ],
    [`Look: ls -la ${quote(destination)}`, 'Move it away, or choose another destination.'],
    host,
  );
}

export function destinationInUse(destination: string, host: string): PitrError {
  return refused(
    'destination-in-use',
    `PostgreSQL is running in ${destination}`,
    ['A backup is copied beside the live data, never over it.'],
    ['Choose another destination.'],
    host,
  );
}

export function destinationStarted(destination: string, host: string): PitrError {
  return refused(
    'destination-was-started',
    `PostgreSQL has run in ${destination} since the backup was copied there: it is no longer the backup`,
    [],
    [`If what is in it is not needed: rm -rf ${quote(destination)}`, 'Or choose another destination.'],
    host,
  );
}

/** Throws kind `refused` where a tablespace of the backup has no new place; `places` is not given where none is restored yet. */
export function refuseUnmapped(
  backup: CompleteBackup,
  places: Readonly<Record<string, string>> | undefined,
  host: string,
): void {
  const missing = backup.tablespaces
    .map(({ name }) => name)
    .filter((name) => places !== undefined && !Object.hasOwn(places, name));
  if (missing.length === 0) return;
  const said = Object.fromEntries(
    backup.tablespaces.map(({ name }) => [name, places?.[name] ?? '/new/place']),
  );
  throw refused(
    'tablespaces-not-mapped',
    `backup ${backup.id} has tablespaces outside of the data directory, and it is not said where they go: ${missing.join(', ')}`,
    [
      'Barman would write them to where they were, which on a live node is over live data.',
      ...backup.tablespaces.map(({ name, location }) => `${name}: ${location}`),
    ],
    [`Give a new place for each: -e '${JSON.stringify({ tablespaces: said })}'`],
    host,
  );
}

export function tablespacePlacesInUse(places: readonly string[], host: string): PitrError {
  return refused(
    'tablespace-place-in-use',
    `the place for a tablespace is not empty: ${places.join(', ')}`,
    [],
    ['Give a new, empty place for each tablespace.'],
    host,
  );
}

export function copyNotOurs(destination: string, marker: RestoreMarker | undefined, host: string): PitrError {
  return new PitrError({
    kind: 'failed',
    code: 'destination-changed',
    message: `${destination} is not removed: it is no longer the copy that was made there`,
    details: marker === undefined ? [] : [`It holds backup ${marker.backup} of server ${marker.server}.`],
    host,
    next: [`Look, and remove it by hand if it is not needed: ls -la ${quote(destination)}`],
  });
}

const RSYNC_CODES: Readonly<Record<string, string>> = {
  '10': 'the network connection broke',
  '11': 'a file could not be written (is the disk full?)',
  '12': 'the connection broke off in the middle',
  '13': 'rsync on the other side failed',
  '20': 'it was ended by a signal',
  '23': 'some files could not be read or written',
  '24': 'files vanished while they were read',
  '30': 'nothing came for too long',
  '255': 'the login failed or the connection broke',
};

/** The manual's "Recovery failed!", with the reason where rsync's code tells one. */
export function copyFailed(facts: {
  readonly backup: string;
  readonly destination: string;
  readonly node: string;
  readonly host: string;
  readonly runId: string;
  readonly output: string;
  readonly evidence: CommandEvidence;
  /** This version of Barman cannot go on with it. */
  readonly afresh: boolean;
  /** Where it is made before it is whole. */
  readonly staged: readonly StagingPlace[];
}): PitrError {
  const { backup, destination, node, host, runId, output, evidence, afresh, staged } = facts;
  const code = /\(code (\d+)\)/.exec(output)?.[1];
  const full = /No space left on device|Disk quota exceeded/.test(output);
  const placesOn = (remote: boolean, ...others: readonly string[]): readonly string[] => {
    const places = staged.filter((place) => place.remote === remote).map(({ path }) => path);
    return [...new Set([...others, ...places])];
  };
  const placesThere = placesOn(true, destination);
  const placesHere = placesOn(false);
  const one = placesHere.length === 0 ? 'the disk is full' : `a disk is full, on ${node} or on ${host}`;
  const reason = full ? one : code === undefined ? undefined : RSYNC_CODES[code];
  return new PitrError({
    kind: 'failed',
    code: full ? 'recovery-disk-full' : 'recovery-copy-failed',
    message: `Recovery failed! Barman could not copy backup ${backup} to ${node}${reason === undefined ? '' : `: ${reason}`}`,
    host,
    evidence,
    state: `the live data of ${node} is untouched; what was copied so far lies in ${destination}`,
    next: [
      ...(full ? [`Make room on ${node}: df -h ${commandLine(placesThere)}`] : []),
      ...(full && placesHere.length > 0
        ? [`Or on ${host}, where Barman works on it before: df -h ${commandLine(placesHere)}`]
        : []),
      `Barman's own log: tail -n 50 /var/log/barman/barman.log`,
      `When the cause is gone, go on; ${afresh ? 'this version of Barman copies it anew from its beginning' : 'the copy goes on where it stopped'}: pitr resume ${runId}`,
    ],
  });
}
