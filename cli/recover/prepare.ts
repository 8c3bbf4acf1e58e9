import { posix } from 'node:path';
import { z } from 'zod';
import type { PitrError } from '../../lib/base/errors/pitr-error.ts';
import type { PitrEvent } from '../../lib/engine/events/events.ts';
import { lookOnce } from '../../lib/engine/run/look.ts';
import { findPlaybook } from '../../lib/language/playbook/find.ts';
import { commandLine } from '../../lib/transport/quote.ts';
import { outputKind } from '../display/choose.ts';
import type { Io } from '../io.ts';
import { type PlainSession, withPlainSession } from '../plain-session.ts';
import { siteWords } from '../revert-command.ts';
import { exitCodeOfRun, runAndTell } from '../run-and-tell.ts';
import { leadingSecrets } from '../secrets-again.ts';
import { withDoor } from '../session.ts';
import { usageError } from '../usage-error.ts';
import { headLines, type RecoverRequest, recoverDisplay, surroundings } from './carry-out.ts';
import { chooseNode, type NodeWish } from './choose-node.ts';
import { consentToGap, findGap } from './gap.ts';
import type { ManualStep, ManualSteps, Prepared } from './manual-step.ts';
import { manualSteps } from './manual-steps.ts';
import { type Node, readSite, type Site } from './nodes.ts';
import { commandAgain, refuseOtherPlace, remarksOn, variablesOf } from './order.ts';
import { banner } from './script-display.ts';
import { inScriptWords } from './script-words.ts';

export interface PrepareRequest extends RecoverRequest {
  /** The node that the steps are for; a replica where none is named. */
  readonly forNode: string | undefined;
  /** Where the files are prepared; Barman's host where nothing is said. */
  readonly on: string | undefined;
}

const preparedSchema = z.looseObject({
  host: z.string(),
  directory: z.string(),
  owner: z.string(),
  server: z.string(),
  backup: z.string(),
  system_id: z.string(),
  target_time: z.string(),
  words: z.string(),
  stops: z.boolean(),
  timeline: z.number(),
  major: z.number(),
  // Not told by a run that an older pitr has prepared.
  raised: z.record(z.string(), z.string()).default({}),
});

/**
 * The script's manual mode: prepares the files on Barman's host, touching no node, and prints the steps that apply
 * them, as they are typed for this very inventory. Gives the exit code.
 */
export async function prepareFiles(request: PrepareRequest, io: Io): Promise<number> {
  const { mode, wishes } = request;
  const plain = { output: wishes.output, 'no-color': wishes.noColor };
  const site = await readSite(surroundings(request, io));
  let { order } = request;
  let place: Place | undefined;
  await withPlainSession(plain, io, async (session) => {
    if (outputKind(wishes.output, io) !== 'json') session.print([...headLines(order), ...remarksOn(order)]);
    place = await placeOf(request, site, session.interrupts.signal, io);
    refuseOtherPlace(place.variables, request.extraVars);
    if (mode === 'dry-run' && outputKind(wishes.output, io) !== 'json')
      session.print(['Barman is not asked where it has room for the files: the plan names the usual place.']);
    if (mode !== 'run' || order.acceptGap || request.extraVars.accept_gap === true) return 0;
    const looked = surroundings(request, io);
    const gap = await findGap(order, looked, session.interrupts.signal);
    if (gap !== undefined) {
      const beside = [...placeWords(request), ...request.beside];
      await consentToGap(gap, order, { beside, looked }, session, io);
      order = { ...order, acceptGap: true };
    }
    return 0;
  });
  if (place === undefined) throw new Error('the place was found or an error was thrown');
  const { node, leader, variables } = place;
  let prepared: z.output<typeof preparedSchema> | undefined;
  const watch = (event: PitrEvent): void => {
    if (event.type === 'host.result' && event.task.stage === 'prepared')
      prepared =
        z.looseObject({ facts: z.looseObject({ prepared: preparedSchema }) }).safeParse(event.result).data
          ?.facts.prepared ?? prepared;
  };
  const outcome = await withDoor(
    wishes,
    io,
    (door) =>
      runAndTell(
        {
          playbook: findPlaybook('prepare.yml', io.cwd),
          inventories: request.inventories,
          extraVars: { ...variables, ...variablesOf(order, io.env, request.extraVars) },
          mode,
          tags: [],
          skipTags: [],
          forks: request.forks,
        },
        {
          ...door,
          emit: (event) => {
            watch(event);
            door.emit(inScriptWords(event));
          },
        },
      ),
    () => recoverDisplay(request, order, io),
  );
  if (outcome.status !== 'ok') return exitCodeOfRun(outcome);
  const known = prepared;
  if (mode !== 'run' || known === undefined) return 0;
  return withPlainSession(plain, io, async (session) => {
    const facts: Prepared = {
      ...known,
      runId: outcome.runId,
      systemId: known.system_id,
    };
    const again = commandAgain({ ...order, target: node.name, restore: true }, request.beside, io.masker);
    const secrets = await leadingSecrets(outcome.runId);
    const undo = commandLine(['pitr', 'undo', outcome.runId, ...secrets]);
    const steps = manualSteps({ site, node, leader, prepared: facts, secrets });
    tellSteps(steps, facts, { again, undo }, session);
    return 0;
  });
}

