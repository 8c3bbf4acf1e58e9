import { z } from 'zod';
import { Unknown } from '../../base/values/unknown.ts';
import { type Change, defineModule } from '../../contract/module.ts';
import { postgresResource } from '../../recovery/postgres/instance-resource.ts';
import { instanceParams, seconds, sessionParams } from '../../recovery/postgres/params.ts';
import { runSql, sessionTarget } from '../../recovery/postgres/sql.ts';

const params = z.strictObject({
  timeout: seconds.default(300).describe('seconds that it may take'),
  ...instanceParams,
  ...sessionParams,
});

type Params = z.output<typeof params>;

interface CheckpointChange extends Change {
  readonly bin?: string;
}

export const module = defineModule({
  summary: 'Lets a primary write to disk what it has in memory (CHECKPOINT), so that it stops the sooner.',
  description: `A server that stops writes all of that before it ends, and takes no connection meanwhile. Done right before it, while it still
serves, that leaves little to write. Where PostgreSQL does not run, or is no primary, there is nothing to do. Nothing is proved
by it, and there is nothing to take back.`,
  examples: `- postgres.checkpoint: {}
  delegate_to: "{{ cluster.leader }}"`,
  params,
  read: async (host, p: Params) => host.look(postgresResource, p.pgdata),
  plan: (state, p): CheckpointChange | undefined => {
    const seen = state instanceof Unknown ? undefined : state;
    if (seen !== undefined && (!seen.running || seen.role !== 'primary')) return undefined;
    const bin = p.bin ?? seen?.programs;
    return {
      summary: 'write to disk what PostgreSQL has in memory (CHECKPOINT)',
      ...(bin === undefined ? {} : { bin }),
    };
  },
  apply: async (host, { bin }, p, context) => {
    await runSql(
      host,
      sessionTarget({ ...p, bin }, undefined),
      ['checkpoint'],
      p.timeout * 1000,
      context.signal,
    );
    return {};
  },
  undo: async () => {
    // What is on disk does no harm.
  },
});
