import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { asPitrError } from '../../lib/base/errors/pitr-error.ts';
import { productPlaybooks } from '../../lib/language/playbook/assets.ts';
import { loadPlaybook } from '../../lib/language/playbook/load.ts';
import type { Play, Step, Task } from '../../lib/language/playbook/model.ts';
import { loadModule } from '../../lib/modules/registry.ts';
import { play } from '../engine/support.ts';

/** What the product's playbooks promise by their order and shape alone. */

async function plays(file: string): Promise<readonly Play[]> {
  return (await loadPlaybook(path.join(productPlaybooks(), file))).plays;
}

function tasksOf(steps: readonly Step[]): readonly Task[] {
  return steps.flatMap((step) =>
    step.kind === 'task' ? [step] : tasksOf([...step.block, ...step.rescue, ...step.always]),
  );
}

const PLAYBOOKS = ['recover.yml', 'cutover.yml', 'rejoin.yml', 'replay.yml', 'rollback.yml'] as const;

async function allTasks(file: string): Promise<readonly { readonly play: Play; readonly task: Task }[]> {
  return (await plays(file)).flatMap((play) => tasksOf(play.tasks).map((task) => ({ play, task })));
}

/** Where the first task that is meant stands in a playbook. Throws where there is none. */
async function placeOf(file: string, meant: (task: Task, play: Play) => boolean): Promise<number> {
  const place = (await allTasks(file)).findIndex(({ play, task }) => meant(task, play));
  if (place === -1) throw new Error(`${file} has no such task`);
  return place;
}

const changes = async ({ module }: Task): Promise<boolean> =>
  module !== 'meta' && (await loadModule(module)).kind === 'change';

describe('recover.yml', () => {
  it('changes nothing on any host before everything has been checked', async () => {
    const [first, second] = await plays('recover.yml');
    for (const task of tasksOf([...(first?.tasks ?? []), ...(second?.tasks ?? [])])) {
      expect([task.name.value, await changes(task)]).toEqual([task.name.value, false]);
    }
  });

  it('changes nothing but the target until the cut-over is asked for', async () => {
    const own = (await plays('recover.yml')).filter(({ when }) => when.length === 0);
    expect(own.length).toBeGreaterThanOrEqual(3);
    for (const play of own) {
      for (const task of tasksOf(play.tasks)) {
        if (!(await changes(task))) continue;
        expect(play.hosts.value).toBe('{{ target }}');
        // Barman's host does some of the work; what changes there is its archive and the lock. The leader is asked
        // for an empty commit at most. A node that archives what only it has changes the archive, and nothing of itself.
        const place = task.delegateTo?.value ?? 'the target';
        const leader = task.module === 'postgres.marker' ? ['{{ cluster.leader }}'] : [];
        const archiving = task.module === 'postgres.archive_tail' ? ['{{ item }}'] : [];
        expect(['the target', '{{ barman_host }}', ...leader, ...archiving]).toContain(place);
      }
    }
    const rest = (await plays('recover.yml')).filter(({ when }) => when.length > 0);
    for (const { when } of rest) expect(when[0]?.value).toContain('auto_start');
  });

  it('takes the node out of its cluster only after the copy is complete', async () => {
    const copied = await placeOf('recover.yml', ({ module }) => module === 'barman.recover');
    const stopped = await placeOf('recover.yml', ({ module }) => module === 'patroni.member');
    const moved = await placeOf('recover.yml', ({ module }) => module === 'fs.move');
    expect([copied < stopped, stopped < moved]).toEqual([true, true]);
  });

  it('names the timeline, and proves the WAL again when it has grown', async () => {
    const tasks = await allTasks('recover.yml');
    const aim = tasks.find(({ task }) => task.module === 'postgres.recovery');
    expect(aim?.task.args.value.timeline).toBe('{{ wal.follow }}');
    expect(tasks.filter(({ task }) => task.module === 'barman.wal').length).toBeGreaterThanOrEqual(2);
  });
});

describe.each(['cutover.yml', 'revert.yml'])('%s', (file) => {
  it('waits for the leader lock between the last stop and the hand-over, in every run that is no check', async () => {
    const tasks = (await allTasks(file)).map(({ task }) => task);
    const ofMembers = tasks.filter(({ module }) =>
      ['patroni.member', 'patroni.leader_lock'].includes(module),
    );
    const lock = ofMembers.findIndex(({ module }) => module === 'patroni.leader_lock');
    expect(ofMembers.slice(lock - 1, lock + 2).map(({ args }) => args.value.state)).toEqual([
      'stopped',
      undefined,
      'running',
    ]);
    expect(ofMembers[lock]?.when.map(({ value }) => value)).toEqual(['!check_mode || run_resumed']);
  });
});

