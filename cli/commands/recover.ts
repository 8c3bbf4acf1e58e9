import { defineCommand, type OptionValues } from '../command.ts';
import { DEFAULT_FORKS, FORKS_OPTION, INVENTORY_OPTIONS, OUTPUT_OPTIONS } from '../common-options.ts';
import { readExtraVars } from '../extra-vars.ts';
import { findInventories } from '../find-inventory.ts';
import { readLimit } from '../limit.ts';
import {
  checkTarget,
  type RecoverOrder,
  refuseContradiction,
  WAL_METHODS,
  wayOf,
  wordsBeside,
} from '../recover/order.ts';
import { runModeOf } from '../run-mode.ts';
import { wishesOf } from '../session.ts';
import { usageError } from '../usage-error.ts';
import { forksOf } from '../values.ts';

const OPTIONS = {
  server: { value: 'server', text: 'The Barman server that holds the backup; found without it.' },
  target: {
    value: 'node',
    text: 'Recover on this node. Without it the files are prepared on the Barman host and the steps to apply them are printed.',
  },
  restore: {
    text: 'Start PostgreSQL on the target, isolated, replay to the target time, and wait there for inspection.',
  },
  'wal-method': {
    value: 'method',
    choices: WAL_METHODS,
    text: 'How WAL is fetched; barman-wal-restore without it.',
  },
  'auto-start': {
    text: 'After --restore: make the whole cluster follow the target, and rebuild the other members. Asks first.',
  },
  for: {
    value: 'node',
    text: 'Without --target: the node that files and steps are made for; a replica without it.',
  },
  'prepare-on': {
    value: 'host',
    text: 'Without --target: where the files are prepared: the Barman host (without it), or that node, beside its data.',
  },
  'accept-gap': {
    text: 'Where WAL is missing: recover up to the gap. What was written after it is lost; --yes does not say this.',
  },
  'allow-leader': {
    text: 'The target, or the node of --for, may be the leader: the cluster then fails over to another member first.',
  },
  ...INVENTORY_OPTIONS,
  limit: {
    short: 'l',
    value: 'pattern',
    text: "With --target: only these hosts, such as 'all:!db3' without a member whose host is gone for good, or @file.",
  },
  check: { text: 'Contact and read the hosts, change nothing, and say what would change.' },
  'dry-run': { text: 'Contact no host: load and check everything and print the plan, host by host.' },
  diff: { text: 'Show how things change (or would, with --check).' },
  yes: { short: 'y', text: 'Answer every question with yes, but for that about a gap in the WAL.' },
  verbose: { short: 'v', count: true, text: 'Show every task and its result; -vv also what commands print.' },
  ...FORKS_OPTION,
  ...OUTPUT_OPTIONS,
} as const;

export const recover = defineCommand({
  name: 'recover',
  summary: 'Recover a node to a moment, in the steps of the old script; alone: a wizard',
  description: [
    'With a backup and a time: recovers. Without --target the files are prepared and the steps to apply them are printed; no node is touched. With --target the node is taken out of the cluster and the restored data put in its place, ready to start; with --restore it is started, isolated, and replays to the target time while the rest of the cluster goes on serving; with --restore --auto-start the whole cluster then follows it.',
    'Without arguments, on a terminal: asks for all of it, shows the plan, and asks before anything is changed.',
    'PATRONI_CLUSTER_NAME names the cluster where it is set. Playbook behind it: recover.yml.',
  ],
  arguments: [
    {
      name: 'backup-id',
      text: 'such as 20260123T120000 (pitr backups); or latest, or auto: the newest that can reach the time',
    },
    {
      name: 'target-time',
      text: "a time with its offset, such as '2026-01-23 12:30:00+00', or latest; also immediate, xid:<id>, lsn:<position>, name:<restore point>",
    },
  ],
  options: OPTIONS,
  examples: [
    { text: 'Ask me everything', command: 'pitr recover -i inventory/lab-docker.yml' },
    {
      text: 'Restore a node to a moment, and look at it there',
      command:
        "pitr recover 20260123T120000 '2026-01-23 12:29:59.5+00' \\\n    --server db1 --target db2 --restore",
    },
    {
      text: 'The whole cluster to the most recent state',
      command: 'pitr recover auto latest --target db2 --restore --auto-start',
    },
    {
      text: 'Only prepare the files, and tell me the steps',
      command: "pitr recover 20260123T120000 '2026-01-23 12:30:00+00'",
    },
  ],
  run: async ({ options, args }, io) => {
    const inventories = await findInventories(options.inventory, io);
    const request = {
      mode: runModeOf(options),
      inventories,
      beside: wordsBeside(options, io.env),
      extraVars: await readExtraVars(options, io),
      limit: await readLimit(options.limit, io.cwd),
      forks: forksOf(options.forks, DEFAULT_FORKS),
      wishes: wishesOf(options),
    };
    const order = orderOf(options, args);
    if (order === undefined) {
      if (request.mode === 'dry-run') throw allToBeTold();
      const { wizard } = await import('../wizard/wizard.ts');
      return wizard(request, io);
    }
    checkTarget(order.targetTime);
    refuseContradiction(order, request.extraVars);
    if (wayOf(order) !== 'manual') {
      for (const name of ['for', 'prepare-on'] as const)
        if (options[name] !== undefined)
          throw usageError('option-without-effect', `--${name} has no meaning with --target`);
    } else {
      // Steps by hand are printed for all nodes.
      if (options.limit !== undefined)
        throw usageError('option-without-effect', '--limit has no meaning without --target');
      const { prepareFiles } = await import('../recover/prepare.ts');
      return prepareFiles({ ...request, order, forNode: options.for, on: options['prepare-on'] }, io);
    }
    const { recoverOnTarget } = await import('../recover/carry-out.ts');
    return recoverOnTarget({ ...request, order }, io);
  },
});

/** The order on the command line; nothing where none was begun. Throws kind `usage` for half of one. */
function orderOf(
  options: OptionValues<typeof OPTIONS>,
  [backup, targetTime]: readonly string[],
): RecoverOrder | undefined {
  const { server, target, restore } = options;
  if (backup === undefined) {
    const given = [
      ...(['server', 'target', 'restore', 'wal-method', 'auto-start', 'for', 'prepare-on'] as const),
      ...(['accept-gap', 'allow-leader'] as const),
    ].filter((name) => options[name] !== undefined && options[name] !== false);
    if (given.length === 0) return undefined;
    throw missing('backup-id', `with ${given.map((name) => `--${name}`).join(' ')}`);
  }
  if (targetTime === undefined) throw missing('target-time', 'a time with its offset, or latest');
  return {
    backup,
    targetTime,
    server,
    target,
    restore,
    autoStart: options['auto-start'],
    walMethod: options['wal-method'],
    acceptGap: options['accept-gap'],
    allowLeader: options['allow-leader'],
  };
}

/** The wizard offers what it finds on the hosts. */
function allToBeTold(): Error {
  return usageError(
    'dry-run-alone',
    '--dry-run contacts no host, and pitr recover alone asks the hosts what there is to choose from',
    {
      next: [
        'Say it: pitr recover <backup-id> <target-time> --target <node> --dry-run',
        'Or let the hosts be read, and nothing be changed: pitr recover --check',
      ],
    },
  );
}

function missing(name: string, text: string): Error {
  return usageError('argument-missing', `pitr recover needs <${name}>: ${text}`, {
    next: [
      "pitr recover 20260123T120000 '2026-01-23 12:30:00+00' --target db2 --restore",
      'pitr backups lists the backups; pitr recover alone, on a terminal, asks for all of it.',
    ],
  });
}
