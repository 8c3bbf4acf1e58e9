import { z } from 'zod';
import type { Masker } from '../../lib/base/values/masker.ts';
import { type LookAnswer, lookOnce } from '../../lib/engine/run/look.ts';
import { commandLine } from '../../lib/transport/quote.ts';
import type { AskPassphrase } from '../../lib/transport/types.ts';
import { consent } from '../consent.ts';
import type { Io } from '../io.ts';
import { askIn, type PlainSession } from '../plain-session.ts';
import { siteWords } from '../revert-command.ts';
import { wrapLaidOut } from '../text.ts';
import { barmanHost } from '../well-known-hosts.ts';
import { type BesideArchives, lookBesideArchives, nodesWith } from './node-wal.ts';
import { commandAgain, gapQuestion, type RecoverOrder, targetOf } from './order.ts';

export interface Surroundings {
  readonly inventories: readonly string[];
  readonly extraVars: Readonly<Record<string, unknown>>;
  readonly forks: number;
  readonly masker: Masker;
  readonly askPassphrase: AskPassphrase | undefined;
}

/** WAL that is missing on the way to the target, and how far one comes without it. */
export interface Gap {
  readonly missing: readonly string[];
  /** The end of the last segment before it, UTC. */
  readonly until: string;
  /** Nodes whose pg_wal still has some of them. */
  readonly nodes?: readonly string[] | undefined;
}

const gapSchema = z.looseObject({
  missing: z.array(z.string()),
  reachable: z.looseObject({ to: z.string() }),
});

/** The timeline that the run is told with these variables. */
export function timelineOf({ timeline }: Surroundings['extraVars']): number | undefined {
  return timeline === undefined || timeline === null || timeline === '' ? undefined : Number(timeline);
}

type Asked = Pick<RecoverOrder, 'backup' | 'targetTime' | 'target'>;

/**
 * Looks for a gap before anything begins, with the server and the timeline of the run, and as the run does in pg_wal of the
 * nodes, too: it archives from there what it needs, and a gap may have nothing behind it but what a node has. Files that are
 * prepared for steps by hand have the archives alone. Whatever else is wrong is told by the recovery itself. Throws kind
 * `interrupted`.
 */
export async function findGap(
  order: Asked,
  surroundings: Surroundings,
  signal: AbortSignal,
): Promise<Gap | undefined> {
  const request = { ...surroundings, signal };
  const beside = order.target === undefined ? {} : await lookBesideArchives(request);
  const gap = await askForGap(order, request, beside);
  return gap === undefined ? undefined : withNodes(gap, request);
}

/** The gap, with the nodes from which it can be filled. Throws kind `interrupted`. */
export async function withNodes(
  gap: Gap,
  request: Surroundings & { readonly signal: AbortSignal },
): Promise<Gap> {
  return { ...gap, nodes: await nodesWith(gap.missing, request) };
}

async function askForGap(
  order: Asked,
  { extraVars, signal, ...rest }: Surroundings & { readonly signal: AbortSignal },
  beside: Partial<BesideArchives>,
): Promise<Gap | undefined> {
  const request = { ...rest, extraVars, hosts: barmanHost, signal };
  const { server } = extraVars;
  const timeline = timelineOf(extraVars);
  const common = {
    target: targetOf(order.targetTime),
    accept_gap: false,
    ...(timeline === undefined ? {} : { timeline }),
    ...beside,
  };
  const [backup] = await lookOnce({
    ...request,
    module: 'barman.backup',
    params: {
      id: order.backup,
      ...common,
      ...(typeof server === 'string' && server !== '' ? { server } : {}),
    },
  });
  // A look that was interrupted has found nothing: it must not be taken for one that found no gap.
  signal.throwIfAborted();
  // Where a backup is to be found, none is from which WAL leads all the way.
  if (backup?.result === undefined) return gapIn(backup);
  const [wal] = await lookOnce({
    ...request,
    module: 'barman.wal',
    params: { backup: backup.result, ...common },
  });
  signal.throwIfAborted();
  return gapIn(wal);
}

function gapIn(answer: Pick<LookAnswer, 'error'> | undefined): Gap | undefined {
  if (answer?.error?.code !== 'wal-missing') return undefined;
  const gap = gapSchema.safeParse(answer.error.result);
  return gap.success ? { missing: gap.data.missing, until: gap.data.reachable.to } : undefined;
}

type Looked = Pick<Surroundings, 'inventories' | 'extraVars' | 'masker'>;

/** What archives the missing WAL from the nodes that have it. */
function savingLines({ nodes = [] }: Gap, { inventories, extraVars, masker }: Looked): readonly string[] {
  const site = siteWords(inventories, masker.data(extraVars));
  return nodes.map((node) => {
    const words = ['pitr', 'play', 'save-wal.yml', ...site, '-e', `node=${node}`];
    return `${node} still has some of them in pg_wal. Archive that first: ${commandLine(words)}`;
  });
}

/** The manual's warning. The backups are to be listed of the cluster that was looked at. */
export function gapLines(
  gap: Gap,
  order: Pick<RecoverOrder, 'targetTime'>,
  looked: Looked,
): readonly string[] {
  const { missing, until } = gap;
  const { inventories, extraVars, masker } = looked;
  const backups = commandLine(['pitr', 'backups', ...siteWords(inventories, masker.data(extraVars))]);
  const wanted = order.targetTime === 'latest' ? 'the latest state' : order.targetTime;
  return [
    '⚠ WARNING: WAL gaps detected!',
    `Missing WAL files: ${missing.join(', ')}`,
    `Recovery to ${wanted} cannot be done: what comes after the missing files cannot be replayed.`,
    '',
    'Recommendations:',
    `  1. Find the files (an old node, another archive) and put them into Barman's archive (RECOMMENDED)`,
    ...savingLines(gap, looked).map((line) => `     ${line}`),
    `  2. Choose a newer backup, from after the gap: ${backups}`,
    `  3. Recover to ${until}, the end of what is there; what was written after that is lost`,
  ];
}

/**
 * Asks whether the data after a gap may be lost. `--yes` does not answer this: it means data. Throws kind `refused`
 * where there is nobody to ask, `interrupted` on no. `beside` is what was typed beside the order, `looked` what was looked at.
 */
export async function consentToGap(
  gap: Gap,
  order: RecoverOrder,
  { beside, looked }: { readonly beside: readonly string[]; readonly looked: Surroundings },
  session: PlainSession,
  io: Io,
): Promise<void> {
  const { missing, until } = gap;
  session.emit({ type: 'recover.gap', time: Date.now(), missing, until });
  session.print([
    '',
    ...gapLines(gap, order, looked).flatMap((line) => wrapLaidOut(line, session.view.columns())),
  ]);
  const accept = commandAgain({ ...order, acceptGap: true }, beside, io.masker);
  await consent(askIn(session, io, false), gapQuestion(gap.until), {
    nobody: {
      kind: 'refused',
      code: 'gap-not-accepted',
      message: `WAL is missing, and there is no terminal to ask whether what was written after ${gap.until} may be lost`,
      details: [`Missing WAL files: ${gap.missing.join(', ')}`],
      state: 'nothing was changed',
      next: [
        'Find the files and put them into the archive,',
        ...savingLines(gap, looked),
        `or, if that may be lost: ${accept.command}`,
        ...accept.notes,
      ],
    },
    declined: {
      kind: 'interrupted',
      code: 'gap-declined',
      message: 'you said no',
      state: 'nothing was changed',
      next: [`If what was written after ${gap.until} may be lost: ${accept.command}`, ...accept.notes],
    },
  });
}
