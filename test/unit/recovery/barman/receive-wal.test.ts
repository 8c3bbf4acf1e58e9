import { userInfo } from 'node:os';
import { expect, it } from 'vitest';
import { isLost, startReceiving } from '../../../../lib/recovery/barman/receive-wal.ts';
import { blindHost } from '../../../support/blind-host.ts';
import { fakePrograms } from '../../../support/fake-programs.ts';

const stands = { name: '000000130000000000000001.partial', timeline: 19, bytes: 16 * 1024 * 1024 };

it.each([
  [true, 'ERROR:  requested WAL segment 000000130000000000000001 has already been removed'],
  [true, 'FEHLER:  das angeforderte WAL-Segment 000000130000000000000001 wurde schon entfernt'],
  [false, 'pg_receivewal: not renaming "000000130000000000000001.partial", segment is not complete'],
  [false, 'ERROR:  requested WAL segment 000000130000000000000002 has already been removed'],
  [false, 'failed opening the PostgreSQL streaming connection for server main'],
])('whether the leader has the WAL no more at which Barman stands is %s by: %s', (lost, stderr) => {
  expect(isLost(stands, { stdout: '', stderr })).toBe(lost);
});

/** As systemd starts it: with a PATH of the unit's own, in which none of these programs lie. */
const IN_UNIT = 'while [ "$1" != -- ]; do shift; done; shift; PATH=/usr/bin:/bin exec "$@"';
const BOOTED = {
  test: 'exit 0',
  id: 'echo 0',
  systemctl: "case $* in *--version*) echo 'systemd 252' ;; *) echo LoadState=loaded ;; esac",
  'systemd-run': IN_UNIT,
};

it.each([
  ['systemd gives a unit', BOOTED],
  ['there is no systemd', { test: 'exit 1' }],
])("Barman's cron is found where its user finds it, and its end is looked at: %s", async (_, programs) => {
  const start = async (cron: string) => {
    await using _programs = await fakePrograms({
      ...programs,
      barman: `[ "$*" = '-q cron' ] || exit 2; ${cron}`,
    });
    await using here = blindHost();
    return await startReceiving(here.host, userInfo().username);
  };
  expect(await start('exit 0')).toBeUndefined();
  expect(await start('echo "no such server" >&2; exit 1')).toMatchObject({
    exitCode: 1,
    stderr: 'no such server\n',
  });
});
