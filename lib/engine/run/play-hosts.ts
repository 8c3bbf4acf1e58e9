import { PitrError, type SourcePosition } from '../../base/errors/pitr-error.ts';
import { matchHosts } from '../../language/inventory/patterns.ts';
import { dataLayer, Scope, templatesLayer } from '../task/scope.ts';
import type { PlayFiles } from '../task/variables.ts';
import type { RunState } from './run-state.ts';
import { sharedFacts } from './shared-facts.ts';

/** The hosts of a play in the order of its pattern. It may use `-e` variables and the play's own. */
export function hostsOfPlay(
  run: Pick<RunState, 'inventory' | 'extraVars'>,
  files: PlayFiles,
  limit: string | undefined,
): readonly string[] {
  const { play } = files;
  const scope = new Scope([
    ...files.defaults,
    sharedFacts(run.inventory, unshared),
    templatesLayer(play.vars),
    ...files.files,
    dataLayer(run.extraVars),
    dataLayer({
      groups: Object.fromEntries([...run.inventory.groups].map(([name, hosts]) => [name, [...hosts]])),
    }),
  ]);
  const pattern = scope.renderLocated(play.hosts);
  if (typeof pattern !== 'string' && !Array.isArray(pattern)) {
    throw new PitrError({
      kind: 'validation',
      code: 'host-pattern',
      message: `"hosts" must be a pattern, not ${String(pattern)}`,
      at: play.hosts.at,
    });
  }
  return matchHosts(
    run.inventory,
    Array.isArray(pattern) ? pattern.join(',') : pattern,
    limit,
    play.hosts.at,
  );
}

function unshared(name: string, hosts: string, at: SourcePosition | undefined): PitrError {
  return new PitrError({
    kind: 'validation',
    code: 'host-pattern',
    message: `a pattern of hosts needs "${name}", which is not the same for ${hosts}`,
    at,
    details: ['It is made before any host is chosen, so a variable of one host says nothing.'],
    next: [`Say which one: -e ${name}=..., or once for all hosts, under all: > vars:`],
  });
}

/** Splits hosts by `serial`: counts or percentages; the last one repeats. */
export function serialBatches(
  hosts: readonly string[],
  serial: readonly (number | string)[],
): readonly (readonly string[])[] {
  if (serial.length === 0) return [hosts];
  const batches: (readonly string[])[] = [];
  let start = 0;
  for (let i = 0; start < hosts.length; i++) {
    const size = batchSize(serial[Math.min(i, serial.length - 1)] ?? hosts.length, hosts.length);
    batches.push(hosts.slice(start, start + size));
    start += size;
  }
  return batches;
}

function batchSize(size: number | string, total: number): number {
  const text = String(size);
  const count = text.endsWith('%') ? Math.floor((Number(text.slice(0, -1)) / 100) * total) : Number(text);
  return Number.isFinite(count) && count >= 1 ? Math.floor(count) : 1;
}
