import { PitrError } from '../../base/errors/pitr-error.ts';
import type { ReadHost } from '../../contract/host.ts';
import { evidenceOf, howItEnded } from '../../transport/command-failed.ts';
import { commandLine } from '../../transport/quote.ts';
import { IN_FORCE, type InForce, LIMITS, limitDifferences, parseInForce, parseLimits } from './in-force.ts';
import { postgresResource } from './instance-resource.ts';
import { querySql, type SessionParams, sessionTarget } from './sql.ts';

/** What a running instance works with, and why it must be restarted to work with what is configured. */
export interface InForceLook extends InForce {
  readonly restart: readonly string[];
}

/** `since`: limits that differ from it come from who has started the instance. Throws like `querySql` and `readLimits`. */
export async function lookInForce(
  host: ReadHost,
  instance: SessionParams,
  since: InForce | undefined,
): Promise<InForceLook> {
  const { programs } =
    instance.bin === undefined ? await postgresResource.read(host, instance.pgdata) : { programs: undefined };
  const [told, limits] = await Promise.all([
    querySql(host, sessionTarget(instance, programs), [IN_FORCE]),
    readLimits(host, instance),
  ]);
  const { settings, pending } = parseInForce(told);
  const now = { settings, limits };
  const limited = since === undefined ? [] : limitDifferences(since, now);
  return { ...now, restart: [...pending.map((name) => `${name} waits for a restart`), ...limited] };
}

/** The soft limits of the postmaster. Throws kind `failed` where nobody tells them: none would be taken for no difference. */
export async function readLimits(
  host: ReadHost,
  { pgdata, user }: Pick<SessionParams, 'pgdata' | 'user'>,
): Promise<InForce['limits']> {
  const answer = await host.query(LIMITS([pgdata], { user }));
  const limits = answer.exitCode === 0 ? parseLimits(answer.stdout) : {};
  if (Object.keys(limits).length > 0) return limits;
  throw new PitrError({
    kind: 'failed',
    code: 'limits-unknown',
    message: `cannot tell with which limits PostgreSQL runs on ${pgdata}: the look ${howItEnded(answer)}`,
    evidence: { ...evidenceOf(answer), command: `(a look at the limits of the PostgreSQL on ${pgdata})` },
    next: [
      `See what ${user} may see of it: cat "/proc/$(${commandLine(['head', '-n', '1', `${pgdata}/postmaster.pid`])})/limits"`,
    ],
  });
}
