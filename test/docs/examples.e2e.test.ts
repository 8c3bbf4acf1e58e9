import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { COMMAND_NAMES } from '../../cli/commands.ts';
import { accidentOn, sharedLab } from '../support/lab.ts';
import { elsewhereOf, examplesOf, SHELL_BLOCKS } from './elsewhere.ts';
import { Desk } from './on-the-lab.ts';
import { commandsOf } from './pages.ts';

let desk: Desk;

beforeAll(async () => {
  const lab = await sharedLab();
  desk = await Desk.of(lab, await accidentOn(lab));
});

afterAll(() => desk[Symbol.asyncDispose]());

describe('the examples of the help', () => {
  it.each(COMMAND_NAMES)('of %s work as they are written', async (name) => {
    const seat = await desk.sit(name === 'new');
    for (const line of await examplesOf(name))
      if (elsewhereOf(line) === undefined) expect(await desk.type(line, seat)).toBeUndefined();
  });
});

describe('the commands of the pages', () => {
  it.each(SHELL_BLOCKS)('work as they are written: $page:$line', async (block) => {
    const seat = await desk.sit(block.text.includes('pitr new'));
    for (const { where, line } of commandsOf(block))
      if (elsewhereOf(line) === undefined)
        expect([where, await desk.type(line, seat)]).toEqual([where, undefined]);
  });
});
