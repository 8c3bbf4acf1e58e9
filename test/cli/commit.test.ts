import { mkdir, mkdtemp, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir, userInfo } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { checkoutRoot } from '../../lab/checkout.ts';
import { goOn } from '../../lib/engine/journal/go-on.ts';
import { listRuns, readRun } from '../../lib/engine/journal/read.ts';
import { withoutWaits } from '../support/pitr.ts';
import { runHere } from '../support/run-here.ts';

let place: string;
let outer: string | undefined;

beforeAll(() => {
  outer = process.env.PITR_STATE_DIR;
});

beforeEach(async () => {
  const fresh = await mkdtemp(join(tmpdir(), 'pitr-commit-'));
  place = fresh;
  process.env.PITR_STATE_DIR = join(place, 'state');
  const page = await readFile(join(checkoutRoot, 'docs', 'writing-modules.md'), 'utf8');
  const [, store = ''] = [...page.matchAll(/```ts\n(.*?)```/gs)].map(([, code = '']) => code);
  await file('modules/site/store.ts', store);
  await mkdir(join(place, 'data'));
  return () => rm(fresh, { recursive: true, force: true });
});

afterAll(() => {
  if (outer === undefined) delete process.env.PITR_STATE_DIR;
  else process.env.PITR_STATE_DIR = outer;
});

async function file(name: string, text: string): Promise<void> {
  await mkdir(dirname(join(place, name)), { recursive: true });
  await writeFile(join(place, name), text);
}

const pitr = (...words: string[]) => runHere(place, ...words);
/** Text that is laid out, on one line. */
const flat = (text: string): string => text.replace(/\s+/g, ' ');
const inventory = (): Promise<void> =>
  file('inventory.yml', 'all: { hosts: { one: { ansible_connection: local } } }\n');

/** Plays these tasks on this machine, and gives the id of the run. */
async function played(tasks: string): Promise<string> {
  await file('site.yml', `- hosts: one\n  tasks:\n${tasks.trim().replace(/^/gm, '    ')}\n`);
  const { code, stderr } = await pitr('play', 'site.yml', '-i', 'inventory.yml');
  expect({ code, stderr }).toMatchObject({ code: 0 });
  const [run] = await listRuns();
  return run ?? 'none';
}

const old = async (): Promise<readonly string[]> =>
  (await readdir(place)).filter((name) => name.startsWith('data.'));

it("lets old data that somebody else's module has kept go where no cluster is concerned, and says so", async () => {
  await inventory();
  const run = await played(`- site.store: { data: ${place}/data }`);
  expect(await old()).toEqual([`data.${run}`]);
  const checked = withoutWaits(await pitr('commit', run, '--check'));
  expect(checked).toMatchObject({ code: 0, stderr: '' });
  expect(flat(checked.stdout)).toContain('No PostgreSQL is concerned');
  expect(await old()).toEqual([`data.${run}`]);
  const committed = withoutWaits(await pitr('commit', run, '--yes'));
  expect(committed).toMatchObject({ code: 0, stderr: '' });
  expect(await old()).toEqual([]);
});

it('says so where nothing is kept any more', async () => {
  await inventory();
  const run = await played(`- site.store: { data: ${place}/data }`);
  await rm(join(place, `data.${run}`), { recursive: true });
  const { code, stdout } = await pitr('commit', run, '--check');
  expect({ code, stdout }).toEqual({ code: 0, stdout: 'Nothing is kept any more.\n' });
});

it('lets old files go that no journal could hold: big ones, and those with a secret', async () => {
  await inventory();
  const big = 'a line of what it was before\n'.repeat(4_000);
  await file('big.conf', big);
  await file('gone.conf', big);
  await file('secret.conf', 'password = pear-tree-9\n');
  const run = await played(`
- set_fact: { api_password: pear-tree-9 }
- fs.copy: { content: "new\\n", dest: ${place}/big.conf }
- fs.copy: { content: "new\\n", dest: ${place}/secret.conf }
- fs.file: { path: ${place}/gone.conf, state: absent }`);
  const beside = async (): Promise<readonly string[]> =>
    (await readdir(place))
      .filter((name) => name.startsWith('.') && name.includes(run))
      .map((name) => name.split('.pitr-')[0] ?? name)
      .sort();
  expect(await beside()).toEqual(['.big.conf', '.gone.conf', '.secret.conf']);
  const committed = withoutWaits(await pitr('commit', run, '--yes'));
  expect(committed).toMatchObject({ code: 0, stderr: '' });
  expect(flat(committed.stdout)).toContain('old file');
  expect(await beside()).toEqual([]);
  const undone = await pitr('undo', run, '--yes');
  expect(undone.code).not.toBe(0);
});

