import { z } from 'zod';
import { tailsSchema } from '../wal/tail.ts';

/** Params that the modules of this family share. */

export const userParam = z
  .string()
  .default('barman')
  .describe('the OS user that Barman runs as')
  .meta({ variable: 'barman_user' });

export const serversParam = z
  .array(z.string())
  .min(1)
  .optional()
  .describe('the Barman servers of the cluster, one for each node; all that Barman knows when left out')
  .meta({ variable: 'barman_servers' });

/** A backup by its id, or as `barman.backup` returned it. */
export const backupParam = z.union([
  z.string(),
  z.looseObject({ id: z.string(), server: z.string(), begin_wal: z.string().optional() }),
]);

export const tailsParam = tailsSchema
  .default([])
  .describe(
    'what postgres.tail says of the nodes: WAL that is still to be archived from there counts as if it were',
  );

export const timelineParam = z
  .int()
  .min(1)
  .optional()
  .describe('the timeline to recover on; found from the history files of all servers when left out');

const timelineOfLeader = z.int().min(0);

export const leaderTimelineParam = timelineOfLeader
  .default(0)
  .describe('the timeline of the living leader, whose last commit `latest` is; 0 where there is none');

export const askedLeaderParam = timelineOfLeader
  .optional()
  .describe(
    'the timeline of the living leader; 0 where there is none; left out where the run has not looked for a leader, or nobody has answered',
  );

/**
 * How Barman's host logs in to a node. Barman hands it to shells, here and there: what a shell would expand, or take
 * for another command, is refused.
 */
export const remoteSshParam = z
  .string()
  .min(1)
  .regex(
    // biome-ignore lint/suspicious/noControlCharactersInRegex: a line break ends a command too
    /^[^\u0000-\u001f\u007f$`;|&<>()*?{}!]*$/,
    'must be an ssh command and nothing else: no line breaks, and none of $ ` ; | & < > ( ) * ? { } !',
  );
