import { PitrError } from '../../lib/base/errors/pitr-error.ts';
import { findPlaybook } from '../../lib/language/playbook/find.ts';
import { passphraseAsker } from '../ask-password.ts';
import { outputKind } from '../display/choose.ts';
import type { Io } from '../io.ts';
import { withPlainSession } from '../plain-session.ts';
import { type RecoverRequest, recoverOnTarget } from '../recover/carry-out.ts';
import { readSite } from '../recover/nodes.ts';
import {
  clusterNamed,
  commandAgain,
  type RecoverOrder,
  refuseContradiction,
  variablesOf,
} from '../recover/order.ts';
import { banner } from '../recover/script-display.ts';
import { exitCodeOfRun, runAndTell } from '../run-and-tell.ts';
import { withDoor } from '../session.ts';
import { usageError } from '../usage-error.ts';
import { chooseBackup } from './choose-backup.ts';
import { chooseExtent } from './choose-extent.ts';
import { chooseMoment } from './choose-moment.ts';
import { chooseTarget } from './choose-target.ts';
import { chooseWalMethod } from './choose-wal-method.ts';
import { type Prompt, promptOn } from './prompt.ts';

type Wish = Omit<RecoverRequest, 'order'>;

/**
 * Asks for a recovery step by step, shows what would change, and asks before anything is. Until the last answer hosts
 * are only looked at. Gives the exit code. Throws kind `usage` without a terminal, `interrupted` on Ctrl-C and on no.
 */
export async function wizard(wish: Wish, io: Io): Promise<number> {
  const { wishes } = wish;
  if (outputKind(wishes.output, io) === 'json')
    throw usageError('wizard-for-people', 'pitr recover alone asks a person; programs name backup and time', {
      next: ['pitr recover <backup-id> <target-time> ... --output json'],
    });
  let order: RecoverOrder | undefined;
  await withPlainSession(
    { output: wishes.output, 'no-color': wishes.noColor },
    io,
    async ({ interrupts }) => {
      order = await askForOrder(wish, promptOn(io, interrupts.signal), interrupts.signal, io);
      return 0;
    },
  );
  if (order === undefined) throw new Error('the wizard ended without an order');
  refuseContradiction(order, wish.extraVars);
  const planned = await showPlan(wish, order, io);
  if (planned !== 0 || wish.mode !== 'run') return planned;
  const chosen = order;
  await withPlainSession(
    { output: wishes.output, 'no-color': wishes.noColor },
    io,
    async ({ interrupts }) => {
      const prompt = promptOn(io, interrupts.signal);
      const { command, notes } = commandAgain(chosen, wish.beside, io.masker);
      prompt.say(['', 'Without these questions:', `  ${command}`, ...notes.map((note) => `  ${note}`), '']);
      if (wishes.yes || (await prompt.confirm('Start now?'))) return 0;
      throw new PitrError({
        kind: 'interrupted',
        code: 'wizard-declined',
        message: 'you said no',
        state: 'nothing was changed',
      });
    },
  );
  return recoverOnTarget({ ...wish, order: chosen }, io);
}

async function askForOrder(wish: Wish, prompt: Prompt, signal: AbortSignal, io: Io): Promise<RecoverOrder> {
  const looks = {
    inventories: wish.inventories,
    forks: wish.forks,
    // PATRONI_CLUSTER_NAME holds for the looks as for the run
    extraVars: { ...clusterNamed(io.env), ...wish.extraVars },
    masker: io.masker,
    askPassphrase: passphraseAsker(io),
    signal,
  };
  prompt.say([
    ...banner('Point-In-Time Recovery (PITR)'),
    '',
    'Enter takes what is in [brackets]; Ctrl-C leaves, and nothing is changed.',
  ]);
  const backup = await chooseBackup(prompt, looks);
  const moment = await chooseMoment(prompt, backup, looks);
  const target = await chooseTarget(prompt, looks);
  const { nodes } = await readSite(looks);
  const told = nodes.find(({ name }) => name === target.target)?.wal_method;
  const walMethod = await chooseWalMethod(prompt, told);
  const what = await chooseExtent(prompt, wish.wishes.yes);
  return {
    backup: backup.id,
    server: backup.server,
    ...moment,
    ...target,
    walMethod,
    restore: what !== 'prepare',
    autoStart: what === 'all',
  };
}

/** What the run would change, as `--check` shows it. */
async function showPlan(wish: Wish, order: RecoverOrder, io: Io): Promise<number> {
  io.stdout.write(`\n${banner('Plan').join('\n')}\n\n`);
  const request = {
    playbook: findPlaybook('recover.yml', io.cwd),
    inventories: wish.inventories,
    extraVars: variablesOf(order, io.env, wish.extraVars),
    mode: 'check' as const,
    tags: [],
    skipTags: [],
    limit: wish.limit,
    forks: wish.forks,
  };
  const outcome = await withDoor(wish.wishes, io, (door) => runAndTell(request, door));
  return exitCodeOfRun(outcome);
}
