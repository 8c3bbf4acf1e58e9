import { PitrError } from '../../base/errors/pitr-error.ts';
import type { ReadHost } from '../../contract/host.ts';
import { probeScript } from '../../contract/probe.ts';
import { evidenceOf } from '../../transport/command-failed.ts';
import type { Link } from '../wal/chain.ts';
import type { Lsn } from '../wal/lsn.ts';
import type { SegmentSize } from '../wal/segment.ts';
import type { ServerConfig } from './config.ts';
import { barmanNotAnswering } from './errors.ts';
import { moveAside } from './same-bytes.ts';
import { READ_FILE, readOnce } from './wal-file.ts';

// Arguments: files, in the order in which Barman looks for the beginning of a segment. Prints those that are there.
const PRESENT = probeScript(`
for f in "$@"; do [ ! -f "$f" ] || printf '%s\\n' "$f"; done`);

/** What a server's copy of the last segment ends with, as Barman delivers it. */
export interface Delivered {
  readonly server: string;
  readonly end: Lsn;
}

interface Question {
  readonly link: Link;
  readonly servers: readonly ServerConfig[];
  readonly segmentSize: SegmentSize;
  readonly user: string;
  /** The position after the last record of these bytes. */
  readonly endOf: (bytes: Uint8Array) => Lsn;
  readonly warn: (text: string) => void;
}

/**
 * Throws kind `refused` (`wal-beginning-hidden`) where a server has a beginning of the last segment that reaches farther
 * than any that can be had: Barman delivers one file of that name, and what it receives by streaming first. Its end would
 * be aimed at and never come, or what is behind the other one's would be left out. Warns where that comes about once a
 * node has archived its own: into which server's archive is known to the node alone.
 */
export async function refuseHidden(
  host: ReadHost,
  delivered: readonly Delivered[],
  { link, servers, segmentSize, user, endOf, warn }: Question,
): Promise<void> {
  const name = `${link.segment}.partial`;
  for (const { name: server, wals, incoming, streaming } of servers) {
    const own = delivered.find((one) => one.server === server);
    if (own === undefined) continue;
    const places = [
      `${streaming}/${name}`,
      `${wals}/${link.segment.slice(0, 16)}/${name}`,
      `${incoming}/${name}`,
    ];
    const told = await host.query(PRESENT(places, { user }));
    if (told.exitCode !== 0)
      throw barmanNotAnswering(host.name, evidenceOf({ ...told, argv: ['sh', `(a look at ${name})`] }));
    const [first, ...others] = told.stdout.split('\n').filter((line) => line !== '');
    if (first === undefined) continue;
    const node = delivered.find(
      (one) => !servers.some((known) => known.name === one.server) && one.end > own.end,
    );
    if (first === places[0] && node !== undefined && !delivered.some(({ end }) => end > node.end))
      warn(
        `${node.server} reaches farther than ${first} on ${host.name}. If that node archives to server ${server}, the run will be refused once it has done so: Barman delivers what it receives by streaming first. Put it aside beforehand, as ${user}: ${moveAside(server, first)}`,
      );
    for (const path of others) {
      const { bytes, exitCode } = await readOnce(host, READ_FILE([path], { user }), segmentSize);
      const isRead = exitCode === 0 && bytes !== undefined;
      const reached = isRead ? endOf(bytes) : undefined;
      if (reached !== undefined && delivered.some(({ end }) => end >= reached)) continue;
      const aside = `${moveAside(server, first)}${first === places[0] ? '' : ` && barman rebuild-xlogdb ${server}`}`;
      throw new PitrError({
        kind: 'refused',
        code: 'wal-beginning-hidden',
        message: isRead
          ? `Barman has two beginnings of ${link.segment}, and would not deliver the one that reaches farther`
          : `Barman has two beginnings of ${link.segment}, and nobody can tell whether the one that it would not deliver reaches farther`,
        details: [`It would deliver ${first}`, `And not ${path}`],
        host: host.name,
        next: [`Put the first one aside on ${host.name}, as ${user}: ${aside}`, 'Then run this again.'],
      });
    }
  }
}
