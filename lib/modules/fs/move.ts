import { z } from 'zod';
import { amid } from '../../base/errors/amid.ts';
import { PitrError } from '../../base/errors/pitr-error.ts';
import { refusal } from '../../base/errors/refusal.ts';
import type { Unknown } from '../../base/values/unknown.ts';
import type { Effect } from '../../contract/effects.ts';
import type { ReadHost, WriteHost } from '../../contract/host.ts';
import { known } from '../../contract/known.ts';
import { type Change, defineModule, type NewerChange, type WorkContext } from '../../contract/module.ts';
import { mayTouch } from '../../contract/newer-changes.ts';
import { postgresResource } from '../../recovery/postgres/instance-resource.ts';
import {
  linkedWalOf,
  type MovedWal,
  moveLinkedWal,
  planWal,
  readWal,
  type WalState,
} from '../../recovery/postgres/linked-wal.ts';
import { proveIdle } from '../../recovery/postgres/prove-idle.ts';
import { NOT_RENAMED, putAside, rename } from '../../recovery/postgres/put-aside.ts';
import { changedSince } from '../../system/fs/file-apply.ts';
import { keptAs } from '../../system/fs/kept-name.ts';
import { type PathState, pathResource } from '../../system/fs/path-resource.ts';
import { absolutePath, parentOf } from '../../system/fs/paths.ts';
import { identityOf, inodeIn, type Place, placesOf } from '../../system/fs/place.ts';
import { checkParent } from '../../system/fs/surroundings.ts';
import { quote } from '../../transport/quote.ts';

const params = z
  .strictObject({
    src: absolutePath.describe('what is renamed: a file, a directory or a link'),
    dest: absolutePath.describe('its new name; nothing may be there, and its directory must exist'),
    required: z.boolean().default(true).describe('false: nothing at src is no failure'),
    aside_src: absolutePath
      .optional()
      .describe('undo: the name for what has come to src meanwhile; without it that is refused'),
    aside_dest: absolutePath
      .optional()
      .describe(
        'undo: the name for what has come to dest in the place of what was moved, which is given up then; without it that is refused',
      ),
  })
  .refine(({ src, dest }) => src !== dest, 'src and dest are the same path')
  .refine(({ src, dest }) => !dest.startsWith(`${src}/`), 'dest lies inside src');

type Params = z.output<typeof params>;

interface State {
  readonly src: PathState | Unknown;
  readonly dest: PathState | Unknown;
  readonly parent: PathState | Unknown;
  readonly parentIsDirectory: boolean;
  readonly srcPlace: Place;
  readonly destPlace: Place;
  readonly wal: WalState | undefined;
}

interface MoveChange extends Change {
  readonly src: string;
  readonly dest: string;
  /** Device and inode of what moves, to know it again; absent when it was not there yet at planning. */
  readonly identity?: string;
  readonly asideSrc?: string;
  readonly asideDest?: string;
  readonly wal?: MovedWal;
}

export const module = defineModule({
  summary: 'Renames a file or directory, at once and without copying.',
  description:
    'Never into or over something that exists, only within one file system, and never a directory in which a PostgreSQL ' +
    'works. When src is gone and dest is there, it has been moved already. Where pg_wal of a data directory is a link, the ' +
    'directory that it points to gets (or loses) the same ending as the data directory, and the link follows.',
  examples: `- fs.move:
    src: "{{ pgdata }}"
    dest: "{{ pgdata }}.pre-pitr"`,
  params,
  returns: { src: 'the old name', dest: 'the new name' },
  read,
  plan,
  unchanged: (_state, { src, dest }) => ({ src, dest }),
  // A data directory takes its instance along.
  effects: ({ src, dest, identity, wal }) => [
    ...[pathResource.kind, postgresResource.kind].map((kind) => moved(kind, src, dest, identity)),
    ...(wal === undefined ? [] : [moved(pathResource.kind, wal.from, wal.to, wal.identity)]),
  ],
  predict: ({ src, dest }) => ({ result: { src, dest } }),
  apply: async (host, { src, dest, wal }) => {
    if (wal !== undefined) await moveLinkedWal(host, src, wal);
    await rename(host, src, dest).catch((thrown: unknown) => {
      throw wal === undefined
        ? thrown
        : amid(thrown, `The data is where it was; its WAL was renamed to ${wal.to}.`);
    });
    return { src, dest };
  },
  undo: moveBack,
  mayUndo,
  undoShown: ({ src, dest, wal }) => [
    `renames ${dest} to ${src}`,
    ...(wal === undefined ? [] : [`renames ${wal.to} to ${wal.from}`]),
  ],
});

