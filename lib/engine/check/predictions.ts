import { Unknown } from '../../base/values/unknown.ts';
import type { Resource } from '../../contract/host.ts';
import type { ResourceRef } from '../../contract/module.ts';
import type { Prediction } from '../../contract/resource.ts';

/** What lies below a predicted directory: nothing, something unknown, or what lies below another path today. */
type Within = 'absent' | 'unknown' | { readonly liveFrom: string };

/** Stands where a predicted state would: the thing itself has only moved, and is as it is today at its old place. */
const AS_TODAY = Symbol('as today');

/** Stands where a thing has moved away: what "not there" is, whoever looks knows of the kind that they look for. */
const GONE = Symbol('gone');

type Difference = (before: unknown) => unknown;

interface Entry {
  readonly state: unknown;
  /** What differs from today, where the state is as today but for it. */
  readonly differences?: readonly Difference[] | undefined;
  readonly within?: Within | undefined;
}

/** What check mode knows about a resource: a predicted state, or that it is today's state at this id. */
export type Foreseen =
  | { readonly state: unknown }
  | { readonly liveAt: string; readonly differences?: readonly Difference[] };

function parentOf(id: string): string | undefined {
  const slash = id.lastIndexOf('/');
  if (slash < 0 || id === '/') return undefined;
  return slash === 0 ? '/' : id.slice(0, slash);
}

/**
 * What the tasks so far would have changed, by resource, laid over what later tasks look at. One for each run in
 * check mode.
 */
export class Predictions {
  readonly #entries = new Map<string, Map<string, Entry>>();
  readonly #hosts = new Set<string>();

  /** Whether anything would have been changed on the host, or in what all hosts share. */
  any(host: string): boolean {
    return this.#hosts.has(host) || this.#hosts.has('');
  }

  /** Takes in that something would be changed on the host, and what of that is known. */
  addChange(host: string, predictions: readonly Prediction[]): void {
    this.#hosts.add(host);
    for (const prediction of predictions) this.add(host, prediction);
  }

  /** Whether the resource, or a directory around it, would have been changed. */
  touches(host: string, ref: ResourceRef): boolean {
    for (const scope of [host, '']) {
      const entries = this.#entries.get(key(scope, ref.kind));
      if (entries === undefined) continue;
      for (let id: string | undefined = ref.id; id !== undefined; id = parentOf(id))
        if (entries.has(id)) return true;
    }
    return false;
  }

  foresee<S>(host: string, resource: Resource<S>, id: string): Foreseen {
    const scope = resource.scope === 'run' ? '' : host;
    const entries = this.#entries.get(key(scope, resource.kind));
    if (entries === undefined) return { liveAt: id };
    const exact = entries.get(id);
    if (exact?.differences !== undefined) return { liveAt: id, differences: exact.differences };
    if (exact !== undefined) {
      const moved =
        exact.state === AS_TODAY && typeof exact.within === 'object' ? exact.within.liveFrom : undefined;
      if (moved !== undefined) return { liveAt: moved };
      return { state: exact.state === GONE ? absentOf(resource, id) : exact.state };
    }
    if (resource.tree === undefined) return { liveAt: id };
    const around = this.#around(entries, id);
    if (around === undefined) return { liveAt: id };
    const { within } = around.entry;
    if (within === 'unknown') return { state: new Unknown(`what ${around.id} will hold`) };
    if (typeof within === 'object') return { liveAt: within.liveFrom + id.slice(around.id.length) };
    return { state: resource.tree.absent };
  }

  /** Takes in what a change would leave behind. */
  add(taskHost: string, prediction: Prediction): void {
    const scope = prediction.scope === 'run' ? '' : (prediction.host ?? taskHost);
    this.#hosts.add(scope);
    const entries = this.#of(scope, prediction.kind);
    if ('moved' in prediction) {
      this.#move(entries, prediction.moved.from, prediction.moved.to);
      return;
    }
    if ('changed' in prediction) {
      entries.set(prediction.id, changedEntry(entries.get(prediction.id), prediction.changed));
      return;
    }
    for (const id of [...entries.keys()])
      if (id.startsWith(`${prediction.id}/`) && prediction.within !== undefined) entries.delete(id);
    const within = prediction.within ?? entries.get(prediction.id)?.within;
    entries.set(prediction.id, { state: prediction.state, within });
  }

  #move(entries: Map<string, Entry>, from: string, to: string): void {
    const known = entries.get(from);
    const around = known === undefined ? this.#around(entries, from) : undefined;
    const root: Entry = known ?? movedRoot(from, around);
    const inside = [...entries].filter(([id]) => id.startsWith(`${from}/`));
    for (const id of [...entries.keys()]) if (id.startsWith(`${to}/`)) entries.delete(id);
    for (const [id, entry] of inside) {
      entries.delete(id);
      entries.set(to + id.slice(from.length), entry);
    }
    // A directory predicted without a word on what lies in it is as it is today at its old place.
    entries.set(to, root.within === undefined ? { ...root, within: { liveFrom: from } } : root);
    entries.set(from, { state: GONE, within: 'absent' });
  }

  #around(
    entries: Map<string, Entry>,
    id: string,
  ): { readonly id: string; readonly entry: Entry } | undefined {
    for (let parent = parentOf(id); parent !== undefined; parent = parentOf(parent)) {
      const entry = entries.get(parent);
      if (entry?.within !== undefined) return { id: parent, entry };
    }
    return undefined;
  }

  #of(scope: string, kind: string): Map<string, Entry> {
    const name = key(scope, kind);
    let entries = this.#entries.get(name);
    if (entries === undefined) {
      entries = new Map();
      this.#entries.set(name, entries);
    }
    return entries;
  }
}

function absentOf<S>({ tree }: Resource<S>, id: string): S | Unknown {
  return tree === undefined ? new Unknown(`what is at ${id} when it has moved away`) : tree.absent;
}

function changedEntry(before: Entry | undefined, difference: Difference): Entry {
  if (before === undefined) return { state: AS_TODAY, differences: [difference] };
  if (before.differences !== undefined)
    return { ...before, differences: [...before.differences, difference] };
  if (typeof before.state === 'symbol')
    return { ...before, state: new Unknown('what has moved, and would be changed there') };
  return before.state instanceof Unknown ? before : { ...before, state: difference(before.state) };
}

/** What a path that no task predicted becomes when it moves. */
function movedRoot(from: string, around: { readonly id: string; readonly entry: Entry } | undefined): Entry {
  const within = around?.entry.within;
  if (within === undefined) return { state: AS_TODAY, within: { liveFrom: from } };
  if (typeof within === 'object') {
    return { state: AS_TODAY, within: { liveFrom: within.liveFrom + from.slice(around?.id.length ?? 0) } };
  }
  return { state: new Unknown(`what ${from} will be`), within };
}

function key(scope: string, kind: string): string {
  return `${scope}\n${kind}`;
}
