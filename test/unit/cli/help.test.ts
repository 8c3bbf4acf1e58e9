import { describe, expect, it } from 'vitest';
import { COMMAND_NAMES, COMMANDS } from '../../../cli/commands.ts';
import { commandHelp, generalHelp } from '../../../cli/help.ts';

describe('help', () => {
  it('of pitr itself', () => {
    expect(generalHelp('1.2.3')).toMatchSnapshot();
  });

  it.each(COMMAND_NAMES)('of %s', async (name) => {
    const command = await COMMANDS[name]?.load();
    if (command === undefined) throw new Error('no such command');
    const page = commandHelp(command);
    expect(page).toMatchSnapshot();
    expect(command.summary).toBe(COMMANDS[name]?.summary);
    expect(command.examples.length).toBeGreaterThan(0);
    for (const line of page.split('\n')) expect(line.length).toBeLessThanOrEqual(90);
  });
});
