import type { ReadHost } from '../../contract/host.ts';
import { probeScript } from '../../contract/probe.ts';
import { lookBrokenOff } from '../../contract/script-report.ts';
import { PRESENCE } from './presence.ts';

/** On which file system something is, and as what. */
export interface Place {
  readonly device: string;
  /** Where its file system is mounted; `?` where stat cannot tell. */
  readonly mount: string;
  readonly inode: string;
}

// Where a path is not there yet, its nearest directory that is tells the file system it will be on.
const PLACES = probeScript(`${PRESENCE}
for p do
  while :; do
    presence "$p"; case $? in 0) break ;; 2) exit 2 ;; esac
    [ "$p" != / ] || break
    p=\${p%/*}; [ -n "$p" ] || p=/
  done
  stat -c '%d %i %m' -- "$p"
done
[ -d "$2" ] && echo directory`);

function parsePlaces(stdout: string): readonly [Place, Place, string] {
  const [first = '', second = '', rest = ''] = stdout.split('\n');
  return [parsePlace(first), parsePlace(second), rest];
}

function parsePlace(line: string): Place {
  const [device = '', inode = '', ...mount] = line.split(' ');
  return { device, inode, mount: mount.join(' ') };
}

/** Device and inode: what is there, whatever its name. */
export function identityOf({ device, inode }: Place): string {
  return `${device}:${inode}`;
}

/** The inode of what was journalled as that. The number of a device may be another one after the host was started again. */
export function inodeIn(identity: string): string {
  return identity.split(':').at(-1) ?? '';
}

/**
 * The places of a path and of a directory, and whether that is one; where something is absent, of the nearest above it.
 * Throws kind `failed` (`look-broken-off`) where that cannot be told.
 */
export async function placesOf(
  host: ReadHost,
  path: string,
  directory: string,
): Promise<readonly [Place, Place, boolean]> {
  const answer = await host.query(PLACES([path, directory]));
  const [first, second, isDirectory] = parsePlaces(answer.stdout);
  if (first.inode === '' || second.inode === '')
    throw lookBrokenOff(answer, host.name, `where ${path} and ${directory} lie`);
  return [first, second, isDirectory === 'directory'];
}