describe.each(['cutover.yml', 'revert.yml'])('%s', (file) => {
  it('lets the leader write to disk what it has in memory before it stops the first member, and rests nothing on it', async () => {
    const writes = ({ module }: Task) => module === 'postgres.checkpoint';
    const stops = await placeOf(
      file,
      ({ module, args }) => module === 'patroni.member' && args.value.state === 'stopped',
    );
    expect(await placeOf(file, writes)).toBeLessThan(stops);
    const blocks = (steps: readonly Step[]): readonly Step[] =>
      steps.flatMap((step) => (step.kind === 'task' ? [] : [step, ...blocks(step.block)]));
    const around = (await plays(file))
      .flatMap(({ tasks }) => blocks(tasks))
      .filter((step) => step.kind !== 'task' && tasksOf(step.block).some(writes));
    expect(around.some((step) => step.kind !== 'task' && step.rescue.length > 0)).toBe(true);
  });
});

describe('cutover.yml', () => {
  it('asks before it promotes, and looks at the data once more before the old primary stops', async () => {
    const asks = await placeOf('cutover.yml', ({ module }) => module === 'core.confirm');
    const promotes = await placeOf('cutover.yml', ({ module }) => module === 'postgres.promote');
    const looks = await placeOf('cutover.yml', ({ module }) => module === 'postgres.query');
    const stops = await placeOf('cutover.yml', ({ module, args }) => {
      return module === 'patroni.member' && args.value.state === 'stopped';
    });
    expect([asks < promotes, promotes < looks, looks < stops]).toEqual([true, true, true]);
  });

  it('knows that it stops every member, and can, before it promotes and again before it stops the first', async () => {
    const member = ({ args }: Task) => args.value.refuse === 'member-not-in-inventory';
    const tasks = await allTasks('cutover.yml');
    const first = await placeOf('cutover.yml', member);
    const reached = await placeOf('cutover.yml', ({ args }) => args.value.code === 'member-out-of-reach');
    const promotes = await placeOf('cutover.yml', ({ module }) => module === 'postgres.promote');
    const again = tasks.findIndex(({ task }, place) => place > promotes && member(task));
    const stops = await placeOf(
      'cutover.yml',
      ({ module, args }) => module === 'patroni.member' && args.value.state === 'stopped',
    );
    expect([first < reached, reached < promotes, promotes < again, again < stops]).toEqual(
      Array(4).fill(true),
    );
    const early = await placeOf('recover.yml', member);
    const locks = await placeOf('recover.yml', ({ module }) => module === 'core.lock');
    expect(early).toBeLessThan(locks);
  });

  it('opens the recovered node only when every other member is down and Patroni proves that it leads', async () => {
    const tasks = await allTasks('cutover.yml');
    const lastStop = tasks.findLastIndex(
      ({ play, task }) =>
        task.module === 'patroni.member' &&
        task.args.value.state === 'stopped' &&
        play.hosts.value === 'patroni:!{{ target }}' &&
        play.name === 'Stop the old primary',
    );
    const proved = await placeOf('cutover.yml', ({ module }) => module === 'patroni.leader');
    const opened = await placeOf('cutover.yml', ({ module }) => module === 'postgres.access');
    expect(lastStop).toBeGreaterThan(-1);
    expect([lastStop < proved, proved < opened]).toEqual([true, true]);
    const start = tasks.find(({ task }) => task.module === 'postgres.start');
    expect(start?.task.args.value.mode).toBe('closed');
  });

  it('rebuilds the other members after the leader is proved, one alone first, each beside its old data', async () => {
    const proved = await placeOf('cutover.yml', ({ module }) => module === 'patroni.leader');
    const rebuilt = await placeOf(
      'cutover.yml',
      ({ module }, { name }) => name === 'Rebuild the other members' && module === 'fs.move',
    );
    expect(proved).toBeLessThan(rebuilt);
    const play = (await plays('rejoin.yml')).find(({ name }) => name === 'Rebuild the other members');
    expect(play?.serial).toEqual([1, '100%']);
    const modules = tasksOf(play?.tasks ?? []).map(({ module }) => module);
    expect(modules.indexOf('fs.move')).toBeLessThan(modules.indexOf('patroni.rebuild'));
    expect(modules.at(-1)).toBe('patroni.streaming');
  });
});

