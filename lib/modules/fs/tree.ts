import { randomBytes } from 'node:crypto';
import { z } from 'zod';
import { PitrError } from '../../base/errors/pitr-error.ts';
import { formatBytes, formatCopied } from '../../base/values/bytes.ts';
import { Unknown } from '../../base/values/unknown.ts';
import type { ReadHost, WriteHost } from '../../contract/host.ts';
import { known } from '../../contract/known.ts';
import { type Change, defineModule, type TaskContext } from '../../contract/module.ts';
import { probe } from '../../contract/probe.ts';
import { predicted } from '../../contract/resource.ts';
import { changedSince } from '../../system/fs/file-apply.ts';
import { type PathState, pathResource } from '../../system/fs/path-resource.ts';
import { absolutePath, besidePath, parentOf } from '../../system/fs/paths.ts';
import {
  checkParent,
  parseSurroundings,
  type Surroundings,
  surroundingsProbe,
} from '../../system/fs/surroundings.ts';
import { differences, digestProbe, linesProbe, parseDigest } from '../../system/fs/tree-manifest.ts';
import {
  makeStaging,
  markOf,
  nameStaging,
  removeStaging,
  unnameStaging,
} from '../../system/fs/tree-staging.ts';
import { commandFailed } from '../../transport/command-failed.ts';
import { relay } from '../../transport/relay.ts';

const params = z.strictObject({
  src: absolutePath.describe('the directory on the other host; it must be at rest while it is copied'),
  from: z.string().min(1).describe('inventory name of the host that has it'),
  dest: absolutePath.describe('where it goes on this host: absent, or the same already'),
});

type Params = z.output<typeof params>;

interface State {
  readonly src: PathState | Unknown;
  readonly dest: PathState | Unknown;
  readonly parent: PathState | Unknown;
  readonly around: Surroundings;
  /** What the copy will need; absent where it could not be told. */
  readonly bytes?: number | undefined;
  /** Where dest is a directory: whether it holds the same. */
  readonly same?: boolean | Unknown | undefined;
  readonly differing: readonly string[];
  readonly staging: string;
  readonly digestAt: string;
}

interface TreeCopy extends Change {
  readonly src: string;
  readonly from: string;
  readonly dest: string;
  readonly staging: string;
  /** What says which directory there is the copy; older versions had none, and a name that others use too. */
  readonly mark?: string | undefined;
  /** Where the digest of what arrived is kept until the run is let go: undo removes nothing else. */
  readonly digestAt: string;
  readonly owners: boolean;
  readonly bytes?: number;
}

export const module = defineModule({
  summary: 'Copies a directory from another host, verified file by file.',
  description:
    'The bytes go through the controller as a stream, into a hidden directory beside dest that gets its name when every file has the right hash. Owners are kept when the task works as root.',
  examples: `- fs.tree:
    src: /srv/wal-archive
    from: barman
    dest: /srv/wal-archive`,
  params,
  returns: {
    dest: 'the directory',
    bytes: 'bytes that went over, tar headers included',
    sha256: 'digest over names and contents',
  },
  read,
  plan,
  unchanged: (_state, { dest }) => ({ dest, bytes: 0 }),
  predict: ({ dest }, state) => {
    const src = known(state.src);
    return src.kind === 'absent'
      ? {}
      : { resources: [predicted(pathResource, dest, src, 'unknown')], result: { dest } };
  },
  apply,
  undo,
});

async function read(host: ReadHost, { src, from, dest }: Params, { runId }: TaskContext): Promise<State> {
  const other = host.peer(from);
  const [source, here, parent, around, size] = await Promise.all([
    other.look(pathResource, src),
    host.look(pathResource, dest),
    host.look(pathResource, parentOf(dest)),
    host.query(surroundingsProbe(parentOf(dest), {})),
    other.query(probe(['du', '-s', '-b', '--', src], { timeoutMs: 10 * 60_000 })),
  ]);
  const bytes = /^\d+/.exec(size.stdout)?.[0];
  // The plain name beside dest is what the run may have kept of it (fs.file), or will keep.
  const staging = besidePath(dest, runId, '-copy');
  const state: State = {
    src: source,
    dest: here,
    parent,
    around: parseSurroundings(around),
    ...(bytes === undefined ? {} : { bytes: Number(bytes) }),
    differing: [],
    staging,
    // The same copy may be made twice in one run, and each is taken back by its own.
    digestAt: `${staging}-${randomBytes(4).toString('hex')}.sha256`,
  };
  const both = [source, here].every((one) => !(one instanceof Unknown) && one.kind === 'directory');
  return both
    ? { ...state, ...(await compare(host, other, { src, from, dest }, state.around.uid === 0)) }
    : state;
}

async function compare(
  host: ReadHost,
  other: ReadHost,
  { src, dest }: Params,
  owners: boolean,
): Promise<Pick<State, 'same' | 'differing'>> {
  const there = await Promise.all([
    other.query(probe(['test', '-d', src])),
    host.query(probe(['test', '-d', dest])),
  ]);
  // Foreseen by an earlier task, not there yet: whether they will be the same only the run can tell.
  if (there.some(({ exitCode }) => exitCode !== 0))
    return { same: new Unknown(`what ${dest} will hold`), differing: [] };
  const [theirs, ours] = await Promise.all([
    other.query(digestProbe(src, owners)),
    host.query(digestProbe(dest, owners)),
  ]);
  const same = parseDigest(src, other.name, theirs) === parseDigest(dest, host.name, ours);
  return { same, differing: same ? [] : await differing(host, other, src, dest, owners) };
}

