import { z } from 'zod';
import { didYouMean } from '../../lib/base/errors/nearest.ts';
import { PitrError } from '../../lib/base/errors/pitr-error.ts';
import { reachAgain } from '../../lib/engine/back/place-again.ts';
import { effectsOf } from '../../lib/engine/journal/effects-of.ts';
import { type JournalledRun, listRuns, readRun } from '../../lib/engine/journal/read.ts';
import { lookOnce } from '../../lib/engine/run/look.ts';
import { loadInventory } from '../../lib/language/inventory/load.ts';
import { postgresResource } from '../../lib/recovery/postgres/instance-resource.ts';
import { commandLine } from '../../lib/transport/quote.ts';
import { passphraseAsker } from '../ask-password.ts';
import { inventoryWords, maskNotes } from '../common-options.ts';
import { findInventories } from '../find-inventory.ts';
import type { Io } from '../io.ts';
import { proveRightRun } from './right-run.ts';

/** A node, and how it is reached. */
interface Reached {
  readonly host: string;
  readonly inventories: readonly string[];
  readonly extraVars: Readonly<Record<string, unknown>>;
  /** Of a run: where more variables of groups and hosts are. */
  readonly varsDirectories?: readonly string[] | undefined;
}

/** A recovered instance that waits on a node: where it is, and how a session is opened there. */
export interface Waiting extends Reached {
  readonly pgdata: string;
  readonly programs: string;
  readonly socketDirectory: string;
  readonly port: number;
  /** The operating system user; also the database role. */
  readonly user: string;
}

interface Place extends Reached {
  readonly pgdata?: string | undefined;
  /** The run that was named. */
  readonly run?: JournalledRun;
  /** What leads there (-i, -e and so on), as it is typed again. */
  readonly beside: readonly string[];
}

export interface Reference {
  /** A node of the inventory, or a run: its id, or the path of its journal. */
  readonly name: string;
  readonly inventories: readonly string[];
  readonly extraVars: Readonly<Record<string, unknown>>;
  /** -i, -e and -K as they were typed. */
  readonly beside: readonly string[];
}

/** The node that is meant: by its name in the inventory, else by a run's journal. Throws kind `usage`. */
export async function placeOf({ name, inventories, extraVars, beside }: Reference, io: Io): Promise<Place> {
  const known = await inventoryAtHand(inventories, io);
  if (known?.hosts.includes(name)) return { host: name, inventories: known.paths, extraVars, beside };
  const run = await readRun(name).catch(async (thrown: unknown) => {
    if (!(thrown instanceof PitrError) || thrown.code !== 'run-unknown') throw thrown;
    const names = [...(known?.hosts ?? []), ...(await listRuns())];
    throw new PitrError({
      kind: 'usage',
      code: 'peek-unknown',
      message: `"${name}" is neither a node of the inventory nor a run${didYouMean(name, names)}`,
      details: [
        known === undefined ? 'No inventory was found.' : `The inventory has: ${known.hosts.join(', ')}`,
      ],
      next: ['pitr runs lists the runs; -i names an inventory.'],
    });
  });
  return placeOfRun(run, { inventories, extraVars, beside });
}

async function inventoryAtHand(
  typed: readonly string[],
  io: Io,
): Promise<{ readonly paths: readonly string[]; readonly hosts: readonly string[] } | undefined> {
  let paths: readonly string[];
  try {
    paths = await findInventories(typed, io);
  } catch {
    // A run brings its own inventories: that none is at hand is no mistake yet.
    return undefined;
  }
  return { paths, hosts: [...(await loadInventory(paths)).hosts.keys()] };
}

async function placeOfRun(run: JournalledRun, given: Omit<Reference, 'name'>): Promise<Place> {
  const { origin } = run;
  const { runId } = run.started;
  if (!origin.own) {
    throw new PitrError({
      kind: 'refused',
      code: 'journal-not-ours',
      message: `the journal of run ${runId} is not this controller's own, unchanged`,
      details: [origin.why],
      next: ['Name the node instead: pitr peek <node> -i <inventory>'],
    });
  }
  const reached = {
    ...(await reachAgain(run, given)),
    run,
    beside: [...(given.inventories.length > 0 ? [] : inventoryWords(run.inventories)), ...given.beside],
  };
  for (const { intent } of run.changes.toReversed()) {
    const started = effectsOf(intent).find(
      ({ kind, lasts }) => kind === postgresResource.kind && lasts === 'until it ends',
    );
    if (started !== undefined) return { ...reached, host: intent.host, pgdata: started.id };
  }
  // Prepared by this run, started by another.
  const { target } = reached.extraVars;
  if (typeof target === 'string') return { ...reached, host: target };
  throw new PitrError({
    kind: 'refused',
    code: 'run-without-instance',
    message: `run ${runId} started no isolated PostgreSQL`,
    next: [commandLine(['pitr', 'runs', runId])],
  });
}

