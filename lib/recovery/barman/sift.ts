import type { ReadHost } from '../../contract/host.ts';
import { probeScript } from '../../contract/probe.ts';
import { parseReport, type ReportPart } from '../../contract/script-report.ts';
import { pythonOf } from '../../system/core/python-of.ts';
import type { Link } from '../wal/chain.ts';
import { instantOfPostgres } from '../wal/instant.ts';
import { lsnAt } from '../wal/lsn.ts';
import type { RestorePoint } from '../wal/moment/scan.ts';
import type { Sift, Sifted, Sought } from '../wal/moment/sift.ts';
import { WAL_PAGES_BEGIN } from '../wal/records/version.ts';
import { type SegmentSize, startOfSegment } from '../wal/segment.ts';
import type { ServerConfig } from './config.ts';
import { SIFT } from './sift-script.ts';

const RUN = probeScript(`${pythonOf('barman', 'barman_python', SIFT)}
barman_python "$1"`);

/** So much at first; more as long as it is done in no time. */
const FIRST_BATCH_BYTES = 256 * 1024 * 1024;
const SHORT_MS = 3_000;
const LONG_MS = 30_000;
/** The question is one argument, of 128 KiB at most. */
const MOST_SEGMENTS = 1_000;
const BATCH_TIMEOUT_MS = 900_000;

interface Place {
  readonly host: ReadHost;
  readonly user: string;
  readonly segmentSize: SegmentSize;
  readonly servers: readonly Pick<ServerConfig, 'name' | 'wals' | 'incoming' | 'streaming'>[];
  readonly progress: (done: number, all: number) => void;
  /** Is told why nothing can be looked at there. */
  readonly warn: (text: string) => void;
}

/** Looks on Barman's host, with all its cores. What lies elsewhere, or cannot be read there, may hold anything. */
export function siftOn(place: Place): Sift {
  return async function* sift(chain, sought) {
    let count = Math.max(1, Math.floor(FIRST_BATCH_BYTES / place.segmentSize));
    for (let from = 0; from < chain.length; ) {
      place.progress(from, chain.length);
      const until = Math.min(chain.length, from + Math.min(count, MOST_SEGMENTS));
      const began = performance.now();
      const sifted = await siftSome(place, chain, [from, until], sought);
      if (sifted === undefined && from === 0) return;
      // Nobody has looked at the rest, so it may hold anything.
      yield sifted ?? { may: placesFrom(from, chain.length), restorePoints: [] };
      if (sifted === undefined) return;
      const ms = performance.now() - began;
      if (ms < SHORT_MS) count *= 2;
      else if (ms > LONG_MS) count = Math.max(1, Math.floor(count / 2));
      from = until;
    }
  };
}

function placesFrom(first: number, end: number): readonly number[] {
  return Array.from({ length: end - first }, (_, index) => first + index);
}

/** Undefined where that host cannot do it at all: all is read in the other way then. */
async function siftSome(
  { host, user, segmentSize, servers, warn }: Place,
  chain: readonly Link[],
  [from, until]: readonly [number, number],
  sought: Sought,
): Promise<Sifted | undefined> {
  const holding = ({ servers: names, partial }: Link): readonly number[] =>
    partial ? [] : names.map((one) => servers.findIndex(({ name }) => name === one)).filter((at) => at >= 0);
  const question = {
    ...(sought.kind === 'name' ? { name: Buffer.from(sought.name).toString('hex') } : { xid: sought.xid }),
    magics: WAL_PAGES_BEGIN,
    size: segmentSize,
    count: until - from,
    // One more: a record may go on in it.
    segments: chain.slice(from, until + 1).map((link) => [link.segment, holding(link)]),
    servers: servers.map(({ wals, incoming, streaming }) => [wals, incoming, streaming]),
  };
  const answer = await host.query(RUN([JSON.stringify(question)], { user, timeoutMs: BATCH_TIMEOUT_MS }));
  if (answer.exitCode !== 0) {
    const why = answer.stderr.trim().split('\n').at(-1);
    warn(`WAL cannot be searched on ${host.name} (${why}): all of it is read from there, which takes longer`);
    return undefined;
  }
  const parts = new Map(parseReport(answer.stdout).map((part) => [part.rest, part]));
  const may: number[] = [];
  const restorePoints: RestorePoint[] = [];
  for (const [index, link] of chain.slice(from, until).entries()) {
    const part = parts.get(link.segment);
    if (part?.kind !== 'not') may.push(from + index);
    if (part?.kind === 'may' || part?.kind === 'not')
      restorePoints.push(...pointsIn(part, link, segmentSize));
  }
  return { may, restorePoints };
}

function pointsIn({ lines }: ReportPart, link: Link, segmentSize: SegmentSize): readonly RestorePoint[] {
  const start = startOfSegment(link.segment, segmentSize);
  return lines.map((line) => {
    const [at = '0', time = '0', name = ''] = line.split(' ');
    return {
      name: Buffer.from(name, 'hex').toString('utf8'),
      time: instantOfPostgres(BigInt(time)),
      lsn: lsnAt(start + BigInt(at)),
    };
  });
}
