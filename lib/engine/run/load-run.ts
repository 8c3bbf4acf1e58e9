import { dirname } from 'node:path';
import { PitrError } from '../../base/errors/pitr-error.ts';
import type { Masker } from '../../base/values/masker.ts';
import { loadInventory } from '../../language/inventory/load.ts';
import { type Inventory, varsOfHost } from '../../language/inventory/model.ts';
import { matchHosts } from '../../language/inventory/patterns.ts';
import { checkPlaybook } from '../../language/playbook/check.ts';
import { loadPlaybook } from '../../language/playbook/load.ts';
import { refuseGone } from '../back/playbook-again.ts';
import type { PlayFiles } from '../task/variables.ts';
import { learnInventory, learnPlay } from './learn-secrets.ts';
import type { RunRequest } from './run-request.ts';
import { loadVarsFiles } from './vars-files.ts';

/** A playbook and inventory that have passed every check that needs no host. */
export interface LoadedRun {
  readonly inventory: Inventory;
  readonly plays: readonly PlayFiles[];
  /** All hosts of the inventory. */
  readonly hosts: readonly string[];
}

/** Loads and checks everything; `masker` learns the secrets that stand in it. Throws kind `validation`; contacts no host. */
export async function loadRun(request: RunRequest, masker: Masker): Promise<LoadedRun> {
  masker.learn(request.extraVars);
  const inventory = await loadInventory(request.inventories, {
    varsDirectories: [dirname(request.playbook)],
  });
  learnInventory(masker, inventory, request.extraVars);
  refuseEmptyLimit(inventory, request.limit);
  refuseGone(request);
  const playbook = await loadPlaybook(request.playbook);
  for (const play of playbook.plays) learnPlay(masker, play);
  const hosts = [...inventory.hosts.keys()];
  await checkPlaybook(playbook, {
    hostVars: new Map(
      ['localhost', ...hosts].map((name) => [name, new Set(varsOfHost(inventory, name).keys())]),
    ),
    extraVars: request.extraVars,
    groups: inventory.groups,
    hosts,
    tags: request.tags,
    skipTags: request.skipTags,
    matchHosts: (pattern, at) => matchHosts(inventory, pattern, undefined, at),
  });
  const told = { inventory, extraVars: request.extraVars };
  const plays = await Promise.all(
    playbook.plays.map(async (play) => ({
      play,
      defaults: await loadVarsFiles(play, play.defaultsFiles, told, masker),
      files: await loadVarsFiles(play, play.varsFiles, told, masker),
    })),
  );
  return { inventory, plays, hosts };
}

/** A run on nothing would end well, and look as if its work had been done. */
function refuseEmptyLimit(inventory: Inventory, limit: string | undefined): void {
  if (limit === undefined || matchHosts(inventory, 'all,localhost', limit).length > 0) return;
  throw new PitrError({
    kind: 'validation',
    code: 'limit-empty',
    message: `--limit ${JSON.stringify(limit)} leaves no host of the inventory`,
    next: ['Name hosts or groups that are left: "a:&b" keeps what is in both, "a:!b" what is in a alone.'],
  });
}
