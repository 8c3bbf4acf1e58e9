import { spawn } from 'node:child_process';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Lab } from '../../lab/lab.ts';
import { dataDirectory } from '../../lab/topology.ts';
import { commandLineFile, operatorEnvironment } from '../support/command-line.ts';
import { accidentOn, healthy, inodeOfData, type Scene, sharedLab } from '../support/lab.ts';
import { type PitrResult, pitr, runError } from '../support/pitr.ts';
import { CTRL_C, onTerminal } from '../support/terminal.ts';

let lab: Lab;
let scene: Scene;
let runId: string;
let inode: string;
/** The runs that moved on, oldest first. */
const moves: string[] = [];

beforeAll(async () => {
  lab = await sharedLab();
  scene = await accidentOn(lab);
  inode = await inodeOfData(lab, scene.target);
  const { backup, before } = scene.accident;
  const run = await pitr([
    ...['recover', backup.id, before, '--target', scene.target, '--restore'],
    ...['-i', lab.files.dockerInventory, '--output', 'json'],
  ]);
  expect(runError(run.events)).toBeUndefined();
  const [started] = run.events.filter((event) => event.type === 'run.started');
  runId = started?.runId ?? '';
});

afterAll(async () => {
  // all of it can be taken back from the journals alone, newest first
  for (const run of [...moves.toReversed(), runId]) {
    const undone = await pitr(['undo', run, '--yes', '--output', 'json']);
    expect({ code: undone.exitCode, said: undone.stdout.split('\n').slice(-3) }).toMatchObject({ code: 0 });
  }
  expect(await inodeOfData(lab, scene.target)).toBe(inode);
  await healthy(lab);
});

/** pitr with a text on its stdin. */
function piped(text: string, ...words: readonly string[]) {
  return new Promise<{ readonly code: number | null; readonly stdout: string; readonly stderr: string }>(
    (resolve, reject) => {
      const child = spawn(process.execPath, [commandLineFile(), ...words], { env: operatorEnvironment() });
      let stdout = '';
      let stderr = '';
      child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
        stdout += chunk;
      });
      child.stderr.setEncoding('utf8').on('data', (chunk: string) => {
        stderr += chunk;
      });
      child.once('error', reject);
      child.once('close', (code) => resolve({ code, stdout, stderr }));
      child.stdin.end(text);
    },
  );
}

const payments = 'select count(*) from payments';

