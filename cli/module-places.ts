import { dirname, join, resolve } from 'node:path';
import { findPlaybook } from '../lib/language/playbook/find.ts';
import type { OptionSpecs } from './command.ts';

export const PLAYBOOK_OPTION = {
  playbook: {
    short: 'p',
    value: 'playbook',
    text: 'With the modules beside this playbook; without it, those beside the playbooks here (modules/ and playbooks/modules/). Those of $PITR_MODULES_PATH always count.',
  },
} as const satisfies OptionSpecs;

/** The directories whose `modules/` count. Throws kind `usage` when there is no such playbook. */
export function moduleDirectories(playbook: string | undefined, cwd: string): readonly string[] {
  if (playbook === undefined) return [cwd, join(cwd, 'playbooks')];
  return [dirname(resolve(cwd, findPlaybook(playbook, cwd)))];
}
