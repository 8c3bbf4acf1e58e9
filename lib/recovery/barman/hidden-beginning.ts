import { type CommandEvidence, PitrError } from '../../base/errors/pitr-error.ts';
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

// Arguments: files, in the order in which Barman looks for the beginning of a segment; one of them again at the end, where
// another one may have been moved to. Prints those that are there.
const PRESENT = probeScript(`
for f in "$@"; do [ ! -f "$f" ] || printf '%s\\n' "$f"; done`);

/** Barman may move a file between being found and being read. */
const TRIES = 3;

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
  for (const config of servers) {
    const server = config.name;
    const own = delivered.find((one) => one.server === server);
    if (own === undefined) continue;
    const { first, isStreamed, others } = await beginningsOf(host, config, {
      link,
      segmentSize,
      user,
      endOf,
    });
    if (first === undefined) continue;
    const node = delivered.find(
      (one) => !servers.some((known) => known.name === one.server) && one.end > own.end,
    );
    if (isStreamed && node !== undefined && !delivered.some(({ end }) => end > node.end))
      warn(
        `${node.server} reaches farther than ${first} on ${host.name}. If that node archives to server ${server}, the run will be refused once it has done so: Barman delivers what it receives by streaming first. Put it aside beforehand, as ${user}: ${moveAside(server, first)}`,
      );
    for (const { path, reached, evidence } of others) {
      if (reached === undefined) throw notTold(host.name, link, { first, path, evidence });
      if (delivered.some(({ end }) => end >= reached)) continue;
      const aside = `${moveAside(server, first)}${isStreamed ? '' : ` && barman rebuild-xlogdb ${server}`}`;
      throw new PitrError({
        kind: 'refused',
        code: 'wal-beginning-hidden',
        message: `Barman has two beginnings of ${link.segment}, and would not deliver the one that reaches farther`,
        details: [`It would deliver ${first}`, `And not ${path}`],
        host: host.name,
        next: [`Put the first one aside on ${host.name}, as ${user}: ${aside}`, 'Then run this again.'],
      });
    }
  }
}

/** A beginning that Barman would not deliver: where it ends, or why that cannot be told. */
interface Other {
  readonly path: string;
  readonly reached?: Lsn;
  readonly evidence?: CommandEvidence | undefined;
}

/** The beginning that a server would deliver, and its others. What Barman moves meanwhile is looked for again. */
async function beginningsOf(
  host: ReadHost,
  { wals, incoming, streaming }: ServerConfig,
  { link, segmentSize, user, endOf }: Pick<Question, 'link' | 'segmentSize' | 'user' | 'endOf'>,
): Promise<{
  readonly first?: string | undefined;
  readonly isStreamed: boolean;
  readonly others: readonly Other[];
}> {
  const name = `${link.segment}.partial`;
  const present = async (paths: readonly string[]): Promise<readonly string[]> => {
    const told = await host.query(PRESENT(paths, { user }));
    if (told.exitCode !== 0)
      throw barmanNotAnswering(host.name, evidenceOf({ ...told, argv: ['sh', `(a look at ${name})`] }));
    return [...new Set(told.stdout.split('\n').filter((line) => line !== ''))];
  };
  const read = async (path: string): Promise<Other> => {
    const { bytes, exitCode, stderr } = await readOnce(host, READ_FILE([path], { user }), segmentSize);
    if (exitCode === 0 && bytes !== undefined) return { path, reached: endOf(bytes) };
    const command = `(the bytes of ${path})`;
    return { path, evidence: { command, ...(exitCode === undefined ? {} : { exitCode }), stderr } };
  };
  const streamed = `${streaming}/${name}`;
  const archived = `${wals}/${link.segment.slice(0, 16)}/${name}`;
  for (let tries = 1; ; tries++) {
    const [first, ...paths] = await present([streamed, archived, `${incoming}/${name}`, archived]);
    const others: Other[] = [];
    for (const path of paths) others.push(await read(path));
    const unread = others.flatMap(({ path, reached }) => (reached === undefined ? [path] : []));
    const still = unread.length === 0 ? unread : await present(unread);
    if (still.length === unread.length || tries === TRIES)
      return { first, isStreamed: first === streamed, others };
  }
}

/** Either one may be the one that is needed: none is to be put aside unseen. */
function notTold(
  host: string,
  { segment }: Link,
  { first, path, evidence }: { readonly first: string } & Pick<Other, 'path' | 'evidence'>,
): PitrError {
  return new PitrError({
    kind: 'refused',
    code: 'wal-beginning-hidden',
    message: `Barman has two beginnings of ${segment}, and nobody can tell whether the one that it would not deliver reaches farther`,
    details: [`It would deliver ${first}`, `And not ${path}, which cannot be read`],
    host,
    ...(evidence === undefined ? {} : { evidence }),
    next: [
      `Where a program is missing on ${host} that unpacks it (gzip, bzip2, xz, zstd, lz4), install it there. Then run this again.`,
      `Otherwise unpack or decrypt a copy of it as ${segment} in a directory of its own, and the other one in another, and see in each where it ends: pg_waldump ${segment} | tail -n 1`,
      'Take the one that ends earlier out of that directory of Barman, and keep it elsewhere. Then run this again.',
    ],
  });
}
