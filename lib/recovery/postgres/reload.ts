import { PitrError } from '../../base/errors/pitr-error.ts';
import { until } from '../../base/wait/until.ts';
import type { WriteHost } from '../../contract/host.ts';
import type { InstanceRef } from './instance-control.ts';
import { postgresResource } from './instance-resource.ts';
import { querySql, UNANSWERED } from './sql.ts';

/** When the postmaster last read its files: a signal to it takes effect some moments later. */
const LOADED = 'select pg_conf_load_time()';

/** What a reload has put into force. */
export type InForce = { readonly archive_command?: string; readonly rules?: number };

/** Makes the running instance read its files again; with a broken rule it would keep the old ones without a word. */
export async function reloadRules(host: WriteHost, ref: InstanceRef, signal: AbortSignal): Promise<InForce> {
  if (!(await postgresResource.read(host, ref.pgdata)).running) return {};
  const before = await querySql(host, ref, [LOADED]);
  await host.must([`${ref.bin}/pg_ctl`, '-D', ref.pgdata, '-s', 'reload'], { user: ref.user, cwd: '/' });
  await until(() => querySql(host, ref, [LOADED]), {
    everyMs: 50,
    deadlineMs: 60_000,
    signal,
    done: (now) => now !== before,
    passing: UNANSWERED,
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
