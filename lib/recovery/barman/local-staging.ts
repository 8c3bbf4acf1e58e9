import type { Version } from '../../base/values/version.ts';
import type { ReadHost } from '../../contract/host.ts';
import { probe } from '../../contract/probe.ts';
import { evidenceOf } from '../../transport/command-failed.ts';
import { type BackupInfo, type CompleteBackup, isPacked } from './backup-info.ts';
import type { ServerConfig, StagingPlace } from './config.ts';
import { barmanCommandFailed } from './errors.ts';
import { knownVersion } from './known-version.ts';
import { locatesStaging, stagesLocally } from './version.ts';

type Kind = Pick<BackupInfo, 'parent' | 'encryption'>;

/**
 * Whether Barman of this version puts the backup together, or decrypts it, on its own host before it copies anything, in a
 * place that it takes from its configuration alone: it refuses the copy where there is none.
 */
export function isStagedLocally(backup: Kind, version: Version): boolean {
  return mayBeStaged(backup) && stagesLocally(version);
}

/**
 * Where Barman puts a difference to another backup together; nothing where it is none, or where it is not said and this
 * version has no default. `told` is the staging path that a recovery names: since 3.15 the command says it, on the
 * receiving host, as it does where such a backup is packed.
 */
export function combinedIn(
  backup: Pick<BackupInfo, 'parent' | 'encryption' | 'compression'>,
  version: Version,
  server: Pick<ServerConfig, 'staging' | 'stagingPath' | 'localStagingPath'>,
  told: string | undefined,
): StagingPlace | undefined {
  if (backup.parent === undefined) return undefined;
  const { staging, stagingPath, localStagingPath: local } = server;
  if (stagesLocally(version)) return local === undefined ? undefined : { remote: false, path: local };
  if (!locatesStaging(version)) return undefined;
  const there = told ?? (isPacked(backup) ? stagingPath : undefined);
  return there === undefined ? staging : { remote: true, path: there };
}

/** Where Barman unpacks, decrypts or combines a backup before it is whole: what may fill up beside the destination. */
export function stagedIn(
  backup: BackupInfo,
  version: Version,
  server: ServerConfig,
  told: string | undefined,
): readonly StagingPlace[] {
  const unpacked = isPacked(backup) ? (told ?? server.stagingPath) : undefined;
  // Always on its own host; since 3.15 in a directory of the same name.
  const own = stagesLocally(version) ? server.localStagingPath : unpacked;
  const decrypted = backup.encryption === undefined ? undefined : own;
  const combined = combinedIn(backup, version, server, told);
  return [
    ...(unpacked === undefined ? [] : [{ remote: true, path: unpacked }]),
    ...(decrypted === undefined ? [] : [{ remote: false, path: decrypted }]),
    ...(combined === undefined ? [] : [combined]),
  ];
}

/** What `barman.backup` tells of that. Throws kind `refused` where nobody can tell of which version Barman is. */
export async function stagingOf(
  host: ReadHost,
  backup: CompleteBackup,
  server: ServerConfig | undefined,
  told: string | undefined,
  user: string,
): Promise<{
  readonly staged_locally?: true | undefined;
  readonly local_staging_path?: string | undefined;
  readonly combined_in?: string | undefined;
}> {
  const configured = { local_staging_path: server?.localStagingPath };
  if (!mayBeStaged(backup) || server === undefined) return configured;
  const said = await host.query(probe(['barman', '--version'], { user }));
  if (said.exitCode !== 0) throw barmanCommandFailed(host.name, said.exitCode, evidenceOf(said));
  const version = knownVersion(said.stdout, host.name);
  if (isStagedLocally(backup, version)) return { ...configured, staged_locally: true };
  const place = combinedIn(backup, version, server, told);
  if (place === undefined) return configured;
  return place.remote
    ? { ...configured, combined_in: place.path }
    : { staged_locally: true, local_staging_path: place.path };
}

function mayBeStaged({ parent, encryption }: Kind): boolean {
  return parent !== undefined || encryption !== undefined;
}
