import { takesBack } from '../lib/engine/back/family.ts';
import { keptBy } from '../lib/engine/back/kept-data.ts';
import { optionToType } from '../lib/engine/back/masked.ts';
import type { CutOver } from '../lib/engine/back/story.ts';
import { effectsOf, isHeld } from '../lib/engine/journal/effects-of.ts';
import type { JournalledRun } from '../lib/engine/journal/read.ts';
import { commandLine } from '../lib/transport/quote.ts';
import { inventoryWords } from './common-options.ts';

/**
 * The command that puts the old data of all members back after a cut-over, with the variables that lead to it; nothing
 * where the journals do not tell who led, or where a member's old data is not kept. `others`: runs that are not of the
 * recovery; a member that was left out of it is rebuilt by one of them.
 */
export function revertCommand(
  runs: readonly JournalledRun[],
  cutOver: CutOver,
  others: readonly JournalledRun[] = [],
): string | undefined {
  const { host, oldLeader, run, members } = cutOver;
  if (oldLeader === undefined || takesBack(run)) return undefined;
  const locks = new Set(runs.flatMap(locksOf));
  const later = others.filter(
    (one) => one.started.time > cutOver.time && locksOf(one).some((lock) => locks.has(lock)),
  );
  const rejoins = later.filter((one) => !takesBack(one) && !recovers(one));
  const keepers = new Map<string, string>();
  for (const one of [...keptBy(runs), ...keptBy(later)]) {
    const keeper = [...runs, ...rejoins].find(({ started }) => one.path.endsWith(`.${started.runId}`));
    // What a member had before it was first rebuilt.
    if (one.kind === 'old data' && keeper !== undefined && !keepers.has(one.host))
      keepers.set(one.host, keeper.started.runId);
  }
  if (![host, ...members].every((one) => keepers.has(one))) return undefined;
  const recovery = keepers.get(host);
  const more = [...new Set(keepers.values())].filter((one) => one !== recovery);
  if (recovery === undefined || more.length > 2) return undefined;
  const [cutOverRun, rejoinRun] = more;
  return commandLine([
    'pitr',
    'play',
    'revert.yml',
    ...inventoryWords(run.inventories),
    '-e',
    `recovery_run=${recovery}`,
    ...(cutOverRun === undefined ? [] : ['-e', `cutover_run=${cutOverRun}`]),
    ...(rejoinRun === undefined ? [] : ['-e', `rejoin_run=${rejoinRun}`]),
    '-e',
    `leader=${oldLeader}`,
    ...carried(run.extraVars),
  ]);
}

/** It has started a server or promoted one: a recovery of its own, which waits or was cut over. */
function recovers({ changes }: JournalledRun): boolean {
  return changes.some(({ intent }) =>
    effectsOf(intent).some(
      ({ lasts, cluster }) => lasts === 'until it ends' || cluster === 'begins a history',
    ),
  );
}

function locksOf({ changes }: JournalledRun): readonly string[] {
  return changes.flatMap(({ intent }) =>
    isHeld(intent) ? effectsOf(intent).map(({ kind, id }) => `${intent.host} ${kind} ${id}`) : [],
  );
}

/** What says which recovery it was, and not how the cluster is reached and laid out. */
const OF_THE_RECOVERY =
  /^(target(_\w+)?|backup|server|timeline|inclusive|marker|accept_gap|wal_\w+|tablespaces|restore|auto_start|allow_leader|verify|new_backup|staging|staging_path|promote|wanted|tails|note|replay_stall|recovery_run|cutover_run|rejoin_run|leader|break_lock|member|members_gone|without_gone|members_down|member_space|members_from|accept_unseen_wal|accept_write_outage|accept_new_tablespaces|copy_anew|without_leader|restored_bytes)$/;

/** Whether the way back is told it, too: how the cluster is reached and laid out. */
export function isToldToRevert(variable: string): boolean {
  return !OF_THE_RECOVERY.test(variable);
}

/** How the cluster of a run is reached and laid out, as it is typed again. */
export function siteWords(
  inventories: readonly string[],
  extraVars: Readonly<Record<string, unknown>>,
): readonly string[] {
  return [...inventoryWords(inventories), ...carried(extraVars)];
}

function carried(extraVars: Readonly<Record<string, unknown>>): readonly string[] {
  return Object.entries(extraVars)
    .filter(([name]) => isToldToRevert(name))
    .flatMap(([name, value]) => optionToType(name, value));
}