const instanceSchema = z.looseObject({
  data: z.string(),
  data_directory: z.string(),
  running: z.boolean(),
  mode: z.string(),
  port: z.number().optional(),
  socket_directory: z.string().optional(),
  programs: z.string().optional(),
  user: z.string(),
});

function lookAt(place: Place, signal: AbortSignal, io: Io) {
  return {
    inventories: place.inventories,
    varsDirectories: place.varsDirectories,
    extraVars: place.extraVars,
    forks: 1,
    masker: io.masker,
    askPassphrase: passphraseAsker(io),
    signal,
    hosts: place.host,
  };
}

/** Where a run was named: that no other recovery waits there by now. Throws kind `refused`. */
export async function proveNamed(place: Place, signal: AbortSignal, io: Io): Promise<void> {
  const { host, pgdata, run, beside } = place;
  if (run === undefined) return;
  const notes = maskNotes(commandLine(beside), io.masker);
  await proveRightRun({ run, host, pgdata, beside, notes }, lookAt(place, signal, io));
}

/** The instance that waits isolated there. Throws kind `refused` where none does, with what there is instead. */
export async function findWaiting(reference: Reference, signal: AbortSignal, io: Io): Promise<Waiting> {
  const place = await placeOf(reference, io);
  const look = lookAt(place, signal, io);
  const [answer] = await lookOnce({
    ...look,
    module: 'postgres.instance',
    params: place.pgdata === undefined ? {} : { pgdata: place.pgdata },
  });
  if (answer?.error !== undefined) throw answer.error;
  const seen = instanceSchema.parse(answer?.result);
  const { port, socket_directory: socketDirectory, programs } = seen;
  if (!seen.running || seen.mode !== 'isolated') throw notWaiting(place, seen, io);
  await proveNamed(place, signal, io);
  if (port === undefined || socketDirectory === undefined || programs === undefined) {
    throw new PitrError({
      kind: 'failed',
      code: 'instance-not-up',
      message: `the isolated PostgreSQL on ${place.host} lets nobody in yet`,
      host: place.host,
      next: ['Wait until its replay is under way, then try again.'],
    });
  }
  const { host, inventories, varsDirectories, extraVars } = place;
  return {
    host,
    inventories,
    varsDirectories,
    extraVars,
    pgdata: seen.data_directory,
    programs,
    socketDirectory,
    port,
    user: seen.user,
  };
}

function notWaiting(
  { host, beside }: Pick<Place, 'host' | 'beside'>,
  seen: z.output<typeof instanceSchema>,
  { masker }: Pick<Io, 'masker'>,
): PitrError {
  const { data_directory: directory } = seen;
  const psql = [
    seen.programs === undefined ? 'psql' : `${seen.programs}/psql`,
    ...(seen.port === undefined ? [] : ['-p', String(seen.port)]),
  ];
  const how = seen.mode === 'closed' ? 'closed to clients' : 'open to clients, as a member of its cluster';
  const notes = maskNotes(commandLine(beside), masker);
  return new PitrError({
    kind: 'refused',
    code: 'nothing-waits',
    message: seen.running
      ? `no recovery waits on ${host}: PostgreSQL on ${directory} runs ${how}`
      : `no PostgreSQL runs on ${directory} of ${host}`,
    host,
    next: seen.running
      ? [
          `Recover it first: ${commandLine(['pitr', 'recover', '<backup>', '<time>', '--target', host, '--restore', ...beside])}`,
          `Or ask it as it is: ${commandLine(['pitr', 'exec', host, ...beside, '-u', seen.user, '--', ...psql, '-c', '<sql>'])}`,
          ...notes,
        ]
      : [
          `If a recovery was prepared there, start it: ${commandLine(['pitr', 'play', 'replay.yml', ...beside, '-e', `target=${host}`])}`,
          ...notes,
        ],
  });
}
