import { existsSync } from 'node:fs';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { TestProject } from 'vitest/node';
import { ailments } from '../../lab/cluster.ts';
import type { Lab } from '../../lab/lab.ts';
import { type Report, timedReport } from '../../lab/progress.ts';
import { waitFor } from '../../lab/wait.ts';
import { giveBack, madeAnew, whatIsSpoilt } from './clean-lab.ts';
import { keepEvidence } from './evidence.ts';

/** Says to the suites that come after it in this run that a test has failed on the lab. */
const note = (folder: string): string => join(folder, 'test-failed');

export async function noteFailure({ files }: Pick<Lab, 'files'>, test: string): Promise<void> {
  await mkdir(files.folder, { recursive: true });
  await writeFile(note(files.folder), test);
}

export async function forgetFailure({ files }: Pick<Lab, 'files'>): Promise<void> {
  await rm(note(files.folder), { force: true });
}

/** Where a test has failed on the lab: keeps what tells of it. Whether one has. */
export async function keepAfterFailure(lab: Lab, report: Report): Promise<boolean> {
  if (!existsSync(note(lab.files.folder))) return false;
  report(`a test has failed on the lab: journals and logs are kept in ${await keepEvidence(lab)}`);
  return true;
}

/** Where a test has failed on the lab: keeps what tells of it, and gives a new lab unless this one is proved clean. */
export async function cleanAfterFailure(lab: Lab): Promise<Lab | undefined> {
  const report = timedReport((line) => process.stderr.write(`${line}\n`));
  if (!(await keepAfterFailure(lab, report))) return undefined;
  // What an operator would wait for, too: members that are just coming back.
  await waitFor({
    what: 'a healthy cluster',
    deadlineMs: 300_000,
    attempt: () => ailments(lab),
    done: (found) => found.length === 0,
    describe: (found) => found.join(', '),
  }).catch(() => undefined);
  const spoilt = await whatIsSpoilt(lab);
  if (spoilt.length > 0) {
    report(`the lab is not clean (${spoilt.join('; ')}): making it anew`);
    return madeAnew(lab.prefix, report);
  }
  await forgetFailure(lab);
  return undefined;
}

/** At the end of a run of suites. What has failed leaves the lab as it is, to be looked at: the next run makes it anew. */
export async function handBack(lab: Lab, { vitest }: TestProject, report: Report): Promise<void> {
  // Where what prepares a suite has failed, no test of it has: its file says so.
  const failed = vitest.state.getFailedFilepaths().length > 0;
  if (failed) report(`journals and logs are kept in ${await keepEvidence(lab)}`);
  else await giveBack(lab);
}
