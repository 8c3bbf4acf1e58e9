import { mkdir, readdir, rm, symlink, writeFile } from 'node:fs/promises';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { asPitrError, PitrError } from '../../lib/base/errors/pitr-error.ts';
import { Unknown } from '../../lib/base/values/unknown.ts';
import type { Effect } from '../../lib/contract/effects.ts';
import type { ReadHost } from '../../lib/contract/host.ts';
import type { Change } from '../../lib/contract/module.ts';
import { listModules, loadModule } from '../../lib/modules/registry.ts';
import { postgresResource } from '../../lib/recovery/postgres/instance-resource.ts';
import { pathResource } from '../../lib/system/fs/path-resource.ts';
import { localPlayground } from './playground.ts';

type Task = readonly [module: string, params: (at: (name: string) => string) => object];

/** Tasks after which something is somewhere else, or gone. */
const TASKS: readonly Task[] = [
  ['fs.move', (at) => ({ src: at('file'), dest: at('moved') })],
  ['fs.move', (at) => ({ src: at('tree'), dest: at('moved') })],
  ['fs.move', (at) => ({ src: at('main'), dest: at('main.20260101T000000-0000') })],
  ['fs.move', (at) => ({ src: at('linked'), dest: at('linked.20260101T000000-0000') })],
  ['fs.file', (at) => ({ path: at('file'), state: 'absent' })],
  ['fs.file', (at) => ({ path: at('tree'), state: 'absent', recurse: true })],
  ['fs.file', (at) => ({ path: at('tree'), state: 'absent', recurse: true, keep: false })],
  ['barman.spool', (at) => ({ directory: at('spool'), state: 'absent', user: userInfo().username })],
  ['postgres.move_below', (at) => ({ pgdata: at('main'), into: at('main/data') })],
];

const MOVES_OR_REMOVES = /moved|remov|gone|absent/i;

describe('what a module says of later tasks and what it says of its effects', () => {
  it.each(
    TASKS.map(([name, params]) => [`${name} ${JSON.stringify(params((at) => at))}`, name, params] as const),
  )('are one thing, and what the run leaves: %s', async (_, name, params) => {
    await using ground = await localPlayground();
    const { play, dir } = ground;
    const at = (path: string) => join(dir, path);
    const task = params(at);
    const before = await files(dir);
    expect((await play.run(name, task)).status).toBe('changed');
    const { effects, predict } = await changeModule(name);
    const said = effects?.(JSON.parse(play.journal.at(-1)?.change ?? '') as Change) ?? [];
    const refs = [...before.map((path) => ({ kind: pathResource.kind, id: path })), ...said].flatMap(
      (ref) => [ref, ...said.flatMap((effect) => movedBy(effect, ref))],
    );
    const left = await lookAll(play.host(), refs);

    await files(dir);
    const foreseen = await lookAll(await play.foreseen(name, task), refs);
    expect(predict).toBeDefined();
    expect(foreseen).toEqual(left);
    for (const { kind, id, movedTo } of said)
      if (movedTo !== undefined) expect([id, foreseen.get(`${kind} ${id}`)]).toEqual([id, 'absent']);
  });

  it('is tried of every module of which something is somewhere else afterwards, or gone', async () => {
    const concerned: string[] = [];
    for (const name of await listModules()) {
      const module = await loadModule(name);
      if (module.kind === 'change' && MOVES_OR_REMOVES.test(String(module.effects))) concerned.push(name);
    }
    expect(concerned).toEqual([...new Set(TASKS.map(([name]) => name))].sort());
  });
});

/** Makes anew a file, a tree, data, data whose WAL lies elsewhere, and WAL that waits for a replay; gives all paths. */
async function files(dir: string): Promise<readonly string[]> {
  for (const name of await readdir(dir)) await rm(join(dir, name), { recursive: true });
  const at = (path: string) => join(dir, path);
  await mkdir(at('tree/sub'), { recursive: true });
  await writeFile(at('tree/sub/x'), '');
  await writeFile(at('file'), 'old');
  for (const data of ['main', 'linked']) {
    await mkdir(at(`${data}/base`), { recursive: true, mode: 0o700 });
    await writeFile(at(`${data}/PG_VERSION`), '15\n');
  }
  await mkdir(at('main/pg_wal'));
  await mkdir(at('wal'));
  await writeFile(at('wal/segment'), '');
  await symlink(at('wal'), at('linked/pg_wal'));
  await mkdir(at('spool'));
  await writeFile(at('spool/pitr-spool'), '');
  return (await readdir(dir, { recursive: true })).map(at);
}

async function changeModule(name: string) {
  const module = await loadModule(name);
  if (module.kind !== 'change') throw new Error(`${name} changes nothing`);
  return module;
}

type Ref = Pick<Effect, 'kind' | 'id'>;

/** Where an effect has moved what is told of. */
function movedBy({ kind, id, movedTo }: Effect, ref: Ref): readonly Ref[] {
  const inside = kind === ref.kind && `${ref.id}/`.startsWith(`${id}/`);
  return inside && movedTo !== undefined ? [{ kind, id: movedTo.id + ref.id.slice(id.length) }] : [];
}

/** What is there, in a word. */
async function lookAll(host: ReadHost, refs: readonly Ref[]): Promise<ReadonlyMap<string, string>> {
  const seen = new Map<string, string>();
  for (const { kind, id } of refs) {
    const looked =
      kind === postgresResource.kind ? host.look(postgresResource, id) : host.look(pathResource, id);
    const state = await looked.catch((error: unknown) => asPitrError(error));
    // A file is no place of data, before as after.
    if (state instanceof PitrError) expect(state.code).toBe('data-directory-unreadable');
    const word = state instanceof Unknown ? 'unknown' : 'data' in state ? state.data : String(state.kind);
    seen.set(`${kind} ${id}`, word);
  }
  return seen;
}
