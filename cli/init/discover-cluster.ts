import type { Masker } from '../../lib/base/values/masker.ts';
import { isSecretName } from '../../lib/base/values/secret-names.ts';
import { onHostsByVariables } from '../../lib/engine/run/site.ts';
import { CONNECTION_VARS } from '../../lib/language/inventory/connection-vars.ts';
import { pathFrom } from '../../lib/language/inventory/path-from.ts';
import { discoverSite, type SiteDiscovery } from '../../lib/recovery/discovery/discover-site.ts';
import type { DiscoveryWish } from '../../lib/recovery/discovery/found.ts';
import type { AskPassphrase } from '../../lib/transport/types.ts';

interface Discovered {
  readonly site: SiteDiscovery;
  /** What is said of all hosts alike. */
  readonly common: Readonly<Record<string, unknown>>;
  /** Variables that were given and stand in no inventory. */
  readonly secrets: readonly string[];
}

interface InitWish extends Omit<DiscoveryWish, 'config'> {
  /** As typed with `-e`. */
  readonly variables: Readonly<Record<string, unknown>>;
  readonly cwd: string;
  readonly masker: Masker;
  readonly askPassphrase: AskPassphrase | undefined;
  readonly signal: AbortSignal;
}

/** Variables that name files: the inventory may lie elsewhere than where pitr was started. */
const PATHS: ReadonlySet<string> = new Set([
  ...CONNECTION_VARS.identityFile.names,
  ...CONNECTION_VARS.knownHosts.names,
]);

/** What was typed with `-e` of how hosts are reached, as it holds in whatever file it is written. */
export function saidOfHosts(
  variables: Readonly<Record<string, unknown>>,
  cwd: string,
): Readonly<Record<string, unknown>> {
  const whole = (path: unknown): unknown => (typeof path === 'string' ? pathFrom(cwd, path) : path);
  return Object.fromEntries(
    Object.entries(variables)
      .filter(([name]) => /^(?:ansible|pitr)_/.test(name))
      .map(([name, value]) => {
        if (!PATHS.has(name)) return [name, value];
        return [name, Array.isArray(value) ? value.map(whole) : whole(value)];
      }),
  );
}

/** Looks at a cluster from one of its nodes; and what is to be said of all hosts alike. */
export async function discoverCluster({
  variables,
  cwd,
  masker,
  askPassphrase,
  signal,
  ...wish
}: InitWish): Promise<Discovered> {
  const common = saidOfHosts(variables, cwd);
  const { patroni_config: config } = variables;
  const site = await onHostsByVariables(
    { extraVars: {}, masker, askPassphrase, signal, directory: cwd },
    (connect) =>
      discoverSite((name, reach) => connect(name, { ...reach, ...common }), {
        ...wish,
        config: typeof config === 'string' ? config : undefined,
      }),
  );
  // A password is said each time, or kept in a file of its own (PITR_BECOME_PASSWORD_FILE): never in an inventory.
  const written = Object.entries(common).filter(([name]) => !isSecretName(name));
  return { site, common: Object.fromEntries(written), secrets: Object.keys(common).filter(isSecretName) };
}
