import { z } from 'zod';
import { Unknown } from '../../base/values/unknown.ts';
import { defineLook } from '../../contract/module.ts';
import { postgresResource } from '../../recovery/postgres/instance-resource.ts';
import { instanceParams, sessionParams } from '../../recovery/postgres/params.ts';
import {
  decidingCommands,
  namePrepared,
  preparedInWal,
  preparedLine,
  readPrepared,
} from '../../recovery/postgres/prepared.ts';
import { programsOf, sessionTarget } from '../../recovery/postgres/sql.ts';

const params = z.strictObject({
  seen: z
    .array(preparedInWal)
    .default([])
    .describe('before the promotion: what barman.moment has found in the WAL, to be named'),
  only_name: z
    .boolean()
    .default(false)
    .describe(
      'true: `seen` is named by the catalogues of this server as they are now, though it is another one; what they do not have keeps its number',
    ),
  ...instanceParams,
  ...sessionParams,
});

type Params = z.output<typeof params>;

export const module = defineLook({
  summary:
    'Names the transactions that are prepared for a two-phase commit, and the commands that decide them.',
  description:
    'A recovery neither commits nor rolls back what is prepared at its moment: the transaction is still there after the ' +
    'promotion, with its locks, until somebody decides it. PostgreSQL shows it only then; before, `seen` is told with ' +
    'the names that the catalogues have.',
  examples: `- postgres.prepared: {}
  register: prepared   # prepared.transactions`,
  params,
  returns: {
    transactions:
      'each one: gid, owner, database, time, xid, locks (table, mode); but for `only_name` also tables, commit and rollback (the commands)',
    lines: 'the same for the operator; empty where nothing is prepared',
    summary: 'the same in one sentence; empty where nothing is prepared',
  },
  dependsOn: (p: Params) => [{ kind: 'postgres', id: p.pgdata }],
  read: async (host, p) => {
    const instance = await host.look(postgresResource, p.pgdata);
    const known = instance instanceof Unknown ? undefined : instance;
    const session = { ...sessionTarget(p, known?.programs), bin: programsOf(p, known?.programs) };
    const found =
      known?.running === false
        ? []
        : await (p.only_name || known?.role === 'recovering'
            ? namePrepared(host, session, p.seen)
            : readPrepared(host, session));
    const transactions = found.map((one) => ({
      ...one,
      tables: one.locks.map(({ table }) => table),
      ...decidingCommands(one, {
        bin: session.bin,
        role: p.role ?? p.user,
        socket: p.socket_dir ?? known?.socketDirectory,
        port: p.port ?? known?.port,
      }),
    }));
    const told = found.map(preparedLine);
    // Nothing can be decided here: it is prepared elsewhere.
    if (p.only_name) return { transactions: found, lines: told, summary: told.join('; ') };
    return {
      transactions,
      lines: transactions.flatMap(({ commit, rollback }, i) => [
        told[i] ?? '',
        `  ${commit}`,
        `  ${rollback}`,
      ]),
      summary:
        told.length === 0
          ? ''
          : ` Prepared transactions stay open, and what they have locked stays locked until they are decided: ${told.join('; ')}.`,
    };
  },
});
