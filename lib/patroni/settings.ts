/** What a cluster is configured to be, beyond its members: what a recovery must leave as it was, or name. */
export interface ClusterSettings {
  /** The dynamic configuration in the DCS, as Patroni's REST API gives it. */
  readonly config: Readonly<Record<string, unknown>>;
  /** Replication slots on the leader that are not those of members, as `name (logical, pgoutput, shop)`. */
  readonly slots: readonly string[];
  readonly archive: string;
}

/**
 * What is different after a recovery, in words; empty when all is as it was. A logical slot is never as it was: where one
 * of that name is there, Patroni has made it anew (permanent slots), and it knows nothing of what its consumer had read.
 */
export function settingsDifferences(before: ClusterSettings, now: ClusterSettings): readonly string[] {
  return [
    ...configDifferences('', before.config, now.config),
    ...before.slots
      .filter((slot) => !now.slots.includes(slot))
      .map(
        (slot) => `replication slot ${slot} is gone: whoever reads from it needs a new one, and a new start`,
      ),
    ...before.slots
      .filter((slot) => now.slots.includes(slot) && / \(logical[,)]/.test(slot))
      .map((slot) => `replication slot ${slot} was made anew: its consumer has lost its place`),
    ...now.slots
      .filter((slot) => !before.slots.includes(slot))
      .map((slot) => `replication slot ${slot} is new`),
    ...(before.archive === now.archive ? [] : [`archive_mode was ${before.archive} and is ${now.archive}`]),
  ];
}

function configDifferences(path: string, before: unknown, now: unknown): readonly string[] {
  if (isMapping(before) && isMapping(now)) {
    const names = [...new Set([...Object.keys(before), ...Object.keys(now)])];
    return names.flatMap((name) =>
      configDifferences(path === '' ? name : `${path}.${name}`, before[name], now[name]),
    );
  }
  const [was, is] = [JSON.stringify(before), JSON.stringify(now)];
  return was === is ? [] : [`Patroni's ${path} was ${was ?? 'not set'} and is ${is ?? 'not set'}`];
}

function isMapping(value: unknown): value is Readonly<Record<string, unknown>> {
  return value !== null && typeof value === 'object' && !Array.isArray(value);
}
