import { z } from 'zod';
import { PitrError } from '../../base/errors/pitr-error.ts';
import { defineLook } from '../../contract/module.ts';
import { probe } from '../../contract/probe.ts';
import { barmanResource } from '../../recovery/barman/catalogue.ts';
import { barmanCommandFailed } from '../../recovery/barman/errors.ts';
import { type Check, parseCheckReport, parseServerList } from '../../recovery/barman/json.ts';
import { serversParam, userParam } from '../../recovery/barman/params.ts';
import { serverUnknown } from '../../recovery/barman/refusals.ts';
import { evidenceOf } from '../../transport/command-failed.ts';

const params = z.strictObject({
  server: z.string().optional().describe('one server instead of several'),
  servers: serversParam,
  ignore: z
    .array(z.string())
    .default([])
    .describe(
      'checks that may fail, by their names in the result; replicas without archive_mode=always fail wal_archive',
    ),
  fail: z.boolean().default(false).describe('fails the task when a check fails'),
  user: userParam,
});

/** Barman logs in to every database node for it, one after the other. */
const CHECK_TIMEOUT_MS = 300_000;

export const module = defineLook({
  summary: "Runs Barman's own checks of its servers and returns them as data.",
  description:
    'Barman checks connections, settings and directories. It does not see missing WAL; barman.wal does. A replica\'s own server is reported with "wal_archive" failed although nothing is wrong: only the leader archives.',
  examples: `- barman.check: { servers: [db1], fail: true }
  delegate_to: "{{ barman_host }}"`,
  params,
  returns: {
    ok: 'whether no check failed that counts',
    failed: 'those that failed: server, check, hint',
    servers: 'for each server: each check with ok and hint',
  },
  dependsOn: ({ user }) => [{ kind: barmanResource.kind, id: user }],
  read: async (host, { server, servers: several, ignore, fail, user }) => {
    const servers = server === undefined ? several : [server];
    const [list, result] = await host.queryAll([
      probe(['barman', '-f', 'json', 'list-server'], { user }),
      probe(['barman', '-f', 'json', 'check', ...(servers ?? ['all'])], {
        user,
        timeoutMs: CHECK_TIMEOUT_MS,
      }),
    ]);
    if (list === undefined || result === undefined) throw new Error('a batch answers every probe');
    const known = parseServerList(list.stdout);
    if (list.exitCode !== 0 || known === undefined)
      throw barmanCommandFailed(host.name, list.exitCode, evidenceOf(list));
    const unknown = servers?.find((name) => !known.includes(name));
    if (unknown !== undefined) throw serverUnknown(unknown, known, host.name);
    // The exit code tells that some check failed; which one, and whether it counts, tells the report.
    const report = parseCheckReport(result.stdout);
    if (report === undefined) throw barmanCommandFailed(host.name, result.exitCode, evidenceOf(result));
    const failed = failedChecks(report, ignore);
    if (fail && failed.length > 0) throw checkFailed(failed, host.name);
    return { ok: failed.length === 0, failed, servers: Object.fromEntries([...report].map(byName)) };
  },
});

interface FailedCheck {
  readonly server: string;
  readonly check: string;
  readonly hint: string;
}

function failedChecks(
  report: ReadonlyMap<string, readonly Check[]>,
  ignore: readonly string[],
): FailedCheck[] {
  return [...report].flatMap(([server, checks]) =>
    checks
      .filter(({ ok, name }) => !ok && !ignore.includes(name))
      .map(({ name, hint }) => ({ server, check: name, hint })),
  );
}

function byName([server, checks]: readonly [string, readonly Check[]]) {
  return [server, Object.fromEntries(checks.map(({ name, ok, hint }) => [name, { ok, hint }]))] as const;
}

function checkFailed(failed: readonly FailedCheck[], host: string): PitrError {
  const servers = [...new Set(failed.map(({ server }) => server))];
  return new PitrError({
    kind: 'failed',
    code: 'barman-check-failed',
    message: `Barman's checks failed for ${servers.join(', ')}`,
    details: failed.map(({ server, check, hint }) => `${server}: ${check}${hint === '' ? '' : ` (${hint})`}`),
    host,
    next: [`See them all on ${host}: barman check ${servers[0]}`],
  });
}
