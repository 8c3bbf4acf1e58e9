import { PitrError } from '../../base/errors/pitr-error.ts';
import { formatVersion, parseVersion, type Version } from '../../base/values/version.ts';
import { OLDEST_KNOWN } from './version.ts';

/**
 * The version in what `barman --version` has said. Throws kind `refused` where it says none, or one whose options are
 * not known: how a copy is begun, and gone on with, depends on it.
 */
export function knownVersion(said: string, host: string): Version {
  const version = parseVersion(said);
  if (version === undefined) {
    throw new PitrError({
      kind: 'refused',
      code: 'barman-version-unknown',
      message: 'Barman does not say of which version it is, and which options it has depends on that',
      details: said.trim() === '' ? [] : [`barman --version says: ${said.trim().split('\n')[0]}`],
      host,
      next: [
        `See what it says on ${host}: barman --version. It must be the program itself, and nothing around it.`,
      ],
    });
  }
  if (version >= OLDEST_KNOWN) return version;
  throw new PitrError({
    kind: 'refused',
    code: 'barman-too-old',
    message: `Barman ${formatVersion(version)} is older than ${formatVersion(OLDEST_KNOWN)}, the oldest whose options are known`,
    host,
    next: [`Install Barman ${formatVersion(OLDEST_KNOWN)} or a later one on ${host}.`],
  });
}
