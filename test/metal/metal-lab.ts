import { type Lab, openLab, prefixFrom } from '../../lab/lab.ts';
import { metalFlavour } from '../../lab/metal/flavour.ts';
import { parseVariants } from '../../lab/metal/variants.ts';
import { timedReport } from '../../lab/progress.ts';
import type { DatabaseHost } from '../../lab/topology.ts';
import { forgetFailure, keepAfterFailure } from '../support/after-failure.ts';
import { cleanLab } from '../support/clean-lab.ts';

/** A lab with systemd and these variants, as it is when it has just been made: the one that is there, if it is such a one. */
export async function metalLab(variants: readonly string[]): Promise<Lab> {
  const prefix = prefixFrom(process.env);
  const report = timedReport((line) => process.stderr.write(`${line}\n`));
  // Where no engine answers yet, there is no lab either.
  const before = await openLab(prefix).catch(() => undefined);
  // Of the suite before this one: its lab is about to go.
  if (before !== undefined) await keepAfterFailure(before, report);
  const lab = await cleanLab(prefix, report, metalFlavour(parseVariants(variants)));
  await forgetFailure(lab);
  return lab;
}

/** Where the postmaster of a node lives, and what it may: the end of its cgroup, and soft and hard limit of open files. */
export interface Belongs {
  readonly pid: number;
  readonly unit: string;
  readonly openFiles: readonly [soft: number, hard: number];
}

export async function postmasterOf(lab: Lab, host: DatabaseHost): Promise<Belongs> {
  const script = `pid=$(head -n 1 "$1/postmaster.pid") && echo "$pid" && grep -m 1 -E '^[0-9]+:(name=systemd)?:' "/proc/$pid/cgroup" && grep 'open files' "/proc/$pid/limits"`;
  const data = lab.shape.dataDirectory(host);
  const [pid = '', group = '', limits = ''] = (
    await lab.mustExec(host, ['sh', '-c', script, 'sh', data])
  ).split('\n');
  const [soft = Number.NaN, hard = Number.NaN] = (limits.match(/\d+/g) ?? []).map(Number);
  return {
    pid: Number(pid),
    unit: group.split('/').slice(-2).join('/'),
    openFiles: [soft, hard],
  };
}
