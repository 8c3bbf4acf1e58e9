import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { productPlaybooks } from '../../lib/language/playbook/assets.ts';
import { newDirectory, play } from '../engine/support.ts';

/** The note of a recovery that its cut-over has left beside the data: revert.yml takes it away, by its last play. */

const RUN = '20261122T144512-7f3a';
const HERE = { ansible_connection: 'local' };
const ours = (run: unknown) => JSON.stringify({ run, old_data: `/data.pre-pitr.${String(run)}` });

async function lastPlay(): Promise<string> {
  const text = await readFile(join(productPlaybooks(), 'revert.yml'), 'utf8');
  const last = text.split(/^(?=- name: )/m).at(-1) ?? '';
  return last.replaceAll(/(?<=[ [])(?=vars\/[a-z-]+\.yml)/g, `${productPlaybooks()}/`);
}

/** What lies beside the data of each member afterwards, with the id of the run as RUN. */
async function afterwards(notes: Readonly<Record<string, string>>, mode: 'run' | 'check' = 'run') {
  const directory = await newDirectory();
  const hosts: Record<string, object> = {};
  for (const name of ['one', 'two']) {
    await mkdir(join(directory, name));
    hosts[name] = { ...HERE, pgdata: join(directory, name, 'data') };
    const note = notes[name];
    if (note !== undefined) await writeFile(join(directory, name, 'data.pitr.json'), note);
  }
  const inventory = join(directory, 'hosts.yml');
  await writeFile(inventory, JSON.stringify({ patroni: { hosts } }));
  const extraVars = { recovery_run: RUN, leader: 'one' };
  const request = { directory, inventories: [inventory], extraVars, mode };
  const { outcome, results, messages } = await play(await lastPlay(), request);
  const files = async (name: string) =>
    (await readdir(join(directory, name))).map((file) => file.replace(outcome.runId, 'RUN'));
  return {
    error: outcome.error?.toJSON(),
    files: { one: await files('one'), two: await files('two') },
    changed: results.filter((result) => /: (changed|would change)$/.test(result)),
    messages,
  };
}

describe('the note of a recovery that was taken back', () => {
  const CHANGED = ['two: Put the note with the data that was taken back: changed'];

  it('comes beside the data that was taken back, on the member that has it', async () => {
    const { error, files, changed } = await afterwards({ two: ours(RUN) });
    expect(error).toBeUndefined();
    expect(files).toEqual({ one: [], two: ['data.reverted.RUN.json'] });
    expect(changed).toEqual(CHANGED);
  });

  it('is told by a check', async () => {
    const { error, files, changed } = await afterwards({ two: ours(RUN) }, 'check');
    expect([error, files.two]).toEqual([undefined, ['data.pitr.json']]);
    expect(changed).toEqual(CHANGED);
  });

  it.each([
    ['of another recovery', ours('20261122T144512-0000')],
    ['of no run', '{}'],
    ['that is no map', '["run"]'],
  ])('stays where it is one %s', async (_words, note) => {
    const { error, files, changed } = await afterwards({ two: note });
    expect([error, changed, files.two]).toEqual([undefined, [], ['data.pitr.json']]);
  });

  it('stays where it cannot be read, and that is said', async () => {
    const { error, files, messages } = await afterwards({ one: ours(RUN), two: '{"run": ' });
    expect([error, files.one, files.two]).toEqual([
      undefined,
      ['data.reverted.RUN.json'],
      ['data.pitr.json'],
    ]);
    expect(messages.join()).toContain('data.pitr.json on two cannot be read');
  });
});