describe('backup.yml', () => {
  /** With what the looks before it have told: the code that ends it where nobody answers; nothing where it is not asked. */
  async function askedWith(more: unknown, lock: unknown): Promise<string | undefined> {
    const confirm = (await allTasks('backup.yml')).find(({ task }) => task.module === 'core.confirm')?.task;
    const yaml = `- hosts: one
  vars: ${JSON.stringify({ more, lock, cluster: { leader: 'one' }, barman_server: 'main' })}
  tasks:
    - core.confirm: ${JSON.stringify(confirm?.args.value)}
      when: ${JSON.stringify(confirm?.when.map(({ value }) => value))}
`;
    return play(yaml, { answerable: false }).then(
      ({ outcome }) => outcome.error?.code,
      (thrown: unknown) => asPitrError(thrown).code,
    );
  }

  const FREE = { free: true, runs: [] };
  const WAITS = { free: false, why: 'run r2 waits', runs: ['r2', 'r1'] };
  const deletes = (first: boolean, held_for: readonly string[], held_here: readonly string[] = []) => ({
    deletes: 'Barman deletes 4 WAL segments.',
    first,
    held_for,
    held_here,
  });

  it.each([
    ['nothing is deleted', { deletes: '', first: false, held_for: ['r1'], held_here: [] }, WAITS, undefined],
    ['nobody could rest on what is deleted', deletes(true, []), FREE, undefined],
    ['a recovery waits that holds nothing on this server', deletes(true, ['r1']), WAITS, 'nobody-to-ask'],
    ['the same, and a policy deletes it', deletes(false, ['r1']), WAITS, 'nobody-to-ask'],
    ['one waits that holds nothing anywhere', deletes(true, []), WAITS, 'nobody-to-ask'],
    ['one waits that holds a backup of this server', deletes(false, ['r1'], ['r1']), WAITS, undefined],
    ['another one holds a backup of it', deletes(false, ['r1', 'r9'], ['r9']), WAITS, 'nobody-to-ask'],
    ['one was not committed, and it is the first backup', deletes(true, ['r1']), FREE, 'nobody-to-ask'],
    ['one was not committed, and the server has newer ones', deletes(false, ['r1']), FREE, undefined],
  ])('asks where a recovery may rest on what Barman deletes: %s', async (_, more, lock, code) => {
    expect(await askedWith(more, lock)).toBe(code);
  });

  it('looks at what is deleted and who waits, and asks, before it takes the backup', async () => {
    const places = await Promise.all(
      ['barman.one_more', 'core.lock_free', 'core.confirm', 'barman.create_backup'].map((wanted) =>
        placeOf('backup.yml', ({ module }) => module === wanted),
      ),
    );
    expect(places).toEqual(places.toSorted((a, b) => a - b));
  });
});

describe.each(PLAYBOOKS)('%s', (file) => {
  it('ends at the first failure: its last words are never said after one', async () => {
    for (const play of await plays(file)) expect([play.name, play.anyErrorsFatal]).toEqual([play.name, true]);
    for (const { task } of await allTasks(file)) expect(task.ignoreErrors).toBeUndefined();
  });

  it('deletes no data, runs no command of its own, and waits for no clock', async () => {
    for (const { task } of await allTasks(file)) {
      expect(['core.command', 'core.shell', 'patroni.reinit']).not.toContain(task.module);
      expect(task.module === 'fs.file' && task.args.value.state === 'absent').toBe(false);
      expect([task.delay, task.loopControl.pauseMs]).toEqual([undefined, undefined]);
    }
  });
});

describe('the number of the timeline to come', () => {
  const compares = ({ args, vars }: Task) =>
    args.value.refuse === 'timeline-taken' && JSON.stringify(vars).includes('"{{ timelines.next }}"');

  it.each([
    ['cutover.yml', 'postgres.promote'],
    ['revert.yml', 'patroni.member'],
  ])('is compared with that of the cluster before it is used: %s', async (file, used) => {
    const taken = await placeOf(file, ({ module }) => module === 'barman.timelines');
    const compared = await placeOf(file, compares);
    const first = await placeOf(file, ({ module, args }) => module === used && args.value.state !== 'out');
    expect([taken < compared, compared < first]).toEqual([true, true]);
  });
});

describe('the service of a member', () => {
  it.each(['recover.yml', 'cutover.yml', 'revert.yml', 'rejoin.yml'])(
    'is proved to be that of this cluster before anything is stopped: %s',
    async (file) => {
      const proved = await placeOf(file, ({ args }) => args.value.refuse === 'service-of-another');
      const stopped = await placeOf(file, ({ module }) => module === 'patroni.member');
      expect(proved).toBeLessThan(stopped);
      // A service that is down is no Patroni that is down.
      const beside = await placeOf(file, ({ args }) => args.value.refuse === 'patroni-beside-service');
      expect([proved < beside, beside < stopped]).toEqual([true, true]);
    },
  );
});

describe('what Barman does for the server of the node that will lead', () => {
  it.each(['recover.yml', 'cutover.yml', 'revert.yml'])(
    'is looked at before anything is stopped: %s',
    async (file) => {
      const looked = await placeOf(file, ({ module }) => module === 'barman.servers');
      const stopped = await placeOf(file, ({ module }) => module === 'patroni.member');
      expect(looked).toBeLessThan(stopped);
    },
  );
});
