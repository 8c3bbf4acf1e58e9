import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { Masker } from '../../../../lib/base/values/masker.ts';
import {
  type InForce,
  limitDifferences,
  parseInForce,
  parseLimits,
  settingDifferences,
} from '../../../../lib/recovery/postgres/in-force.ts';
import { readLimits } from '../../../../lib/recovery/postgres/look-in-force.ts';
import { blindHost } from '../../../support/blind-host.ts';
import { errorOf } from '../../../support/errors.ts';

const inForce = (settings: InForce['settings'], limits: InForce['limits'] = {}): InForce => ({
  settings,
  limits,
});

it('settings are compared by what is in force, and those of a node are no difference', () => {
  const before = inForce({
    max_connections: '150',
    port: '5431',
    work_mem: '4096 kB',
    'auto_explain.x': 'on',
    a: '',
  });
  const now = inForce({ max_connections: '100', port: '6432', work_mem: '8192 kB', a: 'b' });
  expect(settingDifferences(before, now, ['work_mem'])).toEqual([
    'max_connections was 150 and is 100',
    'a was empty and is b',
  ]);
});

it('settings with the name of a secret are compared, though no journal holds them', () => {
  const told = (secret: string) =>
    parseInForce(
      JSON.stringify({
        settings: {
          'app.jwt_secret': secret,
          'credcheck.password_min_length': '8',
          'credcheck.password_contain': '',
          md5_password_warnings: 'on',
          primary_conninfo: 'host=db1 password=left-over',
          archive_command: 'PGPASSWORD=of-the-archive push %p',
        },
        pending: [],
      }),
    );
  const masker = new Masker();
  const before = told('eyJ-sealed');
  masker.learn(before);
  const journalled = masker.data(before);
  expect(journalled).toEqual(before);
  expect(JSON.stringify(journalled)).not.toMatch(/eyJ|left-over|of-the-archive/);
  expect(before.settings).toMatchObject({ md5_password_warnings: 'on' });

  const [then, again, now] = [journalled, told('eyJ-sealed'), told('eyJ-another')].map(({ settings }) =>
    inForce(settings),
  ) as [InForce, InForce, InForce];
  expect(settingDifferences(then, again, [])).toEqual([]);
  expect(settingDifferences(then, now, [])).toEqual([
    expect.stringMatching(/^app\.jwt_secret-fingerprint was [\da-f]{4} and is [\da-f]{4}$/),
  ]);
  expect(settingDifferences(then, now, ['app.jwt_secret'])).toEqual([]);
});

it('limits are read from /proc', () => {
  const printed = `Limit                     Soft Limit           Hard Limit           Units
Max cpu time              unlimited            unlimited            seconds
Max open files            1024                 20000                files
Max nice priority         0                    0                    `;
  const limits = parseLimits(printed);
  expect(limits).toEqual({ 'cpu time': 'unlimited', 'open files': '1024', 'nice priority': '0' });
  expect(limitDifferences(inForce({}, { 'open files': '20000' }), inForce({}, limits))).toEqual([
    'its limit of open files was 20000 and is 1024',
  ]);
  expect(limitDifferences(inForce({}, { 'open files': '20000' }), inForce({}))).toEqual([]);
});

it('a primary is not restarted for settings of a replica that Patroni has taken out of its file', () => {
  const told = { settings: {}, pending: ['recovery_target_time', 'max_connections', 'primary_conninfo'] };
  expect(parseInForce(JSON.stringify(told)).pending).toEqual(['max_connections']);
});

it('limits that nobody tells are not taken for none that differ', async () => {
  const pgdata = await mkdtemp(join(tmpdir(), 'pitr-limits-'));
  onTestFinished(() => rm(pgdata, { recursive: true }));
  const user = userInfo().username;
  await using here = blindHost();
  await writeFile(join(pgdata, 'postmaster.pid'), `${process.pid}\n`);
  expect(await readLimits(here.host, { pgdata, user })).toHaveProperty('open files');
  await writeFile(join(pgdata, 'postmaster.pid'), '0\n');
  expect(await errorOf(readLimits(here.host, { pgdata, user }))).toMatchObject({
    code: 'limits-unknown',
    message: expect.stringContaining(pgdata),
  });
});
