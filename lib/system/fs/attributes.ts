import { z } from 'zod';
import type { WriteHost } from '../../contract/host.ts';
import { chmodMode, formatMode, modeParam, resolveMode } from './mode.ts';
import type { PathState } from './path-resource.ts';

/** Who owns a path and who may do what with it. */
export interface Attributes {
  readonly mode: number;
  readonly owner: string;
  readonly group: string;
}

/** What a task wants of them; what it does not name stays as it is. */
export interface AttributeWish {
  readonly mode?: string | undefined;
  readonly owner?: string | undefined;
  readonly group?: string | undefined;
}

const name = z.string().regex(/^[^\s:/]+$/, 'expected the name or number of a user or group');

/** The params `mode`, `owner` and `group`, the same in every module of the family. */
export const attributeParams = {
  mode: modeParam
    .optional()
    .describe('permission bits, as "0640" or u=rw,g=r; without it they stay as they are'),
  owner: name.optional().describe('user that owns it, by name or number; without it stays as it is'),
  group: name.optional().describe('group that owns it, by name or number; without it stays as it is'),
};

/** An existing path. */
export type Present = Exclude<PathState, { readonly kind: 'absent' }>;

/** The attributes a path would have if the wish came true. A number that is the present id keeps the present name. */
export function wantedAttributes(present: Present, wish: AttributeWish): Attributes {
  return {
    mode:
      wish.mode === undefined
        ? present.mode
        : resolveMode(wish.mode, present.mode, present.kind === 'directory'),
    owner: sameName(wish.owner, present.owner, present.uid),
    group: sameName(wish.group, present.group, present.gid),
  };
}

function sameName(wanted: string | undefined, present: string, id: number | undefined): string {
  return wanted === undefined || wanted === String(id) ? present : wanted;
}

export function sameAttributes(a: Attributes, b: Attributes): boolean {
  return a.mode === b.mode && a.owner === b.owner && a.group === b.group;
}

/**
 * Whether what is there has the attributes from before a change, those from after it, or some of each: a change sets the owner
 * first, which takes set-id bits away, and may be broken off before the mode. A task may have named owner and group by their
 * numbers.
 */
export function isOfChange(now: Present, before: Attributes, after: Attributes): boolean {
  return [
    [before.owner, after.owner].some((owner) => sameName(owner, now.owner, now.uid) === now.owner),
    [before.group, after.group].some((group) => sameName(group, now.group, now.gid) === now.group),
    [before.mode, after.mode].some((mode) => [mode, mode & ~0o4000, mode & ~0o6000].includes(now.mode)),
  ].every(Boolean);
}

/** `mode 0640, owner postgres, group postgres`: for diffs and messages. */
export function describeAttributes({ mode, owner, group }: Attributes): string {
  return `mode ${formatMode(mode)}, owner ${owner}, group ${group}`;
}

/** A state with other attributes. The number of a user or group that is another by then is not known. */
export function withAttributes<P extends Present>(present: P, after: Attributes): P {
  return {
    ...present,
    ...after,
    uid: after.owner === present.owner ? present.uid : undefined,
    gid: after.group === present.group ? present.gid : undefined,
  };
}

/** Just the attributes of a state. */
export function attributesOf({ mode, owner, group }: Attributes): Attributes {
  return { mode, owner, group };
}

/** What differs, named: `mode 0600 to 0640, owner root to postgres`. */
export function attributeChanges(before: Attributes, after: Attributes): string {
  const parts = [];
  if (before.mode !== after.mode) parts.push(`mode ${formatMode(before.mode)} to ${formatMode(after.mode)}`);
  if (before.owner !== after.owner) parts.push(`owner ${before.owner} to ${after.owner}`);
  if (before.group !== after.group) parts.push(`group ${before.group} to ${after.group}`);
  return parts.join(', ');
}

/**
 * Sets the attributes that differ, in one round trip. The owner goes first: `chown` takes set-id bits away.
 * A symbolic link's own owner is set, never that of what it points to.
 */
export async function setAttributes(
  host: WriteHost,
  path: string,
  before: Attributes,
  after: Attributes,
): Promise<void> {
  const chowned = before.owner !== after.owner || before.group !== after.group;
  const words: string[] = [];
  if (chowned) words.push(`chown -h -- "$2:$3" "$1"`);
  if (before.mode !== after.mode || (chowned && (after.mode & 0o6000) !== 0))
    words.push(`chmod -- "$4" "$1"`);
  if (words.length === 0) return;
  await host.must(
    ['sh', '-c', words.join(' && '), 'sh', path, after.owner, after.group, chmodMode(after.mode)],
    { inShell: true },
  );
}
