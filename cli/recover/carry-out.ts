import { PitrError } from '../../lib/base/errors/pitr-error.ts';
import type { RunMode } from '../../lib/engine/events/events.ts';
import { findPlaybook } from '../../lib/language/playbook/find.ts';
import { formatInstant } from '../../lib/recovery/wal/instant.ts';
import { parseInstant } from '../../lib/recovery/wal/parse-instant.ts';
import { commandLine } from '../../lib/transport/quote.ts';
import { passphraseAsker } from '../ask-password.ts';
import { chooseDisplay, outputKind, viewSettings } from '../display/choose.ts';
import type { Display } from '../display/display.ts';
import { exitCodeOf } from '../display/error-text.ts';
import type { Io } from '../io.ts';
import { withPlainSession } from '../plain-session.ts';
import { exitCodeOfRun, runAndTell } from '../run-and-tell.ts';
import { leadingSecrets } from '../secrets-again.ts';
import { type SessionWishes, withDoor } from '../session.ts';
import { oneLine } from '../text.ts';
import { runChecklist } from './checklist.ts';
import { RecoveryFacts } from './facts.ts';
import { consentToGap, findGap, type Surroundings } from './gap.ts';
import { type RecoverOrder, remarksOn, variablesOf, wayOf } from './order.ts';
import { banner, ScriptDisplay } from './script-display.ts';
import { ScriptSteps } from './script-steps.ts';
import { inScriptWords } from './script-words.ts';

export interface RecoverRequest {
  readonly order: RecoverOrder;
  readonly mode: RunMode;
  readonly inventories: readonly string[];
  /** What was typed beside the order (-i, -e and so on), for commands to be typed again. */
  readonly beside: readonly string[];
  /** `-e` */
  readonly extraVars: Readonly<Record<string, unknown>>;
  /** The hosts of the run; all without it. */
  readonly limit?: string | undefined;
  readonly forks: number;
  readonly wishes: SessionWishes;
}

/**
 * Carries a recovery out on a node, in the script's steps: warns of a gap and asks, runs recover.yml, and after a
 * restore asks the manual's checklist. Gives the exit code.
 */
export async function recoverOnTarget(request: RecoverRequest, io: Io): Promise<number> {
  const { order: asked, mode, inventories, wishes } = request;
  const target = asked.target ?? '';
  const plain = { output: wishes.output, 'no-color': wishes.noColor };
  const remarks = remarksOn(asked);
  let order = asked;
  const told = await withPlainSession(plain, io, async (session) => {
    if (outputKind(wishes.output, io) !== 'json') session.print([...headLines(order), ...remarks]);
    if (mode !== 'run' || order.acceptGap || request.extraVars.accept_gap === true) return 0;
    const looked = surroundings(request, io);
    const gap = await findGap(order, looked, session.interrupts.signal);
    if (gap === undefined) return 0;
    await consentToGap(gap, order, { beside: request.beside, looked }, session, io);
    order = { ...order, acceptGap: true };
    return 0;
  });
  if (told !== 0) return told;
  const facts = new RecoveryFacts();
  const playbook = findPlaybook('recover.yml', io.cwd);
  const extraVars = variablesOf(order, io.env, request.extraVars);
  const outcome = await withDoor(
    wishes,
    io,
    (door) =>
      runAndTell(
        {
          ...{ playbook, inventories, extraVars, mode, tags: [], skipTags: [] },
          limit: request.limit,
          forks: request.forks,
        },
        {
          ...door,
          emit: (event) => {
            facts.read(event);
            door.emit(inScriptWords(event));
          },
        },
      ),
    () => recoverDisplay(request, order, io),
  );
  if (outcome.status !== 'ok') return exitCodeOfRun(outcome);
  if (mode !== 'run' || !facts.replayed) return 0;
  return withPlainSession(plain, io, async (session) => {
    const tookOver = wayOf(order) === 'take-over';
    const wrong = await runChecklist(
      {
        runId: outcome.runId,
        target,
        targetTime: facts.targetTime ?? order.targetTime,
        words: facts.words ?? order.targetTime,
        timeline: facts.timeline ?? 0,
        tookOver,
      },
      { ...surroundings(request, io), extraVars },
      session,
    );
    const peek = await peekCommand(outcome.runId);
    session.print([
      '',
      ...(tookOver
        ? [...banner('Automated PITR Complete'), '', `✓ PITR has been applied to ${target}`]
        : [
            ...banner('Recovery waits for your decision'),
            '',
            `✓ ${target} stands at ${facts.beforeGap ? facts.words : 'the target'}, isolated; no other node was stopped.`,
            `Count rows in your tables:  ${peek} -d <database> -c 'select count(*) from <table>'`,
            `Look around:                ${peek}`,
            `Move on to a later moment:  ${peek} --to '<time with its offset>'`,
          ]),
    ]);
    if (wrong === 0) return 0;
    const error = new PitrError({
      kind: 'failed',
      code: 'checklist-not-met',
      message: `the recovery ended well, and ${wrong} of the checks after it ${wrong === 1 ? 'is' : 'are'} not as expected`,
      host: target,
      next: ['Look at what the checklist above marks before you go on.'],
    });
    session.tell(error);
    return exitCodeOf(error);
  });
}

