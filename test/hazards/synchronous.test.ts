import { join } from 'node:path';
import { expect, it } from 'vitest';
import { productPlaybooks } from '../../lib/language/playbook/assets.ts';
import { loadPlaybook } from '../../lib/language/playbook/load.ts';
import { flatTasks } from '../../lib/language/playbook/load-steps.ts';
import { play } from '../engine/support.ts';

/** What a run that goes on takes for synchronous_mode as it was, by the playbooks' own words. */

it.each(['cutover.yml', 'revert.yml'])(
  'in %s the mode is the one of before the first change, also where nobody led',
  async (file) => {
    const { plays } = await loadPlaybook(join(productPlaybooks(), file));
    const found = plays
      .flatMap(({ tasks }) => flatTasks(tasks))
      .find(({ module }) => module === 'patroni.synchronous');
    const mode = String(found?.args.value.mode);
    const told = async (vars: object) => {
      const yaml = `- hosts: one
  vars: ${JSON.stringify(vars)}
  tasks:
    - core.debug: ${JSON.stringify(mode.replace(' omit ', " 'as it is' "))}
`;
      return (await play(yaml)).messages.join();
    };
    const configured = { config: { synchronous_mode: 'quorum' } };
    expect(await told({ settings: {}, configured })).toBe('quorum');
    expect(await told({ settings: { config: { synchronous_mode: 'on' } }, configured })).toBe('on');
    expect(await told({ settings: {}, configured: { config: {} } })).toBe('as it is');
  },
);
