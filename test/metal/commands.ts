import { expect } from 'vitest';
import type { Lab } from '../../lab/lab.ts';
import { askingHost } from '../../lab/metal/host-setup.ts';
import { storedVariants } from '../../lab/metal/variants.ts';
import { silent } from '../../lab/progress.ts';
import { labSeed } from '../../lab/seed.ts';
import { healthy } from '../support/lab.ts';
import { type PitrResult, pitr } from '../support/pitr.ts';
import { played, run, runIdOf } from './steps.ts';

/** A line of a command that only looks. */
interface Line {
  readonly type: string;
  readonly [key: string]: unknown;
}

const linesOf = ({ events }: PitrResult): readonly Line[] => events as readonly object[] as readonly Line[];

/** What a command says that has nothing to complain of. */
async function said(lab: Lab, command: string, ...words: readonly string[]): Promise<readonly Line[]> {
  const result = await pitr([command, '-i', lab.files.metalInventory, '--output', 'json', ...words]);
  expect({ exitCode: result.exitCode, stderr: result.stderr }, result.stdout).toEqual({
    exitCode: 0,
    stderr: '',
  });
  return linesOf(result);
}

/** What pitr makes on a host is thereby shown to be as it must under a umask that closes files to everybody else. */
export async function hasItsUmask(lab: Lab): Promise<void> {
  const umask = storedVariants(lab.files.metalVariants)?.umask;
  const answers = await said(lab, 'exec', 'db1', '-u', 'postgres', '--', 'sh', '-c', 'umask');
  expect(answers).toMatchObject([{ host: 'db1', stdout: `0${umask}\n` }]);
}

/** An ordinary user logs in for all of them, and becomes whom the inventory says. */
export async function isAsked(lab: Lab): Promise<void> {
  await healthy(lab, 180_000);
  const { members } = lab.shape;
  const pongs = await said(lab, 'ping');
  expect(pongs.map(({ host }) => host).toSorted()).toEqual(['barman', 'etcd', ...members].toSorted());
  for (const pong of pongs) expect(pong).toMatchObject({ status: 'ok', user: 'deploy', becomes: 'root' });

  const words = ['$HOME', "it's", 'a  b', '', '*'];
  const asTyped = words.map((word) => `${word}|`).join('');
  const answers = await said(lab, 'exec', 'patroni', '-u', 'postgres', '--', 'printf', '%s|', ...words);
  expect(answers.map(({ host, stdout }) => [host, stdout])).toEqual(
    expect.arrayContaining(members.map((host) => [host, asTyped])),
  );
  expect(await said(lab, 'exec', 'barman', '-u', 'barman', '--', 'id', '-un')).toMatchObject([
    { host: 'barman', stdout: 'barman\n' },
  ]);

  const seed = await labSeed(lab, silent);
  const backups = await said(lab, 'backups');
  expect(backups.find(({ id }) => id === seed.backup.id)).toMatchObject({
    server: seed.backup.server,
    status: 'DONE',
    ranges: expect.arrayContaining([expect.objectContaining({ gaps: [] })]),
  });

  const { events } = await run(played(lab, 'status.yml'));
  const runId = runIdOf(events);
  const one = linesOf(await pitr(['runs', runId, '--output', 'json']));
  expect(one[0]).toMatchObject({ type: 'run', id: runId, status: 'ok', changes: 0 });
  const all = linesOf(await pitr(['runs', '--output', 'json']));
  expect(all.map(({ id }) => id)).toContain(runId);
}

/** Who logs in is not all that has to work: a password that sudo does not take is told, host by host. */
export async function tellsWrongPassword(lab: Lab): Promise<void> {
  const other = lab.shape.members.find((host) => host !== askingHost);
  const result = await pitr([
    ...['ping', `${askingHost},${other}`, '-i', lab.files.metalInventory, '--output', 'json'],
    ...['-e', 'ansible_become_password=nobody-has-this-one'],
  ]);
  expect(linesOf(result)).toMatchObject([
    { host: askingHost, status: 'failed', error: { code: 'become-password-wrong' } },
    { host: other, status: 'ok', user: 'deploy', becomes: 'root' },
  ]);
  expect(result.exitCode).toBe(4);
  // sudo's own words are read, in the language of the host.
  if (storedVariants(lab.files.metalVariants)?.locale === 'de')
    expect(JSON.stringify(linesOf(result)[0])).toContain('Das hat nicht funktioniert');
}
