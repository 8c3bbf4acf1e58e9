import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { labAccident } from '../../lab/accident.ts';
import { ailments, leaderOf, readMembers, sql } from '../../lab/cluster.ts';
import type { Lab } from '../../lab/lab.ts';
import { silent } from '../../lab/progress.ts';
import { resetLab } from '../../lab/reset.ts';
import { labSeed } from '../../lab/seed.ts';
import { database } from '../../lab/shop.ts';
import { type DatabaseHost, databaseHosts, dataDirectory } from '../../lab/topology.ts';
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
const STATE_MS = 3_600_000;

let lab: Lab;
let keyboard: Keyboard;
/** What each node held when it led last. */
const seenOn = new Map<DatabaseHost, ReadonlySet<string>>();
const tally = { states: 0, walks: 0, typed: 0, acknowledged: 0, lost: 0 };

beforeAll(async () => {
  lab = await sharedLab();
  keyboard = await openKeyboard();
});
afterAll(async () => {
  await keyboard.close();
  process.stdout.write(
    `\ncrawler: ${tally.states} of ${states.length} states, ${tally.walks} walks, ${tally.typed} commands typed; ` +
      `${tally.acknowledged} acknowledged writes, ${tally.lost} lost\n`,
  );
});
afterEach(async ({ task }) => {
  // What is broken here is not to break the next state.
  if (task.result?.state === 'fail') await resetLab(lab.prefix, silent);
});

/**
 * Every command that is offered is typed: after the state came about, in `pitr runs` and `pitr runs <run>`, and after each
 * command. A walk types one after the other until nothing is offered that was not typed; the state is made anew until
 * each command that its first texts offer was the first of a walk.
 */
describe.each(states)('in the state "$name" every offered command leads on, and none to harm', ({ make }) => {
  it(
    'is crawled',
    async () => {
      const firsts = new Set<string>();
      let left: readonly string[] = [''];
      for (let walk = 0; left.length > 0; walk++) {
        expect(walk).toBeLessThan(MOST_WALKS);
        left = await walkOnce(make, firsts);
        tally.walks += 1;
      }
      tally.states += 1;
    },
    STATE_MS,
  );
});

/** One walk. Gives what was offered at its beginning and was never the first to be typed. */
async function walkOnce(
  make: (typeof CRAWL_STATES)[number]['make'],
  firsts: Set<string>,
): Promise<readonly string[]> {
  const scene = await accidentUnderWrites();
  seenOn.clear();
  const said = await make({ scene, inventory: chosenInventory(lab), keyboard });
  const begin = await offers(said);
  const first = begin.find((command) => changes(command) && !firsts.has(shapeOf(command)));
  const done: string[] = [];
  let next: string | undefined = first ?? begin.find(changes);
  let offered = begin;
  if (first !== undefined) firsts.add(shapeOf(first));
  // What changes nothing is typed in every state, and must not fail for want of something.
  for (const look of begin.filter((command) => !changes(command))) await looked(look);
  while (next !== undefined) {
    done.push(next);
    expect(done.length).toBeLessThan(MOST_STEPS);
    const typed = await typeUnderWrites(next, done);
    offered = await offers(typed.said);
    const fresh = offered.filter((command) => changes(command) && !done.includes(command));
    next = (await settled()) ? undefined : fresh[0];
    // Where it is over for the cluster it may be over for the operator: what is offered still is typed by another walk.
    if (next === undefined) await isSettled(done);
  }
  if (begin.every((command) => !changes(command))) await isSettled(['nothing was offered']);
  return begin.filter((command) => changes(command) && !firsts.has(shapeOf(command)));
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

/** What is offered now: in the text, and by the runs that the last text or the list of runs names. */
async function offers(said: string): Promise<readonly string[]> {
  const list = await keyboard.type('pitr runs');
  const newest = list.said.split('\n').flatMap((line) => /^(\d{8}T\d{6}-[0-9a-f]{4}) /.exec(line)?.[1] ?? []);
  const told = await Promise.all(newest.slice(0, 2).map((run) => keyboard.type(`pitr runs ${run}`)));
  return [...new Set([said, ...told.map((one) => one.said)].flatMap(offeredIn))];
}

/** Types a command while somebody writes, and holds that it does no harm. */
async function typeUnderWrites(command: string, walk: readonly string[]): Promise<Typed> {
  const before = await leaderNow();
  if (before !== undefined) seenOn.set(before, await rowsOn(before));
  const writer = await startWriter(lab);
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

/** The cluster is whole, no recovery waits on any node, and no claim keeps anybody out. */
async function settled(): Promise<boolean> {
  return (await unsettled()).length === 0;
}

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
    deadlineMs: 60_000,
    attempt: unsettled,
    done: (found) => found.length === 0,
    describe: (found) => found.join('\n'),
  });
}
