import { posix } from 'node:path';
import { z } from 'zod';
import { PitrError } from '../../base/errors/pitr-error.ts';
import { refusal } from '../../base/errors/refusal.ts';
import { Unknown } from '../../base/values/unknown.ts';
import type { ReadHost, WriteHost } from '../../contract/host.ts';
import { known } from '../../contract/known.ts';
import { type Change, defineModule, type Result, type TaskContext } from '../../contract/module.ts';
import { mayTouch } from '../../contract/newer-changes.ts';
import { predicted } from '../../contract/resource.ts';
import { proveIdle } from '../../recovery/postgres/prove-idle.ts';
import {
  type Attributes,
  attributeChanges,
  attributeParams,
  attributesOf,
  describeAttributes,
  isOfChange,
  sameAttributes,
  setAttributes,
  wantedAttributes,
  withAttributes,
} from '../../system/fs/attributes.ts';
import { applyFile, changedSince, mayUndoFile, undoFile } from '../../system/fs/file-apply.ts';
import { wantedOf } from '../../system/fs/file-params.ts';
import { effectsOfFile, type FileChange, planFile, predictFile } from '../../system/fs/file-plan.ts';
import { type FileState, readFileState } from '../../system/fs/file-state.ts';
import { formatMode } from '../../system/fs/mode.ts';
import { type PathState, pathResource } from '../../system/fs/path-resource.ts';
import { absolutePath, parentOf } from '../../system/fs/paths.ts';
import {
  applyRemoval,
  effectsOfRemoval,
  mayUndoRemoval,
  planRemoval,
  predictRemoval,
  type RemovalChange,
  type RemovalState,
  readRemoval,
  undoRemoval,
} from '../../system/fs/removal.ts';
import {
  checkOwner,
  parseSurroundings,
  type Surroundings,
  surroundingsProbe,
} from '../../system/fs/surroundings.ts';
import {
  applyTree,
  planTree,
  predictTree,
  readTree,
  type TreeChange,
  type TreeState,
  undoTree,
} from '../../system/fs/tree-attributes.ts';

const params = z.strictObject({
  path: absolutePath.describe('the file or directory'),
  state: z
    .enum(['file', 'touch', 'absent'])
    .default('file')
    .describe(
      'file: it must exist, and gets the mode and owner; touch: made empty when missing; absent: removed',
    ),
  ...attributeParams,
  recurse: z
    .boolean()
    .default(false)
    .describe('for all that is in a directory too; needed to remove one that is not empty'),
  keep: z
    .boolean()
    .default(true)
    .describe(
      'absent: what is big is renamed aside and kept; false deletes it for good, which cannot be undone',
    ),
});

type Params = z.output<typeof params>;

/** Attributes of one existing path. */
interface OneState {
  readonly action: 'attributes';
  readonly now: PathState | Unknown;
  readonly around?: Surroundings;
}

interface OneChange extends Change {
  readonly action: 'attributes';
  readonly path: string;
  /** Of the path; older journals do not say it. */
  readonly kind?: string;
  readonly before: Attributes;
  readonly after: Attributes;
}

type State = OneState | RemovalState | TreeState | (FileState & { readonly action: 'touch' });
type FileModuleChange = OneChange | RemovalChange | TreeChange | (FileChange & { readonly action: 'touch' });

export const module = defineModule({
  summary: 'Sets mode and owner of what is there, makes an empty file, or removes a file or directory.',
  description:
    'What is removed can come back: small files inside the journal, the rest renamed aside (".<name>.pitr-<run>"), until the operator lets it go.',
  examples: `- fs.file:
    path: /var/lib/postgresql/15/main
    owner: postgres
    group: postgres
    recurse: true
- fs.file: { path: /etc/cron.d/old-job, state: absent }`,
  params,
  freeForm: 'path',
  returns: {
    path: 'the path',
    state: 'what is there now: file, directory, symlink, other or absent',
    mode: 'permission bits, "0640"',
    owner: 'user name',
    group: 'group name',
    kept_at: 'where the removed thing is kept, when it was renamed aside',
    changed_paths: 'recurse: how many entries were changed',
  },
  read,
  plan,
  unchanged: (state, p) => {
    if (state.action === 'remove') return { path: p.path, state: 'absent' };
    const now = known(
      state.action === 'tree' ? state.root : state.action === 'touch' ? state.dest : state.now,
    );
    return now.kind === 'absent' ? { path: p.path, state: 'absent' } : resultOf(p.path, now.kind, now);
  },
  effects: (change) => {
    if (change.action === 'remove') return effectsOfRemoval(change);
    return change.action === 'touch' ? effectsOfFile(change) : [];
  },
  predict: (change, state) => {
    if (change.action === 'remove') return predictRemoval(change);
    if (change.action === 'tree' && state.action === 'tree') return predictTree(change, state);
    if (change.action === 'touch' && state.action === 'touch')
      return { ...predictFile(change, state), result: resultOf(change.path, 'file', change.after) };
    if (change.action !== 'attributes' || state.action !== 'attributes') return {};
    const now = known(state.now);
    return now.kind === 'absent'
      ? {}
      : {
          resources: [predicted(pathResource, change.path, withAttributes(now, change.after))],
          result: resultOf(change.path, now.kind, change.after),
        };
  },
  apply: async (host, change, p): Promise<Result> => {
    switch (change.action) {
      case 'remove':
        await proveIdle(host, change.path, 'its directory is not removed under it');
        return applyRemoval(host, change);
      case 'tree':
        return applyTree(host, change);
      case 'touch':
        await applyFile(host, change, async () => '');
        return resultOf(p.path, 'file', change.after);
      case 'attributes':
        await setAttributes(host, change.path, change.before, change.after);
        return resultOf(p.path, change.kind, change.after);
    }
  },
  undo: async (host, change, context) => {
    switch (change.action) {
      case 'remove':
        return undoRemoval(host, change);
      case 'tree':
        return undoTree(host, change, context);
      case 'touch':
        return undoFile(host, change);
      case 'attributes':
        return undoAttributes(host, change);
    }
  },
  mayUndo: async (host, change, context, newer) => {
    switch (change.action) {
      case 'remove':
        return mayUndoRemoval(host, change, newer);
      case 'tree':
        return;
      case 'touch':
        return mayUndoFile(host, change, context, newer);
      case 'attributes':
        if (!mayTouch(newer, host.name, change.path)) await attributesNow(host, change);
    }
  },
  undoable: ({ state, keep }) =>
    state === 'absent' && !keep ? 'the task says "keep: false": what it removes is gone' : true,
});

