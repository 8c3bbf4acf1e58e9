import { beforeAll, describe, expect, it } from 'vitest';
import { COMMAND_NAMES, COMMANDS } from '../../cli/commands.ts';
import type { Lab } from '../../lab/lab.ts';
import { sharedLab } from '../support/lab.ts';
import { Desk } from './on-the-lab.ts';
import { blocksOf, commandsOf, PAGES } from './pages.ts';

let lab: Lab;

beforeAll(async () => {
  lab = await sharedLab();
});

/** Needs a recovery that waits: test/cli/peek.long.test.ts has one. */
const NOT_HERE = ['peek'];

describe('the examples of the help', () => {
  it.each(COMMAND_NAMES.filter((name) => !NOT_HERE.includes(name)))(
    'of %s work as they are written',
    async (name) => {
      await using desk = await Desk.of(lab);
      const command = await COMMANDS[name]?.load();
      for (const { command: line } of command?.examples ?? []) {
        // The wizard wants a terminal; test/cli/wizard.long.test.ts gives it one.
        if (/^pitr recover -i \S+$/.test(line)) continue;
        expect(await desk.type(line, name === 'new')).toBeUndefined();
      }
    },
  );
});

describe('the commands of the pages', () => {
  const blocks = PAGES.flatMap(blocksOf).filter(
    ({ language, notRun }) => language === 'sh' && notRun === undefined,
  );

  it.each(blocks)('work as they are written: $page:$line', async (block) => {
    await using desk = await Desk.of(lab);
    for (const { where, line } of commandsOf(block))
      expect([where, await desk.type(line, block.text.includes('pitr new'))]).toEqual([where, undefined]);
  });
});
