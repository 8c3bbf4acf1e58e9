import { z } from 'zod';
import { PitrError } from '../../base/errors/pitr-error.ts';
import { Unknown } from '../../base/values/unknown.ts';
import type { ReadHost } from '../../contract/host.ts';
import { defineLook } from '../../contract/module.ts';
import { probeScript } from '../../contract/probe.ts';
import { effectiveSettings } from '../../recovery/postgres/conf-file.ts';
import { postgresResource } from '../../recovery/postgres/instance-resource.ts';
import { instanceParams, sessionParams } from '../../recovery/postgres/params.ts';
import { programsOf, querySql, sessionTarget } from '../../recovery/postgres/sql.ts';
import { formatInstant } from '../../recovery/wal/instant.ts';
import { checkedTarget, targetTimeSchema } from '../../recovery/wal/target.ts';
import { instantInZone } from '../../recovery/wal/zones.ts';

const params = z.strictObject({
  time: targetTimeSchema
    .default('latest')
    .describe('a time with its offset; with latest only the zones are told'),
  ...instanceParams,
  ...sessionParams,
});

type Params = z.output<typeof params>;

/** Names of zones by the setting that holds them. */
interface Zones {
  readonly timezone?: string | undefined;
  readonly log_timezone?: string | undefined;
}

export const module = defineLook({
  summary: 'Shows a moment in UTC, in the time zone of the operator and in those of the server.',
  description:
    'The zones of the server are timezone (what sessions see) and log_timezone (what its log says): of the running ' +
    'instance, else of its configuration files. The zone of the operator is that of the machine that pitr runs on.',
  examples: `- postgres.clock: { time: "2026-11-22 09:34:43+00" }
  register: clock   # clock.lines`,
  params,
  freeForm: 'time',
  returns: {
    zones: 'operator, timezone, log_timezone: their names, where they are known',
    times: 'utc, operator, timezone, log_timezone: the moment as clocks show it there; absent for latest',
    lines: 'the same in lines; clocks that agree share one',
  },
  dependsOn: (p: Params) => [{ kind: 'postgres', id: p.pgdata }],
  read: async (host, p) => {
    const server = await serverZones(host, p);
    const operator = Intl.DateTimeFormat().resolvedOptions().timeZone;
    const zones = { operator, ...server };
    const target = checkedTarget(p.time);
    if (target.kind !== 'time') return { zones, lines: [] };
    const shown = (zone: string | undefined): string | undefined =>
      zone === undefined ? undefined : instantInZone(target.time, zone);
    const times = {
      utc: formatInstant(target.time),
      operator: shown(operator),
      timezone: shown(server.timezone),
      log_timezone: shown(server.log_timezone),
    };
    const clocks: readonly (readonly [time: string | undefined, whose: string])[] = [
      [times.utc, 'UTC'],
      [times.operator, `yours, ${operator}`],
      ...zoneClock(times.log_timezone, "the server's log", server.log_timezone),
      ...zoneClock(times.timezone, "the server's sessions", server.timezone),
    ];
    const byTime = new Map<string, string[]>();
    for (const [time = 'not known here', whose] of clocks)
      byTime.set(time, [...(byTime.get(time) ?? []), whose]);
    const lines = [...byTime].map(([time, whose]) => `${time} (${whose.join('; ')})`);
    return { zones, times, lines };
  },
});

function zoneClock(
  time: string | undefined,
  whose: string,
  zone: string | undefined,
): readonly (readonly [string | undefined, string])[] {
  return zone === undefined ? [] : [[time, `${whose}, ${zone}`]];
}

const READ_CONF = probeScript(
  'cd -- "$1" && cat postgresql.base.conf postgresql.conf postgresql.auto.conf 2>/dev/null; exit 0',
);

async function serverZones(host: ReadHost, p: Params): Promise<Zones> {
  const instance = await host.look(postgresResource, p.pgdata);
  if (instance instanceof Unknown || instance.data === 'absent') return {};
  if (instance.running) {
    try {
      const target = {
        ...sessionTarget(p, instance.programs),
        bin: programsOf(p, instance.programs),
      };
      // What a session of anybody begins with, not what this one was given.
      const sql = `select reset_val from pg_settings where name in ('TimeZone', 'log_timezone') order by name = 'log_timezone'`;
      const [timezone, log] = (await querySql(host, target, [sql])).split('\n');
      return { timezone, log_timezone: log };
    } catch (thrown) {
      // It lets nobody in just now: its files tell it too.
      if (!(thrown instanceof PitrError) || thrown.kind !== 'failed') throw thrown;
    }
  }
  const answer = await host.query(READ_CONF([p.pgdata], { user: p.user }));
  const settings = effectiveSettings(answer.stdout);
  return { timezone: settings.get('timezone'), log_timezone: settings.get('log_timezone') };
}
