import { mkdir, writeFile } from 'node:fs/promises';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { readArchiveSettings } from '../../lib/recovery/barman/archive-tail.ts';
import { errorOf } from '../support/errors.ts';
import { type LocalPlayground, localPlayground } from './playground.ts';

const user = userInfo().username;

/** Data of a version, and a `postgres -C` that answers as that version does. */
async function dataOf(ground: LocalPlayground, version: string | undefined, library: string) {
  const pgdata = join(ground.dir, 'data');
  const bin = join(ground.dir, 'bin');
  await mkdir(pgdata);
  await mkdir(bin);
  if (version !== undefined) await writeFile(join(pgdata, 'PG_VERSION'), `${version}\n`);
  const text = `#!/bin/sh
for name do :; done
# A file of include_if_exists that is not there: PostgreSQL says so each time.
echo '2026-11-30 10:00:00.000 UTC [7] LOG:  skipping missing configuration file "x.conf"' >&2
case $name in archive_mode) echo on ;; archive_command) echo 'cp %p /a/%f' ;; archive_library) ${library} ;; esac
`;
  await writeFile(join(bin, 'postgres'), text, { mode: 0o755 });
  return { pgdata, bin, user };
}

const UNKNOWN = [
  'postgres: unrecognized configuration parameter "archive_library"',
  // lc_messages of the configuration counts, whatever the environment says.
  'FEHLER:  nicht erkannter Konfigurationsparameter »archive_library«',
];

it.each([
  ['replayed from PostgreSQL 12, by its manual', '12', `echo '${UNKNOWN[0]}' >&2; exit 1`, ''],
  ['replayed from PostgreSQL 13 that speaks German', '13', `echo '${UNKNOWN[1]}' >&2; exit 1`, ''],
  ['replayed from PostgreSQL 14 that speaks German', '14', `echo '${UNKNOWN[1]}' >&2; exit 1`, ''],
  ['replayed from PostgreSQL 15, by its manual', '15', 'echo', ''],
  ['replayed from PostgreSQL 18, by its manual', '18', 'echo basic_archive', 'basic_archive'],
])('which library archives, %s', async (_, version, says, library) => {
  await using ground = await localPlayground();
  const place = await dataOf(ground, version, says);
  expect(await readArchiveSettings(ground.play.host(), place)).toEqual({
    mode: 'on',
    command: 'cp %p /a/%f',
    library,
  });
});

it.each([
  ['of data whose version cannot be told', undefined, 'echo'],
  ['of a version that has one and does not tell it', '15', 'echo no >&2; exit 1'],
])('which library archives is not known %s', async (_, version, says) => {
  await using ground = await localPlayground();
  const place = await dataOf(ground, version, says);
  expect(await errorOf(readArchiveSettings(ground.play.host(), place))).toMatchObject({
    code: 'settings-unreadable',
  });
});