async function read(
  host: ReadHost,
  p: Params,
  context: Pick<TaskContext, 'runId' | 'holdsSecret'>,
): Promise<State> {
  if (p.state === 'absent') return readRemoval(host, p, context);
  if (p.recurse) return readTree(host, p.path, p);
  if (p.state === 'touch') {
    // An existing file keeps what it holds: only a missing one gets the empty content.
    const request = { ...p, dest: p.path, name: undefined, follow: false, force: false };
    return { ...(await readFileState(host, request, wantedOf(''), context)), action: 'touch' };
  }
  const now = await host.look(pathResource, p.path);
  if (now instanceof Unknown || now.kind === 'absent' || sameAttributes(wantedAttributes(now, p), now)) {
    return { action: 'attributes', now };
  }
  const around = parseSurroundings(await host.query(surroundingsProbe(parentOf(p.path), p)));
  return { action: 'attributes', now, around };
}

function plan(state: State, p: Params): FileModuleChange | undefined {
  switch (state.action) {
    case 'remove':
      return planRemoval(state, p);
    case 'tree':
      if (known(state.root).kind === 'absent') throw missing(p.path);
      refuseLink(p.path, known(state.root));
      return planTree(state, p);
    case 'touch': {
      refuseLink(p.path, known(state.dest));
      const change = planFile(state, {
        ...p,
        dest: p.path,
        name: undefined,
        follow: false,
        force: false,
        backup: false,
      });
      return change && { ...change, action: 'touch' };
    }
    case 'attributes':
      return planAttributes(state, p);
  }
}

function planAttributes({ now: seen, around }: OneState, p: Params): OneChange | undefined {
  const now = known(seen);
  if (now.kind === 'absent') throw missing(p.path);
  if (p.mode !== undefined) refuseLink(p.path, now);
  const after = wantedAttributes(now, p);
  if (sameAttributes(after, now)) return undefined;
  if (around !== undefined) checkOwner(around, p, now, after);
  return {
    summary: `change ${p.path}: ${attributeChanges(now, after)}`,
    diff: [
      { subject: p.path, before: `${describeAttributes(now)}\n`, after: `${describeAttributes(after)}\n` },
    ],
    action: 'attributes',
    path: p.path,
    kind: now.kind,
    before: attributesOf(now),
    after,
  };
}

/** It has no mode, and holds nothing: all would be well with it, and with what it points to nothing would have been done. */
function refuseLink(path: string, now: PathState): void {
  if (now.kind !== 'symlink') return;
  const { target = '?' } = now;
  const real = posix.resolve(parentOf(path), target);
  throw refusal('path-is-a-link', `${path} is a symbolic link to ${target}, and is not followed`, [
    `Name what it points to: ${real}`,
  ]);
}

async function undoAttributes(host: WriteHost, change: OneChange): Promise<void> {
  const now = await attributesNow(host, change);
  await setAttributes(host, change.path, now, change.before);
}

/** Refuses where somebody has changed them since. */
async function attributesNow(host: ReadHost, { path, before, after }: OneChange): Promise<Attributes> {
  const now = known(await host.look(pathResource, path));
  if (now.kind === 'absent') throw changedSince(path, 'it is gone');
  if (!isOfChange(now, before, after)) throw changedSince(path, 'its mode or owner is another');
  return now;
}

function resultOf(path: string, kind: string | undefined, { mode, owner, group }: Attributes): Result {
  return { path, ...(kind === undefined ? {} : { state: kind }), mode: formatMode(mode), owner, group };
}

function missing(path: string): PitrError {
  return new PitrError({
    kind: 'failed',
    code: 'path-missing',
    message: `there is nothing at ${path}`,
    next: ['"state: touch" makes an empty file, fs.directory a directory.'],
  });
}