it('never removes a directory that lies where an old file was kept', async () => {
  await inventory();
  await file('gone.conf', 'a line\n'.repeat(20_000));
  const run = await played(`- fs.file: { path: ${place}/gone.conf, state: absent }`);
  const [kept = ''] = (await readdir(place)).filter((name) => name.includes(run));
  await rm(join(place, kept));
  await mkdir(join(place, kept));
  const committed = await pitr('commit', run, '--yes');
  expect(committed.code).not.toBe(0);
  expect(flat(committed.stderr)).toContain('it is no file');
  expect((await readdir(place)).filter((name) => name.includes(run))).toEqual([kept]);
});

describe('with --limit', () => {
  const two = (): Promise<void> =>
    file(
      'inventory.yml',
      'all: { hosts: { one: { ansible_connection: local }, spare: { ansible_connection: local } } }\n',
    );
  const journal = async (run: string) => readFile(join(place, 'state/runs', run, 'journal.jsonl'), 'utf8');

  it('to hosts that keep nothing it lets nothing go, and begins no commit', async () => {
    await two();
    const run = await played(`- site.store: { data: ${place}/data }`);
    const before = await journal(run);
    const { code, stdout } = await pitr('commit', run, '--limit', 'spare', '--yes');
    expect({ code, stdout }).toEqual({
      code: 0,
      stdout: expect.stringMatching(/^Nothing is kept on these hosts[\s\S]*^Still kept: .* on one$/m),
    });
    // Typed as it stands there, it is about the hosts that were left out.
    expect(flat(stdout)).toMatch(new RegExp(`When it is to go too: pitr commit ${run} $`));
    expect(await old()).toEqual([`data.${run}`]);
    expect(await journal(run)).toBe(before);
  });

  it('the command that answers its question for good is about the same hosts', async () => {
    await two();
    const run = await played(`- site.store: { data: ${place}/data }`);
    const { code, stderr } = await pitr('commit', run, '-i', 'inventory.yml', '--limit', 'all:!spare');
    expect({ code, stderr: flat(stderr) }).toEqual({
      code: 5,
      stderr: expect.stringContaining(`pitr commit ${run} -i inventory.yml --limit 'all:!spare' --yes`),
    });
    expect(await old()).toEqual([`data.${run}`]);
  });
});

/** Does to a member of a cluster, and to nothing else, what a recovery does to it. */
const MEMBER = `export const module = ({ z, defineModule }) => defineModule({
  summary: 's', examples: 'e',
  params: z.strictObject({ data: z.string() }),
  read: async () => ({}),
  plan: (_now, { data }) => ({ summary: 'cut over', data }),
  effects: ({ data }) => ['begins a history', 'joins'].map((cluster) => ({
    kind: 'postgres', id: data, state: 'primary', lasts: 'for good', cluster,
  })),
  apply: async () => ({}),
  undo: { impossible: 'it was promoted' },
});`;

const BOTH = () => `
- site.store: { data: ${place}/data }
- site.member: { data: ${place}/data }
`;

it('wants the health of the cluster proved where a member of one was touched, whatever the inventory says', async () => {
  await inventory();
  await file('modules/site/member.mjs', MEMBER);
  const run = await played(BOTH());
  const refused = await pitr('commit', run, '--yes');
  expect(refused).toMatchObject({ code: 3 });
  expect(flat(refused.stderr)).toContain('does not say which hosts are the nodes of the cluster');
  expect(await old()).toEqual([`data.${run}`]);
});

it('asks the cluster by what the run was given: its -e, and the variables beside its playbook', async () => {
  await inventory();
  await file('modules/site/member.mjs', MEMBER);
  await file('books/site.yml', `- hosts: one\n  tasks:\n${BOTH().trim().replace(/^/gm, '    ')}\n`);
  await file('books/group_vars/all.yml', 'patroni_config: /nowhere/patroni.yml\n');
  await file('books/modules/site/member.mjs', MEMBER);
  await file('books/modules/site/store.ts', await readFile(join(place, 'modules/site/store.ts'), 'utf8'));
  const { code } = await pitr('play', 'books/site.yml', '-i', 'inventory.yml', '-e', 'patroni_port=9');
  expect(code).toBe(0);
  const [run = 'none'] = await listRuns();
  const refused = await pitr('commit', run, '--yes', '--output', 'json');
  expect(refused.code).toBe(5);
  expect(refused.stdout).toContain('one: Patroni does not answer: neither its REST API (port 9)');
});

/** Holds something until the commit, and writes down the environment in which it lets go of it. */
const HOLD = `export const module = ({ z, defineModule }) => defineModule({
  summary: 's', examples: 'e',
  params: z.strictObject({ file: z.string() }),
  read: async () => ({}),
  plan: (_now, { file }) => ({ summary: 'hold', file }),
  effects: ({ file }) => [{ kind: 'hold', id: file, state: 'held', lasts: 'until commit' }],
  apply: async () => ({}),
  undo: async (host, { file }) => {
    await host.must(['sh', '-c', 'echo "$MYENV $MY_PASSWORD" >"$1"', 'sh', file]);
  },
});`;

