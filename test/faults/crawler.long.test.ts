import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { labAccident } from '../../lab/accident.ts';
import { ailments, leaderOf, readMembers, sql } from '../../lab/cluster.ts';
import type { Lab } from '../../lab/lab.ts';
import { silent } from '../../lab/progress.ts';
import { resetLab } from '../../lab/reset.ts';
import { labSeed } from '../../lab/seed.ts';
import { database } from '../../lab/shop.ts';
import { type DatabaseHost, databaseHosts, dataDirectory, postgresPort } from '../../lab/topology.ts';
import { waitFor } from '../../lab/wait.ts';
import { chosenInventory, type Scene, sharedLab } from '../support/lab.ts';
import { CRAWL_STATES } from './crawl-states.ts';
import { type Keyboard, offeredIn, openKeyboard, shapeOf, type Typed } from './typed.ts';
import { type Acknowledged, startWriter } from './writer.ts';

/** `PITR_CRAWL=waits,killed in the copy` crawls the states whose names hold one of these words alone. */
const chosen = process.env.PITR_CRAWL?.split(',') ?? [''];
const states = CRAWL_STATES.filter(({ name }) => chosen.some((words) => name.includes(words)));
/** More than any state offers; a walk that does not come to its end is a circle. */
const MOST_STEPS = 12;
const MOST_WALKS = 12;
/**
 * A controller that is killed a moment sooner or later leaves another state, which may not come again: after so many walks
 * with nothing new, what was offered in such a one alone is counted, and given up.
 */
const WALKS_WITHOUT_NEWS = 3;
const MOST_NOT_AGAIN = 2;
const STATE_MS = 3_600_000;

let lab: Lab;
let keyboard: Keyboard;
/** What each node held when it led last. */
const seenOn = new Map<DatabaseHost, ReadonlySet<string>>();
const tally = { states: 0, walks: 0, typed: 0, notAgain: 0, acknowledged: 0, lost: 0 };

beforeAll(async () => {
  lab = await sharedLab();
  keyboard = await openKeyboard();
});
afterAll(async () => {
  await keyboard.close();
  process.stdout.write(
    `\ncrawler: ${tally.states} of ${states.length} states, ${tally.walks} walks, ${tally.typed} commands typed, ${tally.notAgain} not offered again; ` +
      `${tally.acknowledged} acknowledged writes, ${tally.lost} lost\n`,
  );
});
afterEach(async ({ task }) => {
  // What is broken here is not to break the next state.
  if (task.result?.state === 'fail') await resetLab(lab.prefix, silent);
});

/**
 * Every command that is offered is typed: after the state came about, in `pitr runs` and `pitr runs <run>`, and after each
 * command. A walk types one after the other until the cluster is whole and nobody is shut out. The state is made anew until
 * each command that was ever offered in it was typed.
 */
describe.each(states)('in the state "$name" every offered command leads on, and none to harm', ({ make }) => {
  it(
    'is crawled',
    async () => {
      const map = new Explored();
      let stale = 0;
      for (let walk = 0; walk === 0 || map.untyped().length > 0; walk++) {
        expect([walk < MOST_WALKS, map.untyped()]).toEqual([true, map.untyped()]);
        const known = map.typedSoFar;
        await walkOnce(make, map);
        tally.walks += 1;
        stale = map.typedSoFar > known ? 0 : stale + 1;
        if (stale === WALKS_WITHOUT_NEWS) break;
      }
      expect(map.untyped().length).toBeLessThanOrEqual(MOST_NOT_AGAIN);
      tally.notAgain += map.untyped().length;
      tally.states += 1;
    },
    STATE_MS,
  );
});

/** What was offered in a state and after which command, and what of it was typed. */
class Explored {
  readonly #typed = new Set<string>();
  /** By the shape of the command before; nothing at the beginning. */
  readonly #offered = new Map<string, ReadonlySet<string>>();

