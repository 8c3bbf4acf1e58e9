import { randomUUID } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { currentLeader } from '../../lab/cluster.ts';
import type { Lab } from '../../lab/lab.ts';
import { type DatabaseHost, databaseHosts, postgresBin } from '../../lab/topology.ts';
import { waitFor } from '../../lab/wait.ts';
import type { Finding } from '../../lib/recovery/doctor/finding.ts';
import { chosenInventory, sharedLab } from '../support/lab.ts';
import { type PitrResult, pitr } from '../support/pitr.ts';

/** A `date` that tells an epoch of an hour later. */
export const HOURS_AHEAD = `#!/bin/sh
case "$*" in *%s*) exec /usr/bin/date -d '1 hour' "$@" ;; *) exec /usr/bin/date "$@" ;; esac
`;

/** What faults are planted on. */
export interface Stage {
  readonly lab: Lab;
  readonly leader: DatabaseHost;
  readonly replica: DatabaseHost;
  readonly inventory: string;
}

/** What was planted. */
export interface Planted {
  readonly takeBack: () => Promise<unknown>;
  /** More words for the command line. */
  readonly args?: readonly string[];
  /** Instead of the lab's own. */
  readonly inventory?: string;
  /** What else is in the environment. */
  readonly env?: Readonly<Record<string, string>>;
}

/** A fault that one check has to find. */
export interface Fault {
  readonly check: string;
  readonly what: string;
  readonly says: RegExp;
  /** It hides others, or is shown by words of the command line: it is planted alone. */
  readonly apart?: true;
  readonly plant: (stage: Stage) => Promise<Planted>;
}

export async function openStage(): Promise<Stage> {
  const lab = await sharedLab();
  const leader = await currentLeader(lab);
  const replica = databaseHosts.find((host) => host !== leader) ?? 'db2';
  return { lab, leader, replica, inventory: chosenInventory(lab) };
}

export interface Examined extends PitrResult {
  readonly findings: readonly Finding[];
  /** Those that are not ok. */
  readonly found: readonly Finding[];
}

export async function doctor(
  inventory: string,
  words: readonly string[] = [],
  env: Readonly<Record<string, string>> = {},
): Promise<Examined> {
  const run = await pitr(['doctor', '-i', inventory, '--output', 'json', ...words], env);
  const lines: readonly { readonly type: string }[] = run.events;
  const findings = lines.filter(({ type }) => type === 'finding') as unknown as readonly Finding[];
  return { ...run, findings, found: findings.filter(({ severity }) => severity !== 'ok') };
}

/** What checks say, when the state of things has come round to it. */
export function examined(
  { inventory }: Stage,
  checks: readonly string[],
  missing: (found: readonly Finding[]) => readonly string[],
  planted: Partial<Planted> = {},
): Promise<readonly Finding[]> {
  const words = ['--only', [...new Set(checks)].join(','), ...(planted.args ?? [])];
  return waitFor({
    what: 'the findings to be as they must',
    deadlineMs: 180_000,
    attempt: async () => (await doctor(planted.inventory ?? inventory, words, planted.env)).found,
    done: (found) => missing(found).length === 0,
    describe: (found) => [...missing(found), ...found.map((one) => JSON.stringify(one))].join('\n'),
  });
}

/** A script of `sh` in a container, as root or another user. */
export function sh(
  { lab }: Stage,
  host: Parameters<Lab['mustExec']>[0],
  script: string,
  ...args: readonly string[]
): Promise<string> {
  return lab.mustExec(host, ['sh', '-c', script, 'sh', ...args]);
}

/** Statements on a node, each by itself. */
export async function sql(
  stage: Stage,
  host: DatabaseHost,
  ...statements: readonly string[]
): Promise<string> {
  return stage.lab.mustExec(
    host,
    [
      ...[`${postgresBin}/psql`, '-h', '/var/run/postgresql', '-p', '5431', '-XAtq'],
      ...['-v', 'ON_ERROR_STOP=1', ...statements.flatMap((statement) => ['-c', statement])],
    ],
    { user: 'postgres' },
  );
}

/** Something in Patroni's dynamic configuration: `name=value`; `null` takes it out. */
export function edit(stage: Stage, ...settings: readonly string[]): Promise<string> {
  return stage.lab.mustExec(stage.leader, [
    ...['patronictl', '-c', '/etc/patroni/patroni.yml', 'edit-config', '--force', '--quiet'],
    ...settings.flatMap((setting) => ['--set', setting]),
  ]);
}

/** A file is moved aside, and back. */
export async function aside(
  stage: Stage,
  host: Parameters<Lab['mustExec']>[0],
  path: string,
): Promise<Planted> {
  await sh(stage, host, 'mv -- "$1" "$1.aside"', path);
  return { takeBack: () => sh(stage, host, 'rm -rf -- "$1"; mv -- "$1.aside" "$1"', path) };
}

/** A file is changed by a script that has its path as `$1`; taken back, it is as it was before that. */
export async function changed(
  stage: Stage,
  host: Parameters<Lab['mustExec']>[0],
  path: string,
  script: string,
  ...args: readonly string[]
): Promise<Planted> {
  const kept = `${path}.of-the-lab.${randomUUID()}`;
  await sh(stage, host, 'cp -p -- "$1" "$2"', path, kept);
  await sh(stage, host, script, path, ...args);
  return { takeBack: () => sh(stage, host, 'mv -- "$2" "$1"', path, kept) };
}

/** A setting of one node, in its postgresql.auto.conf. */
export async function setting(
  stage: Stage,
  host: DatabaseHost,
  name: string,
  value: string,
  ...then: readonly string[]
): Promise<Planted> {
  await sql(stage, host, `alter system set ${name} = '${value}'`, 'select pg_reload_conf()', ...then);
  return { takeBack: () => sql(stage, host, `alter system reset ${name}`, 'select pg_reload_conf()') };
}

/** The lab's inventory with something else in it. */
export async function otherInventory(
  stage: Stage,
  name: string,
  change: (text: string) => string,
  mode = 0o600,
): Promise<Planted> {
  const text = await readFile(stage.inventory, 'utf8');
  const other = change(text);
  if (other === text) throw new Error(`nothing was changed in ${stage.inventory}`);
  const path = join(stage.lab.files.folder, `${name}.doctor.yml`);
  await writeFile(path, other, { mode });
  return { takeBack: async () => {}, inventory: path };
}

/** What the newest backup of the leader's server says of itself. */
export async function backupInfo(stage: Stage): Promise<string> {
  const script = 'ls -d /var/lib/barman/*/base/*/backup.info | sort -t / -k 7 | tail -n 1';
  return (await sh(stage, 'barman', script)).trim();
}

/** The data directory of a node. */
export function pgdata({ lab }: Stage, host: DatabaseHost): string {
  return lab.shape.dataDirectory(host);
}
