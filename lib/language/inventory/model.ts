import type { ConnectionSettings } from '../../transport/types.ts';
import type { Located } from '../yaml/located.ts';

/** All hosts and groups, with the variables that hold for each host and where each one was set. */
export interface Inventory {
  /** The files it was read from, for messages. */
  readonly sources: readonly string[];
  /** In the order of the files. */
  readonly hosts: ReadonlyMap<string, InventoryHost>;
  /** The variables of `localhost` where the inventory does not name it: those of `all`, and its own; none that say how it is reached. */
  readonly localhostVars?: ReadonlyMap<string, Located> | undefined;
  /** Group name to host names (nested groups resolved), in the order of the group; always holds `all` and `ungrouped`. */
  readonly groups: ReadonlyMap<string, readonly string[]>;
}

/** The variables of a host, also of a `localhost` that the inventory does not name. */
export function varsOfHost({ hosts, localhostVars }: Inventory, name: string): ReadonlyMap<string, Located> {
  return hosts.get(name)?.vars ?? (name === 'localhost' ? localhostVars : undefined) ?? new Map();
}

export interface InventoryHost {
  readonly name: string;
  /** From the outermost to the innermost, without `all`. */
  readonly groups: readonly string[];
  /** Merged by precedence: groups by depth, group_vars files, host, host_vars files; unrendered. */
  readonly vars: ReadonlyMap<string, Located>;
}

/** The connection variables of a host (`ansible_*` and `pitr_*`), rendered and checked. */
export type ResolveConnection = (
  host: InventoryHost,
  rendered: Readonly<Record<string, unknown>>,
) => ConnectionSettings;