  saw(after: string | undefined, commands: readonly string[]): void {
    const key = shapeOf(after ?? '');
    this.#offered.set(key, new Set([...(this.#offered.get(key) ?? []), ...commands.map(shapeOf)]));
  }

  get typedSoFar(): number {
    return this.#typed.size;
  }

  typed(command: string): void {
    this.#typed.add(shapeOf(command));
  }

  untyped(): readonly string[] {
    const all = new Set([...this.#offered.values()].flatMap((shapes) => [...shapes]));
    return [...all].filter((shape) => !this.#typed.has(shape));
  }

  /** One that was never typed, else one after which such a one was offered, else the first. */
  choose(commands: readonly string[]): string | undefined {
    const untyped = this.untyped();
    return (
      commands.find((command) => untyped.includes(shapeOf(command))) ??
      commands.find((command) => untyped.some((shape) => this.#offered.get(shapeOf(command))?.has(shape))) ??
      commands[0]
    );
  }
}

async function walkOnce(make: (typeof CRAWL_STATES)[number]['make'], map: Explored): Promise<void> {
  const scene = await accidentUnderWrites();
  seenOn.clear();
  const before = new Set(await runsNow());
  const said = await make({ scene, inventory: chosenInventory(lab), keyboard });
  const done: string[] = [];
  let offered = await offers(said, before);
  // What changes nothing is typed in every state, and must not fail for want of something.
  for (const look of offered.filter((command) => !changes(command))) await looked(look);
  map.saw(undefined, offered.filter(changes));
  for (;;) {
    if (done.length > 0 && (await unsettled()).length === 0) return;
    const next = map.choose(offered.filter((command) => changes(command) && !done.includes(command)));
    if (next === undefined) {
      await isSettled(done);
      return;
    }
    done.push(next);
    map.typed(next);
    expect(done.length).toBeLessThan(MOST_STEPS);
    const typed = await typeUnderWrites(next, done);
    offered = await offers(typed.said, before);
    if ((await unsettled()).length > 0) map.saw(next, offered.filter(changes));
  }
}

/** The accident of the lab, with a table for the writer from before it. */
async function accidentUnderWrites(): Promise<Scene> {
  const { leader } = await labSeed(lab, silent);
  await sql(lab, leader, 'create table written (node text, seq bigint)', { database });
  const accident = await labAccident(lab, silent);
  const target = databaseHosts.find((host) => host !== leader);
  if (target === undefined) throw new Error('the lab has no replica');
  const timelines = (await readMembers(lab)).map((member) => member.timeline ?? 0);
  return { accident, leader, target, timeline: Math.max(...timelines) };
}

const changes = (command: string): boolean =>
  /^pitr (play|resume|undo|commit) /.test(command) &&
  !command.includes('--check') &&
  !command.includes('status.yml');

async function looked(command: string): Promise<void> {
  const { exitCode, said } = await keyboard.type(command);
  tally.typed += 1;
  expect([command, exitCode, said]).toEqual([command, 0, said]);
}

/** What is offered now: in the text, and by the runs of this walk. */
async function offers(said: string, before: ReadonlySet<string>): Promise<readonly string[]> {
  const runs = (await runsNow()).filter((run) => !before.has(run));
  const told = await Promise.all(runs.map((run) => keyboard.type(`pitr runs ${run}`)));
  return [...new Set([said, ...told.map((one) => one.said)].flatMap(offeredIn))];
}

async function runsNow(): Promise<readonly string[]> {
  const { said } = await keyboard.type('pitr runs --all');
  return said.split('\n').flatMap((line) => /^(\d{8}T\d{6}-[0-9a-f]{4}) /.exec(line)?.[1] ?? []);
}

/** Types a command while somebody writes, and holds that it does no harm. */
async function typeUnderWrites(command: string, walk: readonly string[]): Promise<Typed> {
  const before = await leaderNow();
  if (before !== undefined) seenOn.set(before, await rowsOn(before));
  const writer = await startWriter(lab, { somebodyServes: before !== undefined && (await letsIn(before)) });
  const typed = await keyboard.type(command);
  tally.typed += 1;
  const acknowledged = await writer.stop();
  process.stdout.write(`  ${typed.exitCode}  ${shapeOf(command)}\n`);
  const words = `${walk.join('\n')}\n${typed.said}`;
  await nobodyRenamed(words);
  const after = await leaderNow();
  if (after !== undefined) await nothingLost(after, acknowledged, words);
  // 5: a refusal must say what leads on; any other failure, too.
  if (typed.exitCode !== 0) expect([words, offeredIn(typed.said).length > 0]).toEqual([words, true]);
  return typed;
}

/** A node that leads may still be closed to clients. */
async function letsIn(node: DatabaseHost): Promise<boolean> {
  const target = `host=${node} port=${postgresPort} dbname=${database} connect_timeout=3`;
  const asked = await lab.exec('barman', ['psql', '-X', '-w', '-d', target, '-c', 'select 1'], {
    user: 'barman',
  });
  return asked.exitCode === 0;
}

async function leaderNow(): Promise<DatabaseHost | undefined> {
  return leaderOf(await readMembers(lab).catch(() => []));
}

/** The directory of a PostgreSQL that is at work is where it was when it started. */
async function nobodyRenamed(words: string): Promise<void> {
  for (const host of databaseHosts) {
    const script = 'for p in $(pgrep -x postgres); do readlink "/proc/$p/cwd"; done | sort -u';
    const at = (await lab.mustExec(host, ['sh', '-c', script], { user: 'postgres' }))
      .split('\n')
      .filter(Boolean);
    expect([words, at.filter((path) => path !== dataDirectory(host))]).toEqual([words, []]);
  }
}

async function rowsOn(node: DatabaseHost): Promise<ReadonlySet<string>> {
  const rows = await sql(lab, node, "select node || ' ' || seq from written", { database }).catch(() => '');
  return new Set(rows.split('\n').filter(Boolean));
}

/**
 * What the leader of now has acknowledged is there, and whatever it held when it led before. (A cut-over and the way back
 * from it change the history on purpose: what others have acknowledged is in their old data.)
 */
async function nothingLost(
  leader: DatabaseHost,
  acknowledged: readonly Acknowledged[],
  words: string,
): Promise<void> {
  const rows = await rowsOn(leader);
  const must = acknowledged.filter(({ node }) => node === leader).map(({ node, seq }) => `${node} ${seq}`);
  const lost = [...must, ...(seenOn.get(leader) ?? [])].filter((row) => !rows.has(row));
  tally.acknowledged += must.length;
  tally.lost += lost.length;
  expect([words, lost]).toEqual([words, []]);
}

/** What keeps the cluster from being whole: members, notes of recoveries that wait, claims that shut others out. */
async function unsettled(): Promise<readonly string[]> {
  const notes = await Promise.all(
    databaseHosts.map(async (host) => {
      const note = `${dataDirectory(host)}.pitr.json`;
      return (await lab.exec(host, ['test', '-e', note])).exitCode === 0 ? [`${host}: ${note}`] : [];
    }),
  );
  const claims = await lab.mustExec('barman', ['sh', '-c', 'cat ~barman/.pitr/*.json 2>/dev/null || :']);
  return [
    ...(await ailments(lab).catch((error: unknown) => [String(error)])),
    ...notes.flat(),
    ...claims.split('\n').filter(Boolean),
  ];
}

async function isSettled(walk: readonly string[]): Promise<void> {
  await waitFor({
    what: `the cluster to be whole after:\n${walk.join('\n')}`,
    deadlineMs: 180_000,
    attempt: unsettled,
    done: (found) => found.length === 0,
    describe: (found) => found.join('\n'),
  });
}