async function differing(
  host: ReadHost,
  other: ReadHost,
  src: string,
  copy: string,
  owners: boolean,
): Promise<readonly string[]> {
  const [theirs, ours] = await Promise.all([
    other.query(linesProbe(src, owners)),
    host.query(linesProbe(copy, owners)),
  ]);
  return differences(theirs.stdout, ours.stdout);
}

function plan(state: State, { src, from, dest }: Params): TreeCopy | undefined {
  const source = known(state.src);
  const here = known(state.dest);
  if (source.kind !== 'directory') {
    throw new PitrError({
      kind: 'failed',
      code: 'source-missing',
      message:
        source.kind === 'absent' ? `there is no ${src} on ${from}` : `${src} on ${from} is no directory`,
    });
  }
  if (here.kind === 'directory' && known(state.same ?? false)) return undefined;
  if (here.kind !== 'absent') {
    throw new PitrError({
      kind: 'refused',
      code: 'destination-differs',
      message: `${dest} exists and is not the same as ${src} on ${from}; nothing is copied into it`,
      details: state.differing,
      next: ['Move it aside first with fs.move, or choose another destination.'],
    });
  }
  checkParent(dest, parentOf(dest), known(state.parent), state.around);
  const size = state.bytes === undefined ? '' : ` (${formatBytes(state.bytes)})`;
  return {
    summary: `copy ${src} of ${from} to ${dest}${size}`,
    src,
    from,
    dest,
    staging: state.staging,
    mark: markOf(state.staging),
    digestAt: state.digestAt,
    owners: state.around.uid === 0,
    ...(state.bytes === undefined ? {} : { bytes: state.bytes }),
  };
}

async function apply(host: WriteHost, change: TreeCopy, _params: Params, context: TaskContext) {
  const { src, from, dest, staging, owners } = change;
  const other = host.peer(from);
  const tree = { staging, mark: change.mark ?? markOf(staging) };
  await makeStaging(host, tree);
  const bytes = await transfer(host, other, change, context);
  const [theirs, ours] = await Promise.all([
    other.query(digestProbe(src, owners)),
    host.query(digestProbe(staging, owners)),
  ]);
  const sha256 = parseDigest(staging, host.name, ours);
  if (parseDigest(src, other.name, theirs) !== sha256) {
    const details = await differing(host, other, src, staging, owners);
    await removeStaging(host, tree);
    throw new PitrError({
      kind: 'failed',
      code: 'copy-differs',
      message: `what arrived of ${src} from ${from} is not what is there`,
      details,
      state: `${dest} was not made; what had arrived was removed`,
      next: [`Make sure that nothing writes to ${src} on ${from}, and run again.`],
    });
  }
  await host.writeFile(change.digestAt, `${sha256}\n`, { mode: 0o600 });
  await host.must(['sync', '-f', '--', staging], { ownChannel: true });
  await nameStaging(host, tree, dest);
  return { dest, bytes, sha256 };
}

// tar ends at the mark of the archive's end, and would leave the sender with the padding behind it.
const UNPACK = 'tar -C "$1" -x -p -f - || exit; cat >/dev/null';

async function transfer(
  host: WriteHost,
  other: WriteHost,
  change: TreeCopy,
  context: TaskContext,
): Promise<number> {
  const { src, from, dest, staging, bytes: total } = change;
  const { signal } = context;
  const sink = await host.spawn(['sh', '-c', UNPACK, 'sh', staging], { signal });
  const source = await other
    .spawn(['tar', '-C', src, '--format=posix', '-c', '-f', '-', '.'], { signal })
    .catch(async (error: unknown) => {
      await sink.kill();
      throw error;
    });
  let said = 0;
  const result = await relay(source, sink, {
    what: `${src} from ${from} to ${host.name}:${dest}`,
    signal,
    onProgress: (bytes) => {
      if (performance.now() - said < 500) return;
      said = performance.now();
      context.progress(`${formatCopied(bytes, total)} copied`, {
        bytes,
        ...(total === undefined ? {} : { total: Math.max(total, bytes) }),
      });
    },
  });
  return result.bytes;
}

/** Removes the copy, if it still is what arrived; and what an unfinished copy left. */
async function undo(host: WriteHost, change: TreeCopy): Promise<void> {
  const { dest, staging, digestAt, owners } = change;
  const tree = { staging, mark: change.mark ?? markOf(staging) };
  const [copy, digest] = await Promise.all([
    host.look(pathResource, dest),
    host.look(pathResource, digestAt),
  ]);
  if (known(copy).kind !== 'absent') {
    if (known(digest).kind !== 'file') throw changedSince(dest, 'it is not the copy that was made');
    const kept = await host.query(probe(['cat', '--', digestAt]));
    if (kept.exitCode !== 0) throw commandFailed(kept, host.name);
    const arrived = kept.stdout.trim();
    const now = parseDigest(dest, host.name, await host.query(digestProbe(dest, owners)));
    if (now !== arrived) throw changedSince(dest, 'something in it is another');
    await unnameStaging(host, tree, dest);
  } else if (change.mark === undefined && known(digest).kind === 'absent') {
    // An older version has left it unfinished: nothing else tells what it is.
    await host.must(['rm', '-rf', '--', staging], { ownChannel: true });
  }
  await removeStaging(host, tree, digestAt);
}
