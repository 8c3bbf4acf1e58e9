import { z } from 'zod';
import { type LookRequest, lookOnce } from '../../lib/engine/run/look.ts';
import { tailsSchema } from '../../lib/recovery/wal/tail.ts';
import { patroniHosts } from '../well-known-hosts.ts';

/** What recover.yml counts beside the archives, as the modules of Barman take it. */
export interface BesideArchives {
  readonly tails: readonly unknown[];
  /** 0 where nobody is seen to lead. */
  readonly leader_timeline: number;
}

type Request = Omit<LookRequest, 'hosts' | 'module' | 'params'>;

const leaderSchema = z.looseObject({ leader: z.string(), timeline: z.number() });

/** WAL that only nodes still have, and the timeline that their leader archives. Throws kind `interrupted`. */
export async function lookBesideArchives(request: Request): Promise<BesideArchives> {
  const hosts = patroniHosts;
  const told = await lookOnce({ ...request, hosts, module: 'patroni.cluster', params: {} });
  request.signal.throwIfAborted();
  const leaders = told.flatMap(({ result }) => leaderSchema.safeParse(result).data ?? []);
  const leader_timeline = leaders[0]?.timeline ?? 0;
  const found = await lookOnce({ ...request, hosts, module: 'postgres.tail', params: { leader_timeline } });
  request.signal.throwIfAborted();
  const tails = found.map(
    ({ host, result, error }) =>
      result ?? { error: { host, message: error?.message ?? 'it was not reached' } },
  );
  return { tails, leader_timeline };
}

/** The nodes that save-wal.yml would archive some of these segments from. Throws kind `interrupted`. */
export async function nodesWith(missing: readonly string[], request: Request): Promise<readonly string[]> {
  const found = await lookOnce({
    ...request,
    hosts: patroniHosts,
    module: 'postgres.tail',
    params: { finished: true },
  });
  request.signal.throwIfAborted();
  return found.flatMap(({ host, result }) => {
    const files = tailsSchema.safeParse([result]).data?.[0]?.files ?? [];
    return hasSomeOf(files, missing) ? [host] : [];
  });
}

/** Whether some of these segments, named alone or as `first to last (n segments)`, are there as a whole: a beginning fills no gap. */
export function hasSomeOf(
  files: readonly { readonly name: string; readonly partial: boolean }[],
  missing: readonly string[],
): boolean {
  return files.some(({ name, partial }) => !partial && missing.some((run) => isIn(name, run)));
}

/** By timeline and place, each for itself: a run may lead from one timeline to the next, and a name has the timeline first. */
function isIn(segment: string, run: string): boolean {
  const [, first = '', last = first] = /^([0-9A-F]{24})(?: to ([0-9A-F]{24}))?/.exec(run) ?? [];
  const isBetween = (part: (name: string) => string): boolean =>
    part(first) <= part(segment) && part(segment) <= part(last);
  return first !== '' && isBetween((name) => name.slice(0, 8)) && isBetween((name) => name.slice(8));
}
