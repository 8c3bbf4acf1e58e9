import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { runHere } from '../support/run-here.ts';

const SCHEMA = '.pitr/playbook.schema.json';

describe('pitr new in a project', () => {
  let place: string;
  const pitr = (...words: string[]) => runHere(place, ...words);
  const read = (file: string) => readFile(join(place, file), 'utf8');

  beforeEach(async () => {
    const made = await mkdtemp(join(tmpdir(), 'pitr-new-'));
    place = made;
    const outer = process.env.PITR_STATE_DIR;
    process.env.PITR_STATE_DIR = join(made, 'state');
    // Made here, it needs no change of directory.
    expect((await pitr('new', 'project', '.')).stdout).not.toMatch(/^cd/m);
    return async () => {
      if (outer === undefined) delete process.env.PITR_STATE_DIR;
      else process.env.PITR_STATE_DIR = outer;
      await rm(made, { recursive: true, force: true });
    };
  });

  it('tells the editor of a module that is begun there', async () => {
    const { stdout, code } = await pitr('new', 'module', 'cron.job');
    expect({ code, stdout }).toEqual({
      code: 0,
      stdout: expect.stringContaining(`written anew: ${SCHEMA}\nwritten anew: .pitr/inventory.schema.json\n`),
    });
    expect(Object.keys(JSON.parse(await read(SCHEMA)).definitions)).toEqual(
      expect.arrayContaining(['site.line', 'cron.job']),
    );
    for (const file of ['site.yml', 'test-site-line.yml', 'test-cron-job.yml'])
      expect(await read(file)).toMatch(/^# yaml-language-server: \$schema=\.pitr\/playbook\.schema\.json\n/);
    expect(await pitr('play', 'test-cron-job.yml')).toMatchObject({ code: 0, stderr: '' });
  });

  it('begins a module beside a broken one, and says why the editor does not know it yet', async () => {
    const before = await read(SCHEMA);
    const broken = (await read('modules/site/line.ts')).replace('summary', 'sumary');
    await writeFile(join(place, 'modules/site/worse.ts'), broken);
    const { stdout, code } = await pitr('new', 'module', 'cron.job');
    expect({ code, stdout }).toEqual({
      code: 0,
      stdout: expect.stringMatching(/left as it was: \.pitr\/playbook\.schema\.json \(.*sumary/),
    });
    expect(await read(SCHEMA)).toBe(before);
  });
});