function placeWords({ forNode, on }: Pick<PrepareRequest, 'forNode' | 'on'>): readonly string[] {
  return [
    ...(forNode === undefined ? [] : ['--for', forNode]),
    ...(on === undefined ? [] : ['--prepare-on', on]),
  ];
}

interface Place {
  readonly node: Node;
  readonly leader: string | undefined;
  readonly variables: Readonly<Record<string, unknown>>;
}

const clusterSchema = z.looseObject({ leader: z.string().optional() });
const serversSchema = z.looseObject({ servers: z.array(z.looseObject({ basebackups: z.string() })) });

/** Which node the steps are for, who leads, and where the files go; a dry run asks nobody. Throws as `chooseNode` does. */
async function placeOf(request: PrepareRequest, site: Site, signal: AbortSignal, io: Io): Promise<Place> {
  const look = { ...surroundings(request, io), signal };
  const names = site.nodes.map(({ name }) => name);
  const on = request.on ?? site.barman.name;
  const wished = request.forNode ?? (on === site.barman.name ? undefined : on);
  if (on !== site.barman.name && on !== wished) {
    throw usageError('prepare-elsewhere', `files for ${wished ?? 'a node'} cannot be prepared on ${on}`, {
      next: [`--prepare-on ${site.barman.name}, or --prepare-on ${wished ?? names[0] ?? ''}`],
    });
  }
  const node = (name: string): Node => {
    const found = site.nodes.find((one) => one.name === name);
    if (found === undefined) throw new Error('the node was chosen among these');
    return found;
  };
  if (request.mode === 'dry-run') {
    if (wished === undefined) throw nodeNotTold(request, io);
    const chosen = chosenNode(request, { names, wished, leader: undefined }, io);
    return { node: node(chosen), leader: undefined, variables: { prepare_for: chosen, prepare_on: on } };
  }
  // Each node is asked until one answers: a dead one is no reason to know nothing.
  let leader: string | undefined;
  for (const name of names) {
    const [answer] = await lookOnce({ ...look, hosts: name, module: 'patroni.cluster', params: {} });
    signal.throwIfAborted();
    leader = clusterSchema.safeParse(answer?.result).data?.leader;
    if (leader !== undefined) break;
  }
  const chosen = chosenNode(request, { names, wished, leader }, io);
  const [answer] = await lookOnce({
    ...look,
    hosts: site.barman.name,
    module: 'barman.servers',
    params: {},
  });
  if (answer?.error !== undefined) throw answer.error;
  const [server] = serversSchema.parse(answer?.result).servers;
  // beside the servers' own directories: where Barman has its room
  const home = server === undefined ? undefined : posix.dirname(posix.dirname(server.basebackups));
  return {
    node: node(chosen),
    leader,
    variables: {
      prepare_for: chosen,
      prepare_on: on,
      ...(home === undefined ? {} : { prepare_directory: `${home}/pitr-recovery` }),
    },
  };
}

