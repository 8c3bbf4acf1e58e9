import { z } from 'zod';
import type { ReadHost } from '../../contract/host.ts';
import { parseLsn } from '../wal/lsn.ts';
import { parseInstant } from '../wal/parse-instant.ts';
import type { ReplayPosition, StopInForce } from './forward-plan.ts';
import { querySql, type SessionTarget } from './sql.ts';

/** A recovery that waits: how far it has come, also in PostgreSQL's words, and the stop that it works with. */
export interface WaitingRecovery extends ReplayPosition {
  readonly lsnText?: string | undefined;
  readonly commitText?: string | undefined;
  readonly inForce: StopInForce;
}

// What is set in a file is in force only from the next start on, and what nobody has set is so by default.
const WAITING = `select json_build_object(
  'lsn', pg_last_wal_replay_lsn(),
  'commit', to_char(pg_last_xact_replay_timestamp() at time zone 'UTC', 'YYYY-MM-DD HH24:MI:SS.US') || '+00',
  'settings', (select json_object_agg(name, json_build_array(setting, boot_val)) from pg_settings
    where name ~ '^(recovery_target|restore_command$)'))`;

const answer = z.object({
  lsn: z.string().nullable(),
  commit: z.string().nullable(),
  settings: z.record(z.string(), z.tuple([z.string().nullable(), z.string().nullable()])),
});

/** Asks the running instance. Throws like `querySql`. */
export async function lookWaiting(host: ReadHost, target: SessionTarget): Promise<WaitingRecovery> {
  const { lsn, commit, settings } = answer.parse(JSON.parse(await querySql(host, target, [WAITING])));
  const parsed = commit === null ? undefined : parseInstant(commit);
  return {
    ...(lsn === null ? {} : { lsn: parseLsn(lsn), lsnText: lsn }),
    ...(parsed?.ok === true ? { lastCommit: parsed.instant } : {}),
    ...(commit === null ? {} : { commitText: commit }),
    inForce: new Map(
      Object.entries(settings).map(([name, [value, byDefault]]) => [
        name,
        { value: value ?? '', byDefault: byDefault ?? '' },
      ]),
    ),
  };
}
