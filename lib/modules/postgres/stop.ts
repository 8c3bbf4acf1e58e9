import { z } from 'zod';
import { PitrError } from '../../base/errors/pitr-error.ts';
import { Unknown } from '../../base/values/unknown.ts';
import { defineModule } from '../../contract/module.ts';
import { predicted } from '../../contract/resource.ts';
import { prepareRunFiles, startInstance, stopInstance } from '../../recovery/postgres/instance-control.ts';
import { postgresResource } from '../../recovery/postgres/instance-resource.ts';
import { runFilesOf } from '../../recovery/postgres/isolation.ts';
import { instanceParams, seconds } from '../../recovery/postgres/params.ts';
import { programsOf } from '../../recovery/postgres/sql.ts';

const params = z.strictObject({
  mode: z
    .enum(['fast', 'smart', 'immediate'])
    .default('fast')
    .describe('how pg_ctl stops it; immediate means crash recovery at the next start'),
  timeout: seconds.default(300).describe('seconds until it must be down'),
  any: z
    .boolean()
    .default(false)
    .describe(
      'stop also an instance that is open to clients; where Patroni runs it, use patroni.member instead',
    ),
  ...instanceParams,
});

type Params = z.output<typeof params>;

export const module = defineModule({
  summary: 'Stops a PostgreSQL that pitr has started, and proves that no process of it is left.',
  examples: `- postgres.stop:
    timeout: 120`,
  params,
  returns: { pid: 'that the postmaster had' },
  read: async (host, p: Params) => host.look(postgresResource, p.pgdata),
  plan: (state, p) => {
    const known = state instanceof Unknown ? undefined : state;
    if (known?.running === false) return undefined;
    if (known?.mode === 'open' && !p.any) {
      throw new PitrError({
        kind: 'refused',
        code: 'instance-is-open',
        message: `the PostgreSQL on ${p.pgdata} is open to clients: it was not started by pitr`,
        next: [
          'patroni.member with state: stopped stops a member of a cluster.',
          'any: true stops it all the same.',
        ],
      });
    }
    const bin = p.bin ?? known?.programs;
    return {
      summary: `stop PostgreSQL on ${p.pgdata} (${p.mode})`,
      pgdata: p.pgdata,
      user: p.user,
      mode: p.mode,
      timeoutMs: p.timeout * 1000,
      wasMode: known?.mode ?? 'isolated',
      startedWith: known?.startedWith ?? [],
      ...(bin === undefined ? {} : { bin }),
      ...(known?.pid === undefined ? {} : { pid: known.pid }),
    };
  },
  effects: ({ pgdata }) => [
    { kind: postgresResource.kind, id: pgdata, state: 'stopped', lasts: 'for good', supersedes: true },
  ],
  predict: (change, state) => {
    const before = state instanceof Unknown ? { data: 'present' as const, mode: change.wasMode } : state;
    const {
      pid: _pid,
      status: _status,
      processes: _processes,
      ...kept
    } = { pid: 0, status: 0, processes: 0, ...before };
    const mode = kept.mode === 'isolated' ? 'open' : kept.mode;
    return { resources: [predicted(postgresResource, change.pgdata, { ...kept, running: false, mode })] };
  },
  apply: async (host, change, p, context) => {
    const ref = {
      pgdata: change.pgdata,
      user: change.user,
      bin: programsOf({ ...p, bin: change.bin }, undefined),
    };
    await stopInstance(host, ref, change.mode, change.timeoutMs, context.signal);
    return { pid: change.pid };
  },
  undo: async (host, change, context) => {
    const seen = await postgresResource.read(host, change.pgdata);
    if (seen.running) return;
    const bin = programsOf({ pgdata: change.pgdata, bin: change.bin }, seen.programs);
    const ref = { pgdata: change.pgdata, user: change.user, bin };
    await prepareRunFiles(host, ref, runFilesOf(change.pgdata, change.startedWith));
    await startInstance(host, ref, change.startedWith, change.timeoutMs, context);
  },
});
