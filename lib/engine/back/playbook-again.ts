import { existsSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { PitrError } from '../../base/errors/pitr-error.ts';
import { productPlaybooks } from '../../language/playbook/assets.ts';
import { commandLine } from '../../transport/quote.ts';
import type { JournalledRun } from '../journal/read.ts';
import type { RunRequest } from '../run/run-request.ts';

/** Where npm puts pitr's own: nobody else's playbook lies there. */
const INSTALLED = /\/node_modules\/pitr\/playbooks\/(.+)$/;

/**
 * The playbook of a run that is gone on with. One of pitr's own is that of the pitr that goes on: it may be installed
 * elsewhere by now. An older journal does not say that it is one, but its path may.
 */
export function playbookAgain({ own, playbook }: JournalledRun['started']): string {
  const name = own ?? INSTALLED.exec(playbook)?.[1];
  const here = name === undefined ? playbook : join(productPlaybooks(), name);
  return existsSync(here) ? here : playbook;
}

/** Throws kind `validation` where the playbook of a run that is gone on with is not there. */
export function refuseGone({ playbook, resumes, known }: RunRequest): void {
  if (resumes === undefined || existsSync(playbook)) return;
  const { runId } = resumes.started;
  const own = join(productPlaybooks(), basename(playbook));
  const mayBeOwn = existsSync(own);
  throw new PitrError({
    kind: 'validation',
    code: 'playbook-gone',
    message: `the playbook of run ${runId} is not on this machine: ${playbook}`,
    next: [
      ...(mayBeOwn
        ? [
            `Where it was the one that comes with pitr: ${commandLine(['mkdir', '-p', dirname(playbook)])} && ${commandLine(['ln', '-s', own, playbook])}`,
          ]
        : []),
      'Put it there as it was, with what lies beside it: tasks, variables, templates, modules.',
      `Then go on: ${known?.again ?? `pitr resume ${runId}`}`,
    ],
  });
}
