import type { Version } from '../../base/values/version.ts';
import type { ReadHost } from '../../contract/host.ts';
import { probe } from '../../contract/probe.ts';
import { evidenceOf } from '../../transport/command-failed.ts';
import type { BackupInfo } from './backup-info.ts';
import { barmanCommandFailed } from './errors.ts';
import { knownVersion } from './known-version.ts';
import { stagesLocally } from './version.ts';

type Kind = Pick<BackupInfo, 'parent' | 'encryption'>;

/**
 * Whether Barman of this version puts the backup together, or decrypts it, on its own host before it copies anything, in a
 * place that it takes from its configuration alone: it refuses the copy where there is none.
 */
export function isStagedLocally(backup: Kind, version: Version): boolean {
  return mayBeStaged(backup) && stagesLocally(version);
}

/** The same of the Barman on this host. Throws kind `refused` where nobody can tell which version that is. */
export async function willBeStagedLocally(host: ReadHost, backup: Kind, user: string): Promise<boolean> {
  if (!mayBeStaged(backup)) return false;
  const said = await host.query(probe(['barman', '--version'], { user }));
  if (said.exitCode !== 0) throw barmanCommandFailed(host.name, said.exitCode, evidenceOf(said));
  return isStagedLocally(backup, knownVersion(said.stdout, host.name));
}

function mayBeStaged({ parent, encryption }: Kind): boolean {
  return parent !== undefined || encryption !== undefined;
}