describe('pitr peek', () => {
  it('by the run alone finds the instance and answers; the session cannot write', async () => {
    const seen = await pitr(['peek', runId, '-d', 'shop', '-Atc', payments]);
    expect(seen).toMatchObject({ exitCode: 0, stdout: `${scene.accident.tables.payments.rowsThen}\n` });
    const written = await pitr(['peek', runId, '-d', 'shop', '-c', 'delete from payments']);
    expect(written.exitCode).toBe(1);
    expect(written.stderr).toContain('read-only transaction');
  });

  it.each(['docker', 'ssh'] as const)(
    'over %s passes stdin through, and psql’s exit code',
    async (transport) => {
      const inventory = transport === 'docker' ? lab.files.dockerInventory : lab.files.sshInventory;
      const words = ['peek', scene.target, '-i', inventory, '-At', '-v', 'ON_ERROR_STOP=1', '-f', '-'];
      const well = await piped('show application_name;\nselect 42;\n', ...words);
      expect(well).toEqual({ code: 0, stdout: 'pitr-peek\n42\n', stderr: '' });
      const wrong = await piped('select 1/0;\nselect 42;\n', ...words);
      expect(wrong).toMatchObject({ code: 3, stdout: '' });
      expect(wrong.stderr).toContain('division by zero');
      const much = await piped('select * from generate_series(1, 200000);', ...words);
      expect(much.stdout.trimEnd().split('\n').length).toBe(200_000);
    },
  );

  it.each(['docker', 'ssh'] as const)(
    'over %s is psql itself on a terminal, with its Ctrl-C',
    async (transport) => {
      const inventory = transport === 'docker' ? lab.files.dockerInventory : lab.files.sshInventory;
      const seen = await onTerminal(
        ['peek', scene.target, '-i', inventory, '-d', 'shop'],
        [
          ['shop=#', `${payments};\n`],
          ['(1 row)', 'select pg_sleep(30);\n'],
          ['pg_sleep', CTRL_C],
          ['canceling statement', '\\q\n'],
        ],
      );
      expect(seen, seen.screen).toMatchObject({ exitCode: 0, typed: 4 });
      expect(seen.screen).toContain(String(scene.accident.tables.payments.rowsThen));
    },
  );

  it('by a run whose place another recovery has taken is refused; the node leads there', async () => {
    const note = `${dataDirectory(scene.target)}.pitr.json`;
    const other = '20010101T000000-0000';
    await lab.mustExec(scene.target, [
      'sh',
      '-c',
      `cp -p ${note} ${note}.own && sed -i s/${runId}/${other}/ ${note}`,
    ]);
    try {
      const seen = await pitr(['peek', runId, '-d', 'shop', '-Atc', payments]);
      expect(seen).toMatchObject({ exitCode: 5, stdout: '' });
      expect(seen.stderr.replace(/\s+/g, ' ')).toContain(
        `is the recovery of run ${other}, not that of run ${runId}`,
      );
      const moved = await pitr(['peek', runId, '--to', scene.accident.after, '--output', 'json']);
      expect(moved.exitCode).toBe(5);
      const byNode = await pitr([
        ...['peek', scene.target, '-i', lab.files.dockerInventory, '-d', 'shop', '-Atc', payments],
      ]);
      expect(byNode).toMatchObject({ exitCode: 0 });
    } finally {
      await lab.mustExec(scene.target, ['mv', `${note}.own`, note]);
    }
  });

  it('says what there is where nothing waits', async () => {
    const other = await pitr(['peek', scene.leader, '-i', lab.files.dockerInventory, '-c', 'select 1']);
    expect(other.exitCode).toBe(5);
    expect(other.stderr).toContain(`no recovery waits on ${scene.leader}`);
    // what is advised can be typed as it stands
    const advised = /Or ask it as it is: pitr (\S+) (\S+) -i (\S+) -u (\S+) -- (\S+) -p (\d+) -c/.exec(
      other.stderr,
    );
    const asked = await pitr([
      ...['exec', advised?.[2] ?? '', '-i', advised?.[3] ?? '', '-u', advised?.[4] ?? ''],
      ...['--', advised?.[5] ?? '', '-p', advised?.[6] ?? '', '-Atc', 'select 40 + 2'],
    ]);
    expect(asked, asked.stderr).toMatchObject({ exitCode: 0 });
    expect(asked.stdout).toContain('42');
    const unknown = await pitr(['peek', 'db9', '-i', lab.files.dockerInventory, '-c', 'select 1']);
    expect(unknown.exitCode).toBe(64);
  });
});

describe('pitr peek --to', () => {
  const to = async (moment: string): Promise<PitrResult> => {
    const result = await pitr(['peek', runId, '--to', moment, '--output', 'json']);
    const [started] = result.events.filter((event) => event.type === 'run.started');
    if (result.exitCode === 0 && started !== undefined) moves.push(started.runId);
    return result;
  };

  it('an earlier moment is refused with the way back, and nothing is changed', async () => {
    const earlier = new Date(Date.parse(`${scene.accident.backup.endedAt}`) + 1000).toISOString();
    const refused = await to(earlier);
    expect(refused.exitCode).toBe(5);
    const error = runError(refused.events);
    expect(error).toMatchObject({ kind: 'refused', code: 'target-behind' });
    expect(error?.next?.join('\n')).toContain(`pitr recover ${scene.accident.backup.id}`);
    const still = await pitr(['peek', runId, '-d', 'shop', '-Atc', payments]);
    expect(still.stdout.trim()).toBe(String(scene.accident.tables.payments.rowsThen));
  });

  it('a later moment is replayed to without a new restore, proved, and noted', async () => {
    const moved = await to(scene.accident.after);
    expect(runError(moved.events)).toBeUndefined();
    expect(moved.exitCode).toBe(0);
    const replayed = moved.events.findLast(
      (event) => event.type === 'host.result' && event.task.module === 'postgres.replay',
    );
    expect(replayed).toMatchObject({ status: 'ok', result: { reached: 'target', paused: true } });
    const restored = moved.events.some(
      (event) => event.type === 'host.result' && event.task.module === 'barman.recover',
    );
    expect(restored).toBe(false);
    const now = await pitr(['peek', runId, '-d', 'shop', '-Atc', payments]);
    expect(now.stdout.trim()).toBe('0');
    const note = await lab.mustExec(scene.target, ['cat', `${dataDirectory(scene.target)}.pitr.json`]);
    expect(Date.parse(JSON.parse(note).target_time.replace('+00', 'Z'))).toBe(
      Date.parse(scene.accident.after),
    );
    const again = await to(scene.accident.after);
    expect(
      again.events.filter(
        (event) =>
          event.type === 'host.result' &&
          event.status === 'changed' &&
          event.task.module === 'postgres.forward',
      ),
    ).toEqual([]);
  });
});