/** Throws as `chooseNode` does. */
function chosenNode(
  request: PrepareRequest,
  facts: Pick<NodeWish, 'names' | 'wished' | 'leader'>,
  io: Io,
): string {
  const { order, beside, inventories, extraVars } = request;
  const again = (options: readonly string[]) =>
    commandAgain(order, [...options, ...placeWords(request), ...beside], io.masker);
  return chooseNode({
    ...facts,
    allowLeader: order.allowLeader,
    again: (...options) => again(options).command,
    notes: again([]).notes,
    status: commandLine(['pitr', 'status', ...siteWords(inventories, io.masker.data(extraVars))]),
  });
}

/** A dry run asks nobody, also not who leads. */
function nodeNotTold(request: PrepareRequest, io: Io): PitrError {
  const { order, beside } = request;
  const again = (mode: string, options: readonly string[], target?: string) =>
    commandAgain(
      { ...order, ...(target === undefined ? {} : { target }) },
      [...options, ...beside, mode],
      io.masker,
    );
  const { command, notes } = again('--dry-run', ['--for', '<node>', ...placeWords(request)]);
  return usageError(
    'dry-run-asks-nobody',
    '--dry-run contacts no host, so nobody can be asked which node leads: the node has to be named',
    {
      next: [
        `To prepare the files for it: ${command}`,
        `To recover on it: ${again('--dry-run', [], '<node>').command}`,
        `Or let the hosts be read, and nothing be changed: ${again('--check', placeWords(request)).command}`,
        ...notes,
      ],
    },
  );
}

function tellSteps(
  steps: ManualSteps,
  prepared: Prepared,
  { again, undo }: { readonly again: ReturnType<typeof commandAgain>; readonly undo: string },
  session: PlainSession,
): void {
  const { paint } = session.view;
  const parts: readonly (readonly [part: string, title: string, steps: readonly ManualStep[]])[] = [
    ['apply', 'To apply the recovery by hand', steps.apply],
    ['back', 'To take it back', steps.back],
    ['take-over', 'To make the whole cluster follow it', steps.takeOver],
  ];
  session.emit({ type: 'recover.prepared', time: Date.now(), ...prepared });
  for (const [part, , list] of parts)
    for (const [index, step] of list.entries())
      session.emit({ type: 'recover.step', time: Date.now(), part, number: index + 1, ...step });
  session.print([
    '',
    ...banner('Recovery Files Prepared'),
    '',
    `✓ The files are on ${prepared.host} in ${prepared.directory}`,
    '✓ No node has been touched.',
    ...parts.flatMap(([, title, list]) => [
      '',
      paint.strong(`${title}:`),
      ...list.flatMap((step, index) => stepLines(step, index + 1, paint.quiet)),
    ]),
    '',
    'The same without typing all of it:',
    `  ${again.command}`,
    ...again.notes.map((note) => `  ${note}`),
    'Remove the prepared files:',
    `  ${undo}`,
  ]);
}

function stepLines(step: ManualStep, number: number, quiet: (text: string) => string): readonly string[] {
  return [
    '',
    `${number}. ${step.title}`,
    ...step.notes.map((note) => `   ${note}`),
    ...step.commands.flatMap(({ typed, proof }) => [
      `   ${typed}`,
      ...(proof === undefined
        ? []
        : [
            quiet(
              `   # must say: ${proof.expected}${proof.wait === true ? ' (ask again until it does)' : ''}`,
            ),
          ]),
    ]),
  ];
}
