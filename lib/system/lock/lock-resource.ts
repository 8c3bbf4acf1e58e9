import type { ReadHost, Resource } from '../../contract/host.ts';
import { probeScript } from '../../contract/probe.ts';
import { type Claim, parseClaim } from './claim.ts';
import { lockNotRead, lockPlaceFlawed } from './errors.ts';
import { LOOK } from './scripts.ts';

/** Where a lock is: on one host, in a directory of one OS user. */
export interface LockPlace {
  readonly name: string;
  /** Empty: `.pitr` in the user's home. */
  readonly directory: string;
  /** The OS user that holds it on the host; all operators have to come by as the same. */
  readonly user: string;
}

/** A lock as one finds it. */
export interface LockState {
  /** Some process holds the kernel's lock. */
  readonly held: boolean;
  /** This very run holds it. */
  readonly ours: boolean;
  readonly claim: Claim | undefined;
  /** The host's clock, epoch seconds. */
  readonly now: number;
  /** When the claim was written, and when its controller was last heard of; by the host's clock. */
  readonly written: number | undefined;
  readonly heard: number | undefined;
}

/** The name of a lock as that of a file: what could mean something in a path is spelled `%2F`. */
export function lockFileName(name: string): string {
  return encodeURIComponent(name)
    .replace(/[!'()*~]/g, (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`)
    .replace(/^\./, '%2E');
}

export function lockId({ name, directory, user }: LockPlace): string {
  return JSON.stringify([user, directory, name]);
}

/** A lock by `lockId`. Throws kind `failed` where its directory is not safe. */
export const lockResource: Resource<LockState> = {
  kind: 'lock',
  scope: 'host',
  read: (host, id) => {
    // What `lockId` made.
    const [user, directory, name] = JSON.parse(id) as [string, string, string];
    return readLock(host, { user, directory, name });
  },
};

const look = probeScript(LOOK);

async function readLock(host: ReadHost, place: LockPlace): Promise<LockState> {
  const result = await host.query(look([place.directory, lockFileName(place.name)], { user: place.user }));
  if (result.exitCode !== 0) throw lockNotRead(place.name, host.name, result);
  const said = new Map(
    result.stdout.split('\n').map((line) => {
      const space = line.indexOf(' ');
      return [line.slice(0, space), line.slice(space + 1)] as const;
    }),
  );
  const flaw = said.get('flaw');
  if (flaw !== undefined) throw lockPlaceFlawed(place.name, host.name, flaw);
  // The first thing that it says, whatever lies there.
  if (!said.has('now')) throw lockNotRead(place.name, host.name, result);
  return {
    held: said.get('held') === 'yes',
    ours: false,
    claim: said.has('claim') ? claimThere(said.get('claim') ?? '', place, host.name) : undefined,
    now: Number(said.get('now')),
    written: numberOf(said.get('written')),
    heard: numberOf(said.get('heard')),
  };
}

/** The claim in what the holder of a lock tells; nothing where there is none. Throws where there is one that nobody can read. */
export function claimOf(text: string, place: LockPlace, host: string): Claim | undefined {
  return text.trim() === '' ? undefined : claimThere(text, place, host);
}

function claimThere(text: string, place: LockPlace, host: string): Claim {
  const claim = parseClaim(text);
  if (claim !== undefined) return claim;
  const where = `${place.directory === '' ? `.pitr in the home of ${place.user}` : place.directory}`;
  throw lockPlaceFlawed(
    place.name,
    host,
    `the claim ${lockFileName(place.name)}.json in ${where} cannot be read: look at it, and remove it if you know what it was`,
  );
}

function numberOf(text: string | undefined): number | undefined {
  return text === undefined ? undefined : Number(text);
}