function moved(kind: string, id: string, dest: string, identity: string | undefined): Effect {
  const movedTo = { id: dest, identity, as: keptAs(dest) };
  return { kind, id, state: `moved to ${dest}`, lasts: 'for good', supersedes: true, movedTo };
}

async function moveBack(host: WriteHost, change: MoveChange, context: WorkContext): Promise<void> {
  await refuseTakenWal(host, change);
  await moveDirectoryBack(host, change, context);
  const { src, wal } = change;
  if (wal === undefined || known(await host.look(pathResource, src)).kind === 'absent') return;
  const now = await linkedWalOf(host, src);
  if (now === wal.to || now === wal.from) await moveLinkedWal(host, src, { from: wal.to, to: wal.from });
}

/**
 * Refuses what lies at either name, as long as no newer change has to do with it. Whether a PostgreSQL works there is for
 * `moveBack` to see: a newer change may have started the service that runs it.
 */
async function mayUndo(
  host: ReadHost,
  change: MoveChange,
  { runId }: WorkContext,
  newer: readonly NewerChange[],
): Promise<void> {
  const { src, dest, wal } = change;
  const touched = (path: string): boolean => mayTouch(newer, host.name, path);
  if (touched(dest)) return;
  const settled = !touched(src);
  if (settled && wal !== undefined && ![wal.from, wal.to].some(touched)) await refuseTakenWal(host, change);
  const [back, moved] = await Promise.all([host.look(pathResource, src), host.look(pathResource, dest)]);
  const free = !settled || known(back).kind === 'absent';
  if (known(moved).kind !== 'absent') await refuseTaken(host, change, free);
  else if (settled && free && change.asideDest === undefined) throw movedIsGone(src, dest, runId);
}

/** What lies at the new name must be what was moved, and the old one be free, unless what is there may go aside. */
async function refuseTaken(host: ReadHost, change: MoveChange, free: boolean): Promise<'moved' | 'foreign'> {
  const { src, dest, identity, asideSrc, asideDest } = change;
  const taken = (): PitrError => changedSince(src, `something is there again, and at ${dest} too`);
  if (!free && asideSrc === undefined && asideDest === undefined) throw taken();
  const [place] = await placesOf(host, dest, parentOf(src));
  if (identity !== undefined && place.inode !== inodeIn(identity)) {
    if (asideDest === undefined) throw changedSince(dest, 'it is not what was moved there');
    return 'foreign';
  }
  if (!free && asideSrc === undefined) throw taken();
  return 'moved';
}

/** Before anything has moved: where its WAL belongs lies other WAL, which does not go aside with what is at src. */
async function refuseTakenWal(host: ReadHost, { src, wal }: MoveChange): Promise<void> {
  if (wal === undefined) return;
  const [from, to] = await Promise.all([host.look(pathResource, wal.from), host.look(pathResource, wal.to)]);
  if (known(from).kind === 'absent' || known(to).kind === 'absent') return;
  if ((await linkedWalOf(host, src)) !== wal.from)
    throw changedSince(wal.from, `something is there again, and the WAL that belongs there is in ${wal.to}`);
}

