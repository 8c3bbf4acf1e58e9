import { z } from 'zod';
import { PitrError } from '../../base/errors/pitr-error.ts';
import { Unknown } from '../../base/values/unknown.ts';
import { type Change, defineModule } from '../../contract/module.ts';
import { postgresResource } from '../../recovery/postgres/instance-resource.ts';
import { instanceParams, sessionParams } from '../../recovery/postgres/params.ts';
import { runSql, sessionTarget } from '../../recovery/postgres/sql.ts';

const params = z.strictObject({ ...instanceParams, ...sessionParams });

type Params = z.output<typeof params>;

interface MarkerChange extends Change {
  readonly bin?: string;
}

export const module = defineModule({
  summary:
    'Writes one commit on the leader that changes nothing, so that a recovery to a moment before it can end.',
  description: `PostgreSQL stops at a time only when it meets a transaction that ended later. Where none did (a quiet database), a
recovery to that moment would wait for ever or end in FATAL. Takes a transaction id in a transaction of its own and
commits it; archive it afterwards (barman.switch_wal). Changes something at every run; there is nothing to take back.`,
  examples: `- postgres.marker: {}
  delegate_to: "{{ cluster.leader }}"
  when: moment.marker_needed
- barman.switch_wal: { server: "{{ lookup (lookup hostvars cluster.leader) 'barman_server' }}" }
  delegate_to: "{{ barman_host }}"`,
  params,
  returns: { xid: 'the transaction', lsn: 'the position after its commit' },
  read: async (host, p: Params) => host.look(postgresResource, p.pgdata),
  plan: (state, p): MarkerChange => {
    const known = state instanceof Unknown ? undefined : state;
    if (known !== undefined && (!known.running || known.role !== 'primary')) {
      throw new PitrError({
        kind: 'refused',
        code: 'not-a-primary',
        message: `the PostgreSQL on ${p.pgdata} ${known.running ? 'is no primary' : 'does not run'}: it cannot write a marker`,
        next: ['Run it on the leader of the cluster (pitr status).'],
      });
    }
    const bin = p.bin ?? known?.programs;
    return {
      summary: 'write a marker: one commit that changes nothing',
      ...(bin === undefined ? {} : { bin }),
    };
  },
  apply: async (host, change, p, context) => {
    const session = sessionTarget({ ...p, bin: change.bin }, undefined);
    // Each statement is a transaction of its own; the first one gets an id and so a commit record.
    const answer = await runSql(
      host,
      session,
      ['select txid_current()', 'select pg_current_wal_insert_lsn()'],
      30_000,
      context.signal,
    );
    const [xid = '', lsn = ''] = answer.split('\n');
    return { xid: Number(BigInt(xid) & 0xffff_ffffn), lsn };
  },
  undo: async () => {
    // A commit that changed nothing harms nothing.
  },
});
