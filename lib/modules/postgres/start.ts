import { z } from 'zod';
import { PitrError } from '../../base/errors/pitr-error.ts';
import { Unknown } from '../../base/values/unknown.ts';
import { defineModule } from '../../contract/module.ts';
import { mayAlter } from '../../contract/newer-changes.ts';
import { predicted } from '../../contract/resource.ts';
import { atNextStart, openAccess } from '../../recovery/patroni/closed-access.ts';
import { startAs } from '../../recovery/patroni/instance-start.ts';
import { patroniParams, patroniSuperuserParam, roleName } from '../../recovery/patroni/params.ts';
import { type InstanceRef, stopInstance } from '../../recovery/postgres/instance-control.ts';
import { postgresResource } from '../../recovery/postgres/instance-resource.ts';
import { runFiles } from '../../recovery/postgres/isolation.ts';
import { instanceParams, seconds, sessionParams } from '../../recovery/postgres/params.ts';
import { programsOf } from '../../recovery/postgres/sql.ts';
import { instanceAfterStart, planStart } from '../../recovery/postgres/start-plan.ts';
import { serviceName } from '../../system/service/service-resource.ts';

const params = z.strictObject({
  mode: z
    .enum(['isolated', 'closed', 'open'])
    .describe(
      'isolated: private socket, no address, archives nothing; closed: as configured, but only this host gets in; open: as configured',
    ),
  roles: z
    .array(roleName)
    .min(1)
    .default(['postgres'])
    .describe(
      'database roles that get in while it is isolated or closed, beside those of Patroni and of the operating system user',
    ),
  superuser: patroniSuperuserParam,
  patroni_config: patroniParams.config.describe(
    "Patroni's configuration, which tells as which role it works",
  ),
  settings: z
    .record(z.string().regex(/^[a-z_][a-z0-9_.]*$/), z.union([z.string(), z.number(), z.boolean()]))
    .default({})
    .describe('isolated: more settings for this start alone, as on the command line of postgres'),
  patience: seconds
    .default(120)
    .describe(
      'seconds without a word in the log, or any work of the startup process, after which a start that lets nobody in has failed',
    ),
  shutdown_timeout: seconds.default(300).describe('seconds that a restart, or the undo, may take to stop'),
  service: serviceName
    .default('patroni')
    .describe(
      'where systemd runs, of 236 or newer: PostgreSQL gets a unit of its own with the limits of this service',
    )
    .meta({ variable: 'patroni_service' }),
  open_files: z
    .string()
    .regex(/^([1-9]\d*|unlimited)$/, 'must be a number, or unlimited')
    .optional()
    .describe(
      'where it gets no unit of systemd: soft limit of open files, as postgres.in_force gives it; a login often has less than a service',
    ),
  socket_dir: sessionParams.socket_dir.describe(
    'isolated: a private directory for the socket; beside the data by default',
  ),
  ...instanceParams,
});

type Params = z.output<typeof params>;

export const module = defineModule({
  summary: 'Starts PostgreSQL on a data directory: isolated for a recovery, or prepared for a cut-over.',
  description:
    'Refuses where an instance runs already in another way than the wanted one. `isolated` refuses data that was not ' +
    'prepared by postgres.recovery: the old data of a member, started and promoted by mistake, would be a second ' +
    'primary. `closed` stops an isolated, promoted instance and starts it as its files say, except that pg_hba.conf ' +
    'lets in only this host, and of it only whom the rules of the cluster let in; postgres.access opens it. Log, socket and rules of an isolated instance lie in ' +
    '`<pgdata>.pitr-run`.',
  examples: `- postgres.start:
    mode: isolated
- postgres.start:
    mode: closed`,
  params,
  returns: {
    pid: 'of the postmaster',
    port: 'that names the socket',
    log: 'file with the first words of the start',
  },
  read: async (host, p: Params) => host.look(postgresResource, p.pgdata),
  plan: (state, p) => planStart(state, p),
  unchanged: (state) => (state instanceof Unknown ? {} : { pid: state.pid, port: state.port }),
  effects: ({ pgdata, mode }) => [
    {
      kind: postgresResource.kind,
      id: pgdata,
      state: `running, ${mode}`,
      lasts: 'until it ends',
      ...(mode === 'open' ? {} : { leaves: { path: runFiles(pgdata).directory, as: 'log' } }),
    },
  ],
  predict: (change, state) => ({
    resources: [predicted(postgresResource, change.pgdata, instanceAfterStart(state, change))],
  }),
  apply: async (host, change, p, context) => {
    const ref = { ...change, bin: programsOf({ ...p, bin: change.bin }, undefined) };
    const instance = await startAs(host, ref, change, p.patience * 1000, context);
    return { pid: instance.pid, port: instance.port, log: `${change.pgdata}.pitr-run/postgresql.log` };
  },
  undo: async (host, change, context) => {
    const seen = await postgresResource.read(host, change.pgdata);
    if (change.mode === 'isolated' && seen.running && seen.mode !== 'isolated') {
      throw notTheIsolatedOne(change.pgdata, host.name);
    }
    const ref: InstanceRef = {
      ...change,
      bin: programsOf({ pgdata: change.pgdata, bin: change.bin }, seen.programs),
    };
    await stopInstance(host, ref, 'fast', change.shutdownMs, context.signal);
    if (change.mode === 'closed' && seen.data === 'present') await openAccess(host, ref, atNextStart);
  },
  mayUndo: async (host, { mode, pgdata }, _context, newer) => {
    if (mode !== 'isolated' || mayAlter(newer, host.name, postgresResource.kind, pgdata)) return;
    const seen = await postgresResource.read(host, pgdata);
    // A replica of a Patroni that was started meanwhile is stopped before this is taken back (`again` of patroni.member).
    if (seen.running && seen.mode !== 'isolated' && seen.role === 'primary')
      throw notTheIsolatedOne(pgdata, host.name);
  },
});

/** After a cut-over in a run of its own the recovered instance serves: it may be the leader of the cluster. */
function notTheIsolatedOne(pgdata: string, host: string): PitrError {
  return new PitrError({
    kind: 'refused',
    code: 'instance-serves',
    message: `the PostgreSQL on ${pgdata} is not the isolated one any more that this run started: it serves`,
    details: ['The recovery has been cut over, or somebody has started it in another way.'],
    host,
    state: 'Nothing was stopped.',
    next: ['See what came after this run: pitr runs', 'What leads back after a cut-over: docs/undo.md'],
  });
}
