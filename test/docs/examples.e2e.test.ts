import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { COMMAND_NAMES, COMMANDS } from '../../cli/commands.ts';
import { checkoutRoot } from '../../lab/checkout.ts';
import { sharedLab } from '../support/lab.ts';
import { Desk } from './on-the-lab.ts';
import { blocksOf, commandsOf, PAGES } from './pages.ts';

let desk: Desk;

beforeAll(async () => {
  desk = await Desk.of(await sharedLab());
});

afterAll(() => desk[Symbol.asyncDispose]());

/** Examples for states that only a recovery makes, and the suite that makes it. */
const ELSEWHERE: readonly { readonly line: RegExp; readonly suite: string }[] = [
  { line: /^pitr peek/, suite: 'cli/peek.long.test.ts' },
  { line: /^pitr commit (?!--list)/, suite: 'recovery/revert.long.test.ts' },
  // It names machines of yours.
  { line: /^pitr init/, suite: 'init/init.e2e.test.ts' },
  // Its exit code is that of what it finds.
  { line: /^pitr doctor/, suite: 'doctor/doctor.e2e.test.ts' },
  { line: /^pitr recover -i \S+$/, suite: 'cli/wizard.long.test.ts' },
];

const isElsewhere = (line: string): boolean => ELSEWHERE.some((known) => known.line.test(line));

it.each(ELSEWHERE)('what is tried elsewhere is tried there: $suite', ({ suite }) => {
  expect(existsSync(join(checkoutRoot, 'test', suite))).toBe(true);
});

describe('the examples of the help', () => {
  it.each(COMMAND_NAMES)('of %s work as they are written', async (name) => {
    const seat = await desk.sit(name === 'new');
    const command = await COMMANDS[name]?.load();
    for (const { command: line } of command?.examples ?? [])
      if (!isElsewhere(line)) expect(await desk.type(line, seat)).toBeUndefined();
  });
});

describe('the commands of the pages', () => {
  const blocks = PAGES.flatMap(blocksOf).filter(
    ({ language, notRun }) => language === 'sh' && notRun === undefined,
  );

  it.each(blocks)('work as they are written: $page:$line', async (block) => {
    const seat = await desk.sit(block.text.includes('pitr new'));
    for (const { where, line } of commandsOf(block))
      if (!isElsewhere(line)) expect([where, await desk.type(line, seat)]).toEqual([where, undefined]);
  });
});
