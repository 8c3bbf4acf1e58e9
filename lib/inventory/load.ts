import type { Inventory } from './model.ts';

export interface LoadInventoryOptions {
  /** More directories whose `group_vars/` and `host_vars/` count (the playbook's), over those beside the inventory. */
  readonly varsDirectories?: readonly string[] | undefined;
}

/** Reads inventories (files or directories, several are merged). Throws kind `validation`. */
export async function loadInventory(
  _paths: readonly string[],
  _options?: LoadInventoryOptions,
): Promise<Inventory> {
  throw new Error('being written');
}
