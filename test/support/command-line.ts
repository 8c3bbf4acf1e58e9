import { join } from 'node:path';
import { checkoutRoot, labFiles } from '../../lab/checkout.ts';
import { prefixFrom } from '../../lab/lab.ts';

/** The built command line; `PITR_TEST_CLI` names another build. */
export function commandLineFile(): string {
  return process.env.PITR_TEST_CLI ?? join(checkoutRoot, 'dist', 'cli', 'main.js');
}

/** The environment of an operator whose runs are kept with the lab's files, and go with the lab. */
export function operatorEnvironment(): NodeJS.ProcessEnv {
  const { FORCE_COLOR: _, PITR_INVENTORY: __, ...inherited } = process.env;
  const stateDirectory = join(labFiles(prefixFrom(process.env)).folder, 'state');
  return { ...inherited, PITR_STATE_DIR: stateDirectory, NO_COLOR: '1' };
}
