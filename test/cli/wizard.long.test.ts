import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { ailments, currentLeader, sql } from '../../lab/cluster.ts';
import type { Lab } from '../../lab/lab.ts';
import { clockOff } from '../support/clock-off.ts';
import { accidentOn, chosenInventory, inodeOfData, type Scene, sharedLab } from '../support/lab.ts';
import { pitr, runError } from '../support/pitr.ts';
import { CTRL_C, type Dialogue, onTerminal } from '../support/terminal.ts';

let lab: Lab;
let scene: Scene;

beforeAll(async () => {
  lab = await sharedLab();
  scene = await accidentOn(lab);
});

/** The questions of the wizard, and answers that lead to an inspection. */
function answers(): Dialogue {
  return [
    ['Backup (r reads them again)', `${scene.accident.backup.id}\n`],
    ['Target time', `${scene.accident.before}\n`],
    ['Target node', `${scene.target}\n`],
    ['How WAL is fetched', '\n'],
    ['What to do', '2\n'],
    ['Start now?', 'y\n'],
  ];
}

const FORMAT = `'YYYY-MM-DD HH24:MI:SS.US+00'`;

const wizard = (dialogue: Dialogue, env: Readonly<Record<string, string>> = {}) =>
  onTerminal(['recover', '-i', chosenInventory(lab), '--output', 'text'], dialogue, env);

describe('the wizard', () => {
  it.each([0, 1, 2, 3, 4, 5])('Ctrl-C at question %i changes nothing and ends with 130', async (at) => {
    const inode = await inodeOfData(lab, scene.target);
    const all = answers();
    const left = await wizard([...all.slice(0, at), [all[at]?.[0] ?? '', CTRL_C]]);
    expect(left, left.screen).toMatchObject({ exitCode: 130, typed: at + 1 });
    expect(left.screen).toContain('nothing was changed');
    expect(await ailments(lab)).toEqual([]);
    expect(await inodeOfData(lab, scene.target)).toBe(inode);
  });

  it('"no" at the end changes nothing, either', async () => {
    const declined = await wizard([...answers().slice(0, -1), ['Start now?', '\n']]);
    expect(declined, declined.screen).toMatchObject({ exitCode: 130, typed: 6 });
    expect(await ailments(lab)).toEqual([]);
  });

  it('a "y" that was typed while the plan was made starts nothing', async () => {
    const declined = await wizard([
      ...answers().slice(0, -1),
      // the banner stands before the plan, which takes longer than the typing
      ['Plan', 'y\n'],
      ['Start now?', '\n'],
    ]);
    expect(declined, declined.screen).toMatchObject({ exitCode: 130, typed: 7 });
    expect(await ailments(lab)).toEqual([]);
  });

  it('asks again for what cannot be, shows the plan, and recovers to an inspection on yes', async () => {
    const [backup, moment, target, ...rest] = answers();
    if (backup === undefined || moment === undefined || target === undefined) throw new Error('answers');
    const run = await wizard([
      [backup[0], 'r\n'],
      [backup[0], '99\n'],
      backup,
      [moment[0], '2026-11-22 10:00:00\n'],
      ['does not say in which time zone', ''],
      [moment[0], '2001-01-01 00:00:00+00\n'],
      ['Target time is before backup end time!', ''],
      moment,
      [target[0], `${scene.leader}\n`],
      ['all the same? [y/N]', 'n\n'],
      target,
      ...rest,
    ]);
    expect(run, run.screen).toMatchObject({ exitCode: 0 });
    expect(run.screen).toContain('would change: [');
    expect(run.screen).toContain('[7.8/10] Monitoring recovery progress...');
    expect(run.screen).toContain('Post-Restore Verification SQL Checklist');
    expect(await currentLeader(lab)).toBe(scene.leader);
    const back = await pitr([
      ...['play', 'rollback.yml', '-i', chosenInventory(lab), '-e', `target=${scene.target}`],
      ...['--output', 'json'],
    ]);
    expect(runError(back.events)).toBeUndefined();
  });

  it('tells by the clock of the Barman host whether a moment that is in no archive yet has come', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'pitr-clock-'));
    try {
      const clock = await clockOff(folder, -1);
      const now = (more: string) =>
        sql(lab, scene.leader, `select to_char(clock_timestamp() at time zone 'UTC' + '${more}', ${FORMAT})`);
      // The leader archives only what was committed.
      await sql(lab, scene.leader, 'create table written_late (); drop table written_late');
      const come = await now('0 s');
      const left = await wizard(
        [
          ...answers().slice(0, 1),
          ['Target time', `${await now('30 min')}\n`],
          ['Target time', `${come}\n`],
          ['Target node', CTRL_C],
        ],
        clock,
      );
      expect(left, left.screen).toMatchObject({ exitCode: 130, typed: 4 });
      expect(left.screen).toContain('That moment has not come yet.');
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  it('without a terminal is a mistake on the command line', async () => {
    const result = await pitr(['recover', '-i', chosenInventory(lab)]);
    expect(result.exitCode).toBe(64);
    expect(result.stderr).toContain('there is no terminal');
  });
});