/** What opens the data of a run, with what that was given in secret. */
export async function peekCommand(runId: string): Promise<string> {
  return commandLine(['pitr', 'peek', runId, ...(await leadingSecrets(runId))]);
}

/** What the looks beside the run are given: the variables of the run, so that they look at the same. */
export function surroundings(request: RecoverRequest, io: Io): Surroundings {
  return {
    inventories: request.inventories,
    extraVars: variablesOf(request.order, io.env, request.extraVars),
    forks: request.forks,
    masker: io.masker,
    askPassphrase: passphraseAsker(io),
  };
}

/** The head of the script's output. */
export function headLines(order: RecoverOrder): readonly string[] {
  const { backup, target } = order;
  const words = {
    manual: 'Manual',
    prepare: 'Automated (--target), prepare only',
    inspect: 'Automated (--target), restore for inspection (--restore)',
    'take-over': 'Automated (--target), restore and take over the cluster (--restore --auto-start)',
  }[wayOf(order)];
  return [
    ...banner('Point-In-Time Recovery (PITR)'),
    '',
    `Backup ID: ${oneLine(backup)}`,
    ...momentLines(order.targetTime),
    ...(target === undefined ? [] : [`Target Node: ${oneLine(target)}`]),
    `Mode: ${words}`,
  ];
}

/** The target as typed; where it names a moment, also in UTC and in the zone of whoever types. */
export function momentLines(targetTime: string): readonly string[] {
  const parsed = parseInstant(targetTime);
  if (!parsed.ok) return [`Target Time: ${oneLine(targetTime)}`];
  const microseconds = parsed.instant;
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  const local = new Date(Number(microseconds / 1000n)).toLocaleString('sv-SE', {
    timeZoneName: 'longOffset',
  });
  return [
    `Target Time: ${oneLine(targetTime)}`,
    ...(/^(Etc\/)?UTC$/.test(zone) ? [] : [`  in your zone (${zone}): ${local}`]),
    `  in UTC: ${formatInstant(microseconds)}`,
  ];
}

/** The script's view of a run; the usual ones for programs, for a check, and where more was asked to be seen. */
export async function recoverDisplay(
  { mode, wishes }: Pick<RecoverRequest, 'mode' | 'wishes'>,
  order: RecoverOrder,
  io: Io,
): Promise<Display> {
  const kind = outputKind(wishes.output, io);
  if (kind === 'json' || mode !== 'run' || wishes.verbosity > 0) return chooseDisplay(wishes, io);
  return new ScriptDisplay(io.stdout, viewSettings(wishes, io), new ScriptSteps(order), kind === 'tty');
}
