import { z } from 'zod';
import { PitrError } from '../../base/errors/pitr-error.ts';
import { Unknown } from '../../base/values/unknown.ts';
import { until } from '../../base/wait/until.ts';
import type { WriteHost } from '../../contract/host.ts';
import { defineModule } from '../../contract/module.ts';
import { predicted } from '../../contract/resource.ts';
import { closeAccess, openAccess } from '../../recovery/patroni/closed-access.ts';
import { patroniParams, patroniSuperuserParam, roleName } from '../../recovery/patroni/params.ts';
import { type Allowed, allowedOf } from '../../recovery/postgres/allowed.ts';
import type { InstanceRef } from '../../recovery/postgres/instance-control.ts';
import { postgresResource } from '../../recovery/postgres/instance-resource.ts';
import { instanceParams } from '../../recovery/postgres/params.ts';
import { programsOf, querySql } from '../../recovery/postgres/sql.ts';

const params = z.strictObject({
  mode: z.enum(['open', 'closed']).describe('open: the rules of the cluster; closed: only this host gets in'),
  roles: z
    .array(roleName)
    .min(1)
    .default(['postgres'])
    .describe(
      'database roles that still get in from this host while it is closed, beside those of Patroni and of the operating system user',
    ),
  superuser: patroniSuperuserParam,
  patroni_config: patroniParams.config.describe(
    "Patroni's configuration, which tells as which role it works",
  ),
  ...instanceParams,
});

type Params = z.output<typeof params>;

export const module = defineModule({
  summary: 'Opens a running PostgreSQL to its clients, or closes it to all but its own host.',
  description:
    'Closing rewrites pg_hba.conf: of its rules those stay that let the given roles in from this very host, so that ' +
    'Patroni works on; the file as it was is kept beside. Opening puts it back, unless somebody has rewritten it ' +
    'since. Both reload the configuration, which also puts an archive_command into force that Patroni has written ' +
    'meanwhile, and prove that every rule was understood. Sessions that are open already stay open.',
  examples: `- postgres.access:
    mode: open
  register: access
- core.assert:
    that: access.archive_command != "false"`,
  params,
  returns: { archive_command: 'in force after the reload', rules: 'how many rules are in force' },
  read: async (host, p: Params) => host.look(postgresResource, p.pgdata),
  plan: (state, p) => {
    const known = state instanceof Unknown ? undefined : state;
    if (known?.mode === p.mode) return undefined;
    if (known !== undefined && (!known.running || known.mode === 'isolated')) {
      throw new PitrError({
        kind: 'refused',
        code: 'instance-not-reachable',
        message: known.running
          ? `PostgreSQL on ${p.pgdata} runs isolated: rules cannot open it`
          : `PostgreSQL does not run on ${p.pgdata}`,
        next: ['Start it with postgres.start and mode: closed first.'],
      });
    }
    const bin = p.bin ?? known?.programs;
    return {
      summary:
        p.mode === 'open'
          ? `open PostgreSQL on ${p.pgdata} to its clients`
          : `close PostgreSQL on ${p.pgdata}`,
      mode: p.mode,
      pgdata: p.pgdata,
      user: p.user,
      ...allowedOf(p),
      ...(bin === undefined ? {} : { bin }),
    };
  },
  // postgres.start refuses an instance that runs in another way than it started it.
  effects: ({ pgdata, mode }) => [
    { kind: postgresResource.kind, id: pgdata, state: mode, lasts: 'for good', supersedes: true },
  ],
  predict: (change, state) => ({
    resources: [
      predicted(postgresResource, change.pgdata, {
        ...(state instanceof Unknown ? { data: 'present' as const, running: true } : state),
        mode: change.mode,
      }),
    ],
  }),
  apply: async (host, change, p, context) => {
    const ref: InstanceRef = { ...change, bin: programsOf({ ...p, bin: change.bin }, undefined) };
    return change.mode === 'open'
      ? open(host, ref, context.signal)
      : close(host, ref, change, context.signal);
  },
  undo: async (host, change, context) => {
    const seen = await postgresResource.read(host, change.pgdata);
    const ref: InstanceRef = {
      ...change,
      bin: programsOf({ pgdata: change.pgdata, bin: change.bin }, seen.programs),
    };
    if (seen.data === 'absent') return;
    await (change.mode === 'open'
      ? close(host, ref, change, context.signal)
      : open(host, ref, context.signal));
  },
});

async function open(host: WriteHost, ref: InstanceRef, signal: AbortSignal): Promise<InForce> {
  await openAccess(host, ref);
  return reload(host, ref, signal);
}

async function close(
  host: WriteHost,
  ref: InstanceRef,
  allowed: Allowed,
  signal: AbortSignal,
): Promise<InForce> {
  await closeAccess(host, ref, allowed);
  return reload(host, ref, signal);
}

/** When the postmaster last read its files: a signal to it takes effect some moments later. */
const LOADED = 'select pg_conf_load_time()';

type InForce = { readonly archive_command?: string; readonly rules?: number };

/** Makes the running instance read its files again; with a broken rule it would keep the old ones without a word. */
async function reload(host: WriteHost, ref: InstanceRef, signal: AbortSignal): Promise<InForce> {
  if (!(await postgresResource.read(host, ref.pgdata)).running) return {};
  const before = await querySql(host, ref, [LOADED]);
  await host.must([`${ref.bin}/pg_ctl`, '-D', ref.pgdata, '-s', 'reload'], { user: ref.user, cwd: '/' });
  await until(() => querySql(host, ref, [LOADED]), {
    everyMs: 50,
    deadlineMs: 15_000,
    signal,
    done: (now) => now !== before,
    late: () =>
      new PitrError({
        kind: 'failed',
        code: 'not-reloaded',
        message: `PostgreSQL on ${ref.pgdata} was told to read its configuration again, and has not done it`,
        host: host.name,
        next: ['Look into its log, then run again.'],
      }),
  });
  const [errors = '', rules = '', ...archive] = (
    await querySql(host, ref, [
      `select coalesce(string_agg('line ' || line_number || ': ' || error, '; '), '') from pg_hba_file_rules where error is not null`,
      'select count(*) from pg_hba_file_rules where error is null',
      `select current_setting('archive_command')`,
    ])
  ).split('\n');
  if (errors !== '') {
    throw new PitrError({
      kind: 'failed',
      code: 'hba-invalid',
      message: `PostgreSQL does not understand its pg_hba.conf and keeps the old rules: ${errors}`,
      host: host.name,
      next: ['Mend the file, then run again.'],
    });
  }
  return { rules: Number(rules), archive_command: archive.join('\n') };
}
