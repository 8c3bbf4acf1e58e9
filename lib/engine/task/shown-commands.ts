import { PitrError } from '../../base/errors/pitr-error.ts';
import { commandLine, quote } from '../../transport/quote.ts';
import { variablesOfWays } from '../back/leading-variables.ts';
import { leadsToHosts, optionToType } from '../back/masked.ts';
import type { RunState } from '../run/run-state.ts';

type Site = Pick<RunState, 'inventory' | 'extraVars' | 'masker'>;

/**
 * Which hosts a run works on, as it is typed again: its inventories, and what was given with -e that leads to hosts or stands
 * in the place of what an inventory says. What else was given is the playbook's, and another one may refuse it. A secret is
 * left for the operator to fill in.
 */
export function inventoryOptions({ inventory, extraVars, masker }: Site): string {
  const hosts = [...inventory.hosts.values()];
  const ways = variablesOfWays(inventory);
  const told = Object.entries(masker.data(extraVars)).filter(
    ([name]) => leadsToHosts(name) || ways.has(name) || hosts.some(({ vars }) => vars.has(name)),
  );
  return [
    ...inventory.sources.map((source) => ` -i ${quote(source)}`),
    ...told.map(([name, value]) => ` ${commandLine(optionToType(name, value))}`),
  ].join('');
}

/** The hosts that a run was limited to, as it is typed again. */
export function limitOptions({ limit }: Pick<RunState, 'limit'>): string {
  return limit === undefined ? '' : ` --limit ${quote(limit)}`;
}

const WITHOUT_INVENTORY = /\bpitr (?:play \S+\.yml|status)\b(?! -i )/g;

/** A module knows no inventory: what it says is to be typed next gets the one of the run. */
export function withInventory(error: PitrError, run: Site): PitrError {
  const next = error.next.map((line) =>
    line.replace(WITHOUT_INVENTORY, (command) => `${command}${inventoryOptions(run)}`),
  );
  if (next.every((line, index) => line === error.next[index])) return error;
  return new PitrError({ ...error, message: error.message, cause: error.cause, next });
}