it('lets go of what is held in the environment of its task, and warns of what of that the journal masks', async () => {
  await inventory();
  await file('modules/site/hold.mjs', HOLD);
  const run = await played(`
- site.hold: { file: ${place}/said }
  environment: { MYENV: hello, MY_PASSWORD: geheim-4711 }
- site.store: { data: ${place}/data }
`);
  const { code, stdout, stderr } = await pitr('commit', run, '--yes', '--output', 'json');
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  expect(await readFile(join(place, 'said'), 'utf8')).toBe('hello \n');
  const warning = stdout.split('\n').find((line) => line.includes('"warning"'));
  expect(JSON.parse(warning ?? '{}')).toMatchObject({
    type: 'warning',
    host: 'one',
    text: 'not set, because the journal holds no secrets: MY_PASSWORD',
  });
});

it('asks before it lets go of what is held, also where no old data is found any more', async () => {
  await inventory();
  await file('modules/site/hold.mjs', HOLD);
  const run = await played(`
- site.hold: { file: ${place}/said }
- site.store: { data: ${place}/data }
`);
  // Moved by hand; or its volume is not mounted.
  await rename(join(place, `data.${run}`), join(place, 'elsewhere'));
  const refused = await pitr('commit', run);
  expect(refused.code).toBe(5);
  expect(flat(refused.stdout)).toContain(`one: ${place}/data.${run}`);
  expect(flat(refused.stderr)).toContain('there is no terminal to ask');
  expect(await readdir(place)).not.toContain('said');
  const { code, stdout } = await pitr('commit', run, '--yes');
  expect([code, flat(stdout)]).toEqual([0, expect.stringContaining('Done: what was held is let go.')]);
  expect(await readdir(place)).toContain('said');
});

it('asks where an undo may still be at work on another machine, which nobody here can tell', async () => {
  await inventory();
  const run = await played(`- site.store: { data: ${place}/data }`);
  const begun = { type: 'undo.started', time: Date.now(), operator: 'root@another-machine', pid: 7 } as const;
  await (await goOn(await readRun(run), begun)).close();
  const why = 'An undo was started on another-machine (process 7) and did not say that it ended';
  const refused = await pitr('commit', run);
  expect({ code: refused.code, stderr: flat(refused.stderr) }).toEqual({
    code: 5,
    stderr: expect.stringContaining(why),
  });
  expect(flat(refused.stdout)).toContain(why);
  expect(await old()).toEqual([`data.${run}`]);
  expect(await pitr('commit', run, '--yes')).toMatchObject({ code: 0 });
  expect(await old()).toEqual([]);
});

