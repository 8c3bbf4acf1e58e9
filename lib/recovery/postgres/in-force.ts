import { z } from 'zod';
import { nameOfFingerprint, withFingerprints } from '../../base/values/fingerprint.ts';
import { probeScript } from '../../contract/probe.ts';
import { isRecoverySetting } from './recovery-settings.ts';

/** What an instance works with at this moment, whatever its files say. */
export const inForceSchema = z.object({
  settings: z.record(z.string(), z.string()).default({}),
  /** Soft limits of the postmaster, by their names in /proc: `open files`. */
  limits: z.record(z.string(), z.string()).default({}),
});

export type InForce = z.output<typeof inForceSchema>;

const OF_THE_NODE: ReadonlySet<string> = new Set([
  'external_pid_file',
  'listen_addresses',
  'log_directory',
  'log_filename',
  'port',
  'ssl_ca_file',
  'ssl_cert_file',
  'ssl_crl_dir',
  'ssl_crl_file',
  'ssl_key_file',
  'synchronous_standby_names',
  'unix_socket_directories',
]);

/** Whether a setting is that of a node, or of its role: another member's is no measure for it. */
export function isOfTheNode(name: string): boolean {
  return OF_THE_NODE.has(name) || isRecoverySetting(name);
}

// What a session or a role has of its own hides what is in force for others.
export const IN_FORCE = `select json_build_object(
  'settings', (select json_object_agg(name, setting || coalesce(' ' || unit, '')) from pg_settings
    where context <> 'internal' and source in ('default', 'environment variable', 'configuration file', 'command line', 'global')),
  'pending', (select coalesce(json_agg(distinct name), '[]') from (
    select name from pg_settings where pending_restart
    union all select name from pg_file_settings where error = 'setting could not be applied') as waiting))`;

const answer = z.object({ settings: z.record(z.string(), z.string()), pending: z.array(z.string()) });

export function parseInForce(printed: string): z.output<typeof answer> {
  const told = answer.parse(JSON.parse(printed));
  // Nobody compares the settings of a role, and its commands and conninfo may hold passwords.
  const compared = Object.entries(told.settings).filter(([name]) => !isRecoverySetting(name));
  return {
    settings: withFingerprints(Object.fromEntries(compared)),
    // Where Patroni takes the settings of a replica out of the file of a primary they wait for ever, and nobody uses them.
    pending: told.pending.filter((name) => !isRecoverySetting(name)),
  };
}

export const LIMITS = probeScript(`read -r pid < "$1/postmaster.pid" && cat "/proc/$pid/limits"`);

/** Reads `/proc/<pid>/limits`: name to soft limit. */
export function parseLimits(printed: string): Readonly<Record<string, string>> {
  return Object.fromEntries(
    printed.split('\n').flatMap((line) => {
      const match = /^Max ([a-z ]+?) {2,}(\S+) +\S+/.exec(line);
      return match === null ? [] : [[match[1] ?? '', match[2] ?? '']];
    }),
  );
}

/** What is in force now and was not before, in words. `own`: settings that this node's configuration gives to it alone. */
export function settingDifferences(before: InForce, now: InForce, own: readonly string[]): readonly string[] {
  return Object.keys({ ...before.settings, ...now.settings }).flatMap((name) => {
    const [was, is] = [before.settings[name], now.settings[name]];
    // Where one of them does not tell (a role has its own, a library is not loaded) there is nothing to compare.
    if (was === undefined || is === undefined || was === is) return [];
    if (isOfTheNode(name) || own.includes(nameOfFingerprint(name))) return [];
    return [`${name} was ${shown(was)} and is ${shown(is)}`];
  });
}

/** Those that the kernel derives from the memory of a host. */
const OF_THE_HOST: ReadonlySet<string> = new Set(['processes', 'pending signals']);

export function limitDifferences(before: InForce, now: InForce): readonly string[] {
  return Object.entries(before.limits).flatMap(([name, was]) => {
    const is = now.limits[name];
    return is === undefined || is === was || OF_THE_HOST.has(name)
      ? []
      : [`its limit of ${name} was ${was} and is ${is}`];
  });
}

function shown(value: string): string {
  return value.trim() === '' ? 'empty' : value;
}
