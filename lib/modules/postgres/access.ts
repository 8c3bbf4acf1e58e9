import { z } from 'zod';
import { PitrError } from '../../base/errors/pitr-error.ts';
import { Unknown } from '../../base/values/unknown.ts';
import type { WriteHost } from '../../contract/host.ts';
import { defineModule } from '../../contract/module.ts';
import { predicted } from '../../contract/resource.ts';
import { atNextStart, closeAccess, openAccess } from '../../recovery/patroni/closed-access.ts';
import { patroniParams, patroniSuperuserParam, roleName } from '../../recovery/patroni/params.ts';
import { type Allowed, allowedOf } from '../../recovery/postgres/allowed-roles.ts';
import type { InstanceRef } from '../../recovery/postgres/instance-control.ts';
import { postgresResource } from '../../recovery/postgres/instance-resource.ts';
import { instanceParams } from '../../recovery/postgres/params.ts';
import { type InForce, reloadRules } from '../../recovery/postgres/reload.ts';
import { programsOf } from '../../recovery/postgres/sql.ts';

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
    'meanwhile, and prove that every rule was understood. Sessions that are open already stay open. Of a stopped one ' +
    'the rules are put back for its next start.',
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
    // Of one that does not run the rules can be put back: they may lie outside its data, where the next one reads them.
    const stopped = known?.running === false;
    if (known !== undefined && ((stopped && p.mode === 'closed') || known.mode === 'isolated')) {
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
      ...(stopped ? { stopped } : {}),
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
        ...(state instanceof Unknown
          ? { data: 'present' as const, running: change.stopped !== true }
          : state),
        mode: change.mode,
      }),
    ],
  }),
  apply: async (host, change, p, context) => {
    const ref: InstanceRef = { ...change, bin: programsOf({ ...p, bin: change.bin }, undefined) };
    if (change.stopped === true) {
      await openAccess(host, ref, atNextStart);
      return {};
    }
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
    if (change.stopped === true) return closeAccess(host, ref, change);
    await (change.mode === 'open'
      ? close(host, ref, change, context.signal)
      : open(host, ref, context.signal));
  },
});

function open(host: WriteHost, ref: InstanceRef, signal: AbortSignal): Promise<InForce> {
  return openAccess(host, ref, () => reloadRules(host, ref, signal));
}

async function close(
  host: WriteHost,
  ref: InstanceRef,
  allowed: Allowed,
  signal: AbortSignal,
): Promise<InForce> {
  await closeAccess(host, ref, allowed);
  return reloadRules(host, ref, signal);
}
