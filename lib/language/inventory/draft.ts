import type { SourcePosition } from '../../base/errors/pitr-error.ts';
import type { Located } from '../yaml/located.ts';
import { inventoryError } from './errors.ts';

/** What the inventory files say about a group, all of them together. */
export interface DraftGroup {
  readonly name: string;
  readonly hosts: Set<string>;
  /** Child groups, and where each was named first. */
  readonly children: Map<string, SourcePosition>;
  readonly vars: Map<string, Located>;
}

/** An inventory while its files are read: groups and hosts that are named twice are merged, later variables win. */
export class InventoryDraft {
  readonly groups = new Map<string, DraftGroup>();
  /** Host name to the variables that stand beside it in the inventory. */
  readonly hosts = new Map<string, Map<string, Located>>();

  group(name: string): DraftGroup {
    let group = this.groups.get(name);
    if (group === undefined) {
      group = { name, hosts: new Set(), children: new Map(), vars: new Map() };
      this.groups.set(name, group);
    }
    return group;
  }

  host(name: string): Map<string, Located> {
    let vars = this.hosts.get(name);
    if (vars === undefined) {
      vars = new Map();
      this.hosts.set(name, vars);
    }
    return vars;
  }

  /** How far each group is from `all` (its longest way). Throws when a group is inside itself. */
  depths(): ReadonlyMap<string, number> {
    const depths = new Map<string, number>();
    const descend = (
      name: string,
      depth: number,
      way: readonly string[],
      at: SourcePosition | undefined,
    ): void => {
      if (way.includes(name)) {
        const circle = [...way.slice(way.indexOf(name)), name].join(' > ');
        throw inventoryError('inventory-circle', `group "${name}" is inside itself: ${circle}`, at);
      }
      if ((depths.get(name) ?? -1) >= depth) return;
      depths.set(name, depth);
      for (const [child, place] of this.groups.get(name)?.children ?? [])
        descend(child, depth + 1, [...way, name], place);
    };
    for (const name of this.groups.keys()) descend(name, name === 'all' ? 0 : 1, [], undefined);
    return depths;
  }

  /** All hosts of a group and of the groups inside it, in Ansible's order: its own, then those of its children, and so on. */
  members(name: string): Set<string> {
    const groups = new Set([name]);
    // What is added meanwhile is gone through, too.
    for (const group of groups)
      for (const child of this.groups.get(group)?.children.keys() ?? []) groups.add(child);
    return new Set([...groups].flatMap((group) => [...(this.groups.get(group)?.hosts ?? [])]));
  }
}
