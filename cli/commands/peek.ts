import { defineCommand } from '../command.ts';
import { INVENTORY_OPTIONS, OUTPUT_OPTIONS, typedWords } from '../common-options.ts';
import { readExtraVars } from '../extra-vars.ts';
import { watchInterrupts } from '../interrupt.ts';
import { findWaiting } from '../peek/find.ts';
import { PSQL_VALUED, psqlCall } from '../peek/psql.ts';
import { runPsql } from '../peek/session.ts';
import { usageError } from '../usage-error.ts';

const STATEMENT_SECONDS = 60;
const LOCK_SECONDS = 3;

export const peek = defineCommand({
  name: 'peek',
  summary: 'Look into a recovered node that waits, by psql; or move it on to a later moment',
  description: [
    'Opens psql on the isolated PostgreSQL of a recovery that waits for a decision: on the node itself, by its private socket, in a session in which the server refuses writes. All that follows the run or node is handed to psql (-d shop, -c "select ...", -f file of this machine, -At, ...); without any of it, on a terminal, psql talks to you. Its exit code is passed on.',
    `Statements end after ${STATEMENT_SECONDS} seconds (--timeout) and waits for a lock after ${LOCK_SECONDS}: at the pause, transactions that were not committed hold their locks.`,
    'With --to the paused recovery replays on to a later moment, without a new restore. It cannot go back: for an earlier moment the backup has to be restored again.',
  ],
  arguments: [
    {
      name: 'run-or-node',
      required: true,
      text: 'id of the run (pitr runs), or the node by its name in the inventory',
    },
  ],
  passesOn: { name: 'psql arguments', valued: PSQL_VALUED },
  options: {
    to: { value: 'time', text: 'Replay on to this later moment: a time with its offset, or latest.' },
    timeout: {
      value: 'seconds',
      text: `Seconds that a statement may take; ${STATEMENT_SECONDS} without it, 0 for no end.`,
    },
    ...INVENTORY_OPTIONS,
    check: { text: 'With --to: say what would change, and change nothing.' },
    yes: { short: 'y', text: 'With --to: answer every question with yes.' },
    ...OUTPUT_OPTIONS,
  },
  examples: [
    { text: 'Look around', command: 'pitr peek 20261122T144512-7f3a -d shop' },
    {
      text: 'One question',
      command: "pitr peek db2 -i inventory/lab-docker.yml -d shop -c 'table orders limit 5'",
    },
    { text: 'A file of this machine', command: 'pitr peek 20261122T144512-7f3a -d shop -f checks.sql' },
    {
      text: 'Two seconds later, please',
      command: "pitr peek 20261122T144512-7f3a --to '2026-11-22 14:03:09+00'",
    },
  ],
  run: async ({ options, args, command }, io) => {
    const reference = {
      name: args[0] ?? '',
      inventories: options.inventory,
      extraVars: await readExtraVars(options, io),
      beside: typedWords(options),
    };
    if (options.to !== undefined) {
      if (command.length > 0)
        throw usageError(
          'peek-to-and-psql',
          `--to moves the recovery on; it takes no words for psql: ${command.join(' ')}`,
        );
      const { forward } = await import('../peek/forward.ts');
      return forward(reference, options.to, { ...options, mode: options.check ? 'check' : 'run' }, io);
    }
    if (options.output !== undefined)
      throw usageError('peek-output', '--output is for --to; without it what psql prints comes as it is', {
        next: ['psql has its own forms: --csv, -At, -H'],
      });
    const limits = {
      statementMs: Math.round(secondsOf(options.timeout) * 1000),
      lockMs: LOCK_SECONDS * 1000,
    };
    const call = await psqlCall(command, io.cwd);
    const interrupts = watchInterrupts(io, {
      onStopping: () => {},
      onLeaving: (text) => io.stderr.write(`\n${text}\n`),
    });
    try {
      const waiting = await findWaiting(reference, interrupts.signal, io);
      return await runPsql(waiting, call, limits, interrupts.signal, io);
    } finally {
      interrupts.stop();
    }
  },
});

function secondsOf(typed: string | undefined): number {
  if (typed === undefined) return STATEMENT_SECONDS;
  if (/^[0-9]{1,6}(\.[0-9]{1,3})?$/.test(typed)) return Number(typed);
  throw usageError('timeout-invalid', `--timeout needs a number of seconds, not ${JSON.stringify(typed)}`);
}
