import type { ReadHost } from '../../contract/host.ts';
import { IN_FORCE, type InForce, LIMITS, limitDifferences, parseInForce, parseLimits } from './in-force.ts';
import { postgresResource } from './instance-resource.ts';
import { querySql, type SessionParams, sessionTarget } from './sql.ts';

/** What a running instance works with, and why it must be restarted to work with what is configured. */
export interface InForceLook extends InForce {
  readonly restart: readonly string[];
}

/** `since`: limits that differ from it come from who has started the instance. Throws like `querySql`. */
export async function lookInForce(
  host: ReadHost,
  instance: SessionParams,
  since: InForce | undefined,
): Promise<InForceLook> {
  const { programs } = await postgresResource.read(host, instance.pgdata);
  const [told, limits] = await Promise.all([
    querySql(host, sessionTarget(instance, programs), [IN_FORCE]),
    host.query(LIMITS([instance.pgdata], { user: instance.user })),
  ]);
  const { settings, pending } = parseInForce(told);
  const now = { settings, limits: limits.exitCode === 0 ? parseLimits(limits.stdout) : {} };
  const limited = since === undefined ? [] : limitDifferences(since, now);
  return { ...now, restart: [...pending.map((name) => `${name} waits for a restart`), ...limited] };
}