describe('after a commit, pitr runs', () => {
  /** What the run's page says of the commit, from there on. */
  const says = async (run: string): Promise<string> => {
    const { stdout } = await pitr('runs', run);
    return flat(stdout.slice(stdout.indexOf('It was committed')));
  };
  const OVER = 'It was committed: the old data is gone, and nothing leads back. ';
  /** Cannot be let go of while there is a file beside it. */
  const STUCK = HOLD.replace('undo: async (host, { file }) => {', (line) =>
    [line, "await host.must(['sh', '-c', '[ ! -e \"$1.stuck\" ]', 'sh', file]);"].join('\n    '),
  );
  const both = (where = 'one') => `
- site.hold: { file: ${place}/said }
  delegate_to: ${where}
- site.store: { data: ${place}/data }
`;

  it('tells what is still held, because its host was away, and how to let go of it', async () => {
    await inventory();
    await file('modules/site/hold.mjs', STUCK);
    const run = await played(both());
    await file('said.stuck', '');
    expect((await pitr('commit', run, '--yes')).code).not.toBe(0);
    expect(await old()).toEqual([]);
    const open = `It was committed: nothing leads back. What it rests on is still held on one: hold. Let it go, too: pitr commit ${run} `;
    expect(await says(run)).toBe(open);
    const list = await pitr('commit', '--list');
    expect(flat(list.stdout)).toContain(`Still held: hold on one Let it go: pitr commit ${run} `);
    await rm(join(place, 'said.stuck'));
    expect(await pitr('commit', run, '--yes')).toMatchObject({ code: 0 });
    expect(await says(run)).toBe(OVER);
    expect((await pitr('commit', '--list')).stdout).toBe('No run of this controller keeps old data.\n');
    expect((await pitr('commit', run)).stdout).toBe('Nothing is kept any more.\n');
  });

  it('tells what is still held on a host that was left out, and so does the commit', async () => {
    await file(
      'inventory.yml',
      'all: { hosts: { one: { ansible_connection: local }, spare: { ansible_connection: local } } }\n',
    );
    await file('modules/site/hold.mjs', HOLD);
    const run = await played(both('spare'));
    const { code, stdout } = await pitr('commit', run, '--limit', 'all:!spare', '--yes');
    expect({ code, stdout: flat(stdout) }).toEqual({
      code: 0,
      stdout: expect.stringContaining(`Still held: hold on spare When it is to go too: pitr commit ${run} `),
    });
    expect(await readdir(place)).not.toContain('said');
    expect(await says(run)).toContain('What it rests on is still held on spare: hold. ');
    expect(await pitr('commit', run, '--yes')).toMatchObject({ code: 0 });
    expect(await readdir(place)).toContain('said');
    expect(await says(run)).toBe(OVER);
  });

  it('leads to a commit without the lock where its host is gone, which keeps what is held there', async () => {
    const hosts = (more: string): Promise<void> =>
      file('inventory.yml', `all: { hosts: { one: { ansible_connection: local }${more} } }\n`);
    const withSpare = ', spare: { ansible_connection: local }';
    await hosts(withSpare);
    await file('modules/site/hold.mjs', HOLD);
    const run = await played(`
- core.lock: { name: shop, user: ${userInfo().username}, directory: ${place}/locks }
  delegate_to: spare
${both('spare').trim()}
`);
    const way = `pitr commit ${run} --limit 'all:!spare' --without-lock ${run}`;
    await hosts(', spare: { ansible_host: 127.0.0.1, ansible_port: 1, ansible_user: nobody }');
    const away = await pitr('commit', run, '--limit', 'all:!spare', '--yes');
    expect([away.code, flat(away.stderr)]).toEqual([4, expect.stringContaining(`as it is: ${way} `)]);
    await hosts('');
    const unknown = await pitr('commit', run, '--yes');
    expect(unknown.code).toBe(3);
    expect(flat(unknown.stderr)).toContain(`as it is: pitr commit ${run} --without-lock ${run} `);
    expect(await old()).toEqual([`data.${run}`]);
    // Asked, it names the same way; and of the run that is named alone.
    expect(flat((await pitr('commit', run, '--without-lock', run)).stderr)).toContain(
      `If so: pitr commit ${run} --without-lock ${run} --yes`,
    );
    expect((await pitr('commit', run, '--without-lock', '20260101T000000-0000', '--yes')).code).toBe(64);
    const done = await pitr('commit', run, '--without-lock', run, '--yes');
    expect({ code: done.code, stdout: flat(done.stdout) }).toEqual({
      code: 0,
      stdout: expect.stringContaining(`Still held: hold on spare When it is to go too: pitr commit ${run} `),
    });
    expect(await old()).toEqual([]);
    expect(await says(run)).toContain('What it rests on is still held on spare: hold. ');
    await hosts(withSpare);
    expect(await pitr('commit', run, '--yes')).toMatchObject({ code: 0 });
    expect(await says(run)).toBe(OVER);
  });

  it('lets go of what is held here also where what is left of the old data is elsewhere', async () => {
    await file(
      'inventory.yml',
      'all: { hosts: { one: { ansible_connection: local }, spare: { ansible_connection: local } } }\n',
    );
    await file('modules/site/hold.mjs', HOLD);
    const run = await played(`
- site.hold: { file: ${place}/said }
- site.store: { data: ${place}/data }
  delegate_to: spare
`);
    expect(await pitr('commit', run, '--limit', 'one', '--yes')).toMatchObject({ code: 0 });
    expect(await readdir(place)).toContain('said');
    expect(await says(run)).toContain('Old data is still kept on spare. ');
  });

  it('counts old data as gone that was removed by hand before', async () => {
    await inventory();
    await mkdir(join(place, 'data2'));
    const run = await played(`
- site.store: { data: ${place}/data }
- site.store: { data: ${place}/data2 }
`);
    await rm(join(place, `data.${run}`), { recursive: true });
    expect(await pitr('commit', run, '--yes')).toMatchObject({ code: 0 });
    expect(await says(run)).toBe(OVER);
  });

  it('leads to the same commit again where one was killed, which says then that all is gone', async () => {
    await inventory();
    const run = await played(`- site.store: { data: ${place}/data }`);
    const began = { type: 'commit.started', time: 1, operator: 'root@here', pid: 2 ** 22 + 1 } as const;
    await (await goOn(await readRun(run), began)).close();
    await rm(join(place, `data.${run}`), { recursive: true });
    expect(await says(run)).toContain(
      `The last commit did not say that it ended. Old data may still be kept on one. Let it go, too: pitr commit ${run} `,
    );
    expect(await pitr('commit', run, '--yes')).toMatchObject({ code: 0 });
    expect(await says(run)).toBe(OVER);
  });
});
