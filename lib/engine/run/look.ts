import { asPitrError, PitrError } from '../../base/errors/pitr-error.ts';
import { Masker } from '../../base/values/masker.ts';
import type { Result, TaskContext } from '../../contract/module.ts';
import { loadInventory } from '../../language/inventory/load.ts';
import type { Inventory } from '../../language/inventory/model.ts';
import { matchHosts } from '../../language/inventory/patterns.ts';
import { validateParams } from '../../language/playbook/params.ts';
import { located } from '../../language/yaml/load.ts';
import { paramsOf } from '../../modules/params.ts';
import { loadModule } from '../../modules/registry.ts';
import type { AskPassphrase, HostConnection } from '../../transport/types.ts';
import { operatorHere } from '../journal/beginning.ts';
import { newRunId } from '../journal/place.ts';
import { dataLayer, Scope, templatesLayer } from '../task/scope.ts';
import { Connections } from './connections.ts';
import { lookingHost } from './live-host.ts';
import { inParallel } from './pool.ts';

/** What to look at, on which hosts, without a playbook: `pitr backups`, `pitr status`. */
export interface LookRequest {
  readonly inventories: readonly string[];
  /** Where more `group_vars/` and `host_vars/` lie: beside the playbook of a run that is gone back on. */
  readonly varsDirectories?: readonly string[] | undefined;
  /** A host pattern, or what names one once the inventory is known, under what `-e` says. */
  readonly hosts: string | ((inventory: Inventory, extraVars: Readonly<Record<string, unknown>>) => string);
  readonly module: string;
  readonly params: Readonly<Record<string, unknown>>;
  readonly extraVars?: Readonly<Record<string, unknown>> | undefined;
  readonly forks: number;
  /** Learns the secrets of the inventory. */
  readonly masker?: Masker | undefined;
  readonly askPassphrase?: AskPassphrase | undefined;
  readonly signal: AbortSignal;
  readonly progress?: ((host: string, text: string) => void) | undefined;
}

export interface LookAnswer {
  readonly host: string;
  readonly result?: Result;
  readonly error?: PitrError;
}

/**
 * Runs one looking module on hosts. Failures are values per host. Throws kind `validation` for an unknown host or
 * wrong params.
 */
export async function lookOnce(request: LookRequest): Promise<readonly LookAnswer[]> {
  const module = await loadModule(request.module);
  if (module.kind !== 'look') throw new Error(`${request.module} does not only look`);
  return onHosts(request, async (host, connections, inventory) => {
    const scope = new Scope([
      templatesLayer(inventory.hosts.get(host)?.vars ?? new Map()),
      dataLayer(request.extraVars ?? {}),
      dataLayer({ inventory_hostname: host }),
    ]);
    const written: Record<string, unknown> = { ...request.params };
    for (const { name, variable } of paramsOf(module.params)?.params ?? []) {
      const value = variable === undefined || Object.hasOwn(written, name) ? undefined : scope.get(variable);
      if (value !== undefined) written[name] = value;
    }
    const at = { file: `pitr ${request.module}`, line: 1, column: 1 };
    const params = validateParams(module, request.module, written, located(request.params, at));
    const peers = (name: string): HostConnection => connections.to(name);
    return module.read(
      lookingHost(peers(host), peers, { signal: request.signal }),
      params,
      context(request, host),
    );
  });
}

type OnHost = (host: string, connections: Connections, inventory: Inventory) => Promise<Result>;

/** Does something on all hosts of a pattern, at most `forks` at once, and closes the connections. */
export async function onHosts(
  request: Pick<
    LookRequest,
    'inventories' | 'varsDirectories' | 'hosts' | 'extraVars' | 'forks' | 'masker' | 'askPassphrase'
  >,
  work: OnHost,
): Promise<readonly LookAnswer[]> {
  const { inventories, varsDirectories } = request;
  const inventory = await loadInventory(inventories, { varsDirectories });
  const pattern =
    typeof request.hosts === 'string' ? request.hosts : request.hosts(inventory, request.extraVars ?? {});
  const connections = new Connections(
    inventory,
    request.extraVars ?? {},
    request.masker ?? new Masker(),
    request,
  );
  try {
    return await inParallel(matchHosts(inventory, pattern), request.forks, async (host) => {
      try {
        return { host, result: await work(host, connections, inventory) };
      } catch (thrown) {
        return { host, error: asPitrError(thrown).with({ host }) };
      }
    });
  } finally {
    await connections.closeAll();
  }
}

function context(request: LookRequest, host: string): TaskContext {
  const none = (what: string) => (): never => {
    throw new PitrError({
      kind: 'bug',
      code: 'no-playbook',
      message: `there is no playbook to ${what} here`,
    });
  };
  return {
    runId: newRunId(),
    operator: operatorHere(),
    signal: request.signal,
    progress: (text) => request.progress?.(host, text),
    output: () => {},
    warn: (text) => request.progress?.(host, text),
    file: none('find a file for'),
    render: none('render a template for'),
    holdsSecret: () => false,
    ask: none('ask for'),
    hold: none('hold'),
    held: () => undefined,
  };
}
