import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { listRuns } from '../../lib/engine/journal/read.ts';
import { runHere } from '../support/run-here.ts';

let place: string;
let note: string;
/** A recovery, and a later one that waits in its place. */
let first: string;
let later: string;
/** It went on with the first: its lock is about that. */
let moved: string;

const LOCK = (allow: string) => `- hosts: here
  tasks:
    - core.lock: { name: shop, user: ${userInfo().username}, directory: ${place}/locks, purpose: recover, keep: false${allow} }
`;

beforeAll(async () => {
  place = await mkdtemp(join(tmpdir(), 'pitr-peek-'));
  vi.stubEnv('PITR_STATE_DIR', join(place, 'state'));
  note = join(place, 'data.pitr.json');
  await mkdir(join(place, 'data'));
  await writeFile(
    join(place, 'inventory.yml'),
    `all: { hosts: { here: { ansible_connection: local, pgdata: ${place}/data } } }\n`,
  );
  first = await recovered('');
  later = await recovered('');
  moved = await recovered(`, allow: ${first}`);
});

afterAll(async () => {
  vi.unstubAllEnvs();
  await rm(place, { recursive: true, force: true });
});
beforeEach(() => rm(note, { recursive: true, force: true }));

/** A run that names its target, and recovers nothing. */
async function recovered(allow: string): Promise<string> {
  await writeFile(join(place, 'recovered.yml'), LOCK(allow));
  const before = await listRuns();
  const ended = await runHere(place, 'play', 'recovered.yml', '-e', 'target=here');
  expect(ended, ended.stdout + ended.stderr).toMatchObject({ code: 0 });
  return (await listRuns()).find((run) => !before.includes(run)) ?? '';
}

/** `pitr peek <run> --to` up to what forward.yml itself says. */
async function moveOn(run: string, ...words: readonly string[]): Promise<string> {
  const to = ['--to', '2026-01-23 12:30:00+00', '--check'];
  const ended = await runHere(place, 'peek', run, ...to, ...words);
  return (ended.stdout + ended.stderr).replace(/\s+/g, ' ');
}

const OTHER = /what waits on here is the recovery of run/;
const UNKNOWN = /cannot tell whether what waits on here/;

describe('a run that is named to pitr peek', () => {
  it('is not the recovery that waits, where the note is of another: it is not moved on', async () => {
    await writeFile(note, JSON.stringify({ run: later }));
    const said = await moveOn(first, '-e', 'pg_port=5433');
    expect(said).toContain(`what waits on here is the recovery of run ${later}, not that of run ${first}`);
    expect(said).toContain(`pitr peek here -i ${join(place, 'inventory.yml')} -e 'pg_port=5433'`);
  });

  it('is it where the note says so', async () => {
    await writeFile(note, JSON.stringify({ run: first }));
    const said = await moveOn(first);
    expect(said).not.toMatch(OTHER);
    expect(said).not.toMatch(UNKNOWN);
    expect(said).toContain('playbooks/forward.yml');
  });

  it('is of it where it went on with the recovery that the note names', async () => {
    await writeFile(note, JSON.stringify({ run: first }));
    expect(await moveOn(moved)).not.toMatch(OTHER);
    expect(await moveOn(later)).toMatch(OTHER);
  });

  it.each([
    ['is not there', undefined],
    ['names no run', '{}'],
    ['is no JSON', 'x'],
    ['is no name of a run', '{"run": "../x"}'],
  ])('is not taken for it where the note %s', async (_, text) => {
    if (text !== undefined) await writeFile(note, text);
    expect(await moveOn(first)).toMatch(UNKNOWN);
  });

  it('is not taken for it where the note cannot be read', async () => {
    await mkdir(note);
    expect(await moveOn(first)).toMatch(UNKNOWN);
  });
});