async function moveDirectoryBack(host: WriteHost, change: MoveChange, context: WorkContext): Promise<void> {
  const { src, dest, asideSrc, asideDest } = change;
  const [back, moved] = await Promise.all([host.look(pathResource, src), host.look(pathResource, dest)]);
  const free = known(back).kind === 'absent';
  if (known(moved).kind === 'absent') {
    if (free && asideDest === undefined) throw movedIsGone(src, dest, context.runId);
    return;
  }
  const there = await refuseTaken(host, change, free);
  if (there === 'foreign' && asideDest !== undefined) {
    await keepAside(host, dest, asideDest, context);
    return;
  }
  if (!free && asideSrc !== undefined) {
    // What is refused is refused before anything has moved.
    await proveIdle(host, dest, NOT_RENAMED);
    await keepAside(host, src, asideSrc, context);
  }
  await rename(host, dest, src);
}

async function keepAside(host: WriteHost, path: string, aside: string, context: WorkContext): Promise<void> {
  const kept = await putAside(host, path, aside);
  if (kept !== undefined) context.warn(`what had come to ${path} meanwhile is kept in ${kept}`);
}

function movedIsGone(src: string, dest: string, runId: string): PitrError {
  return new PitrError({
    kind: 'refused',
    code: 'moved-is-gone',
    message: `what was moved to ${dest} is gone, and nothing is at ${src}`,
    next: [
      `See what lies beside it: ls -ld ${quote(src)}*`,
      `Where it has another name now, give it that one back. Where it is gone for good, leave this change as it is: pitr undo ${runId} --keep <its number>`,
    ],
  });
}

async function read(host: ReadHost, { src, dest }: Params): Promise<State> {
  const [from, to, parent, places, linked] = await Promise.all([
    host.look(pathResource, src),
    host.look(pathResource, dest),
    host.look(pathResource, parentOf(dest)),
    placesOf(host, src, parentOf(dest)),
    linkedWalOf(host, src),
  ]);
  const [srcPlace, destPlace, parentIsDirectory] = places;
  const wal = await readWal(host, src, dest, linked);
  return { src: from, dest: to, parent, parentIsDirectory, srcPlace, destPlace, wal };
}

function plan(state: State, { src, dest, required, aside_src, aside_dest }: Params): MoveChange | undefined {
  const from = known(state.src);
  const to = known(state.dest);
  if (from.kind === 'absent') {
    if (to.kind !== 'absent' || !required) return undefined;
    throw new PitrError({
      kind: 'failed',
      code: 'nothing-to-move',
      message: `there is no ${src} to move, and no ${dest} either`,
      next: [`ls -ld ${quote(src)} ${quote(dest)}`],
    });
  }
  if (to.kind !== 'absent') {
    throw refusal(
      'destination-exists',
      `${dest} exists, and so does ${src}: nothing is moved over or into it`,
      [`ls -ld ${quote(src)} ${quote(dest)}`],
    );
  }
  checkParent(dest, parentOf(dest), known(state.parent), state);
  const { srcPlace, destPlace } = state;
  if (![srcPlace.mount, destPlace.mount].every((mount) => mount.startsWith('/'))) {
    throw refusal(
      'mount-unknown',
      `cannot tell on which file systems ${src} and ${dest} are: stat does not say where they are mounted`,
      [`See what it says: stat -c '%m %n' ${src} ${parentOf(dest)}. It must be the stat of GNU coreutils.`],
    );
  }
  if (srcPlace.mount === src) {
    throw refusal('mount-point', `${src} is a mount point, which cannot be renamed`, [`findmnt ${src}`]);
  }
  if (srcPlace.device !== destPlace.device || srcPlace.mount !== destPlace.mount) {
    throw refusal(
      'other-file-system',
      `${src} and ${dest} are on different file systems (${srcPlace.mount} and ${destPlace.mount}), so it cannot be renamed`,
      ['Choose a name on the same file system.'],
    );
  }
  const wal = planWal(state.wal);
  return {
    summary: `move ${src} to ${dest}${wal === undefined ? '' : `, and its WAL from ${wal.from} to ${wal.to}`}`,
    src,
    dest,
    identity: identityOf(srcPlace),
    ...(wal === undefined ? {} : { wal }),
    ...(aside_src === undefined ? {} : { asideSrc: aside_src }),
    ...(aside_dest === undefined ? {} : { asideDest: aside_dest }),
  };
}
