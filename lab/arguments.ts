import { parseArgs } from 'node:util';
import { LabError, reasonOf } from './error.ts';
import type { Flavour } from './flavour.ts';
import { metalFlavour } from './metal/flavour.ts';
import { describeVariants, parseVariants } from './metal/variants.ts';
import { ordinaryFlavour } from './ordinary.ts';

export const actions = ['up', 'down', 'status', 'seed', 'accident', 'reset'] as const;
export type Action = (typeof actions)[number];

export interface Run {
  readonly kind: 'run';
  readonly action: Action;
  readonly json: boolean;
  /** Which lab `up` brings up. */
  readonly flavour: Flavour;
}

export type Invocation = { readonly kind: 'help' } | Run;

/** Reads the command line. Throws a LabError that names what is wrong and what there is. */
export function parseInvocation(argv: readonly string[]): Invocation {
  const { values, positionals } = parse(argv);
  if (values.help) return { kind: 'help' };
  const [name, ...rest] = positionals;
  const action = actions.find((known) => known === name);
  const metal = action === 'up' && values.metal === true;
  if (!action || (rest.length > 0 && !metal)) {
    const wrong =
      name === undefined ? 'no action given' : `unknown: ${(action ? rest : positionals).join(' ')}`;
    throw new LabError(`${wrong}; there are ${actions.join(', ')} (see --help)`);
  }
  if (values.metal === true && !metal) throw new LabError('--metal goes with up alone (see --help)');
  const flavour = metal ? metalFlavour(parseVariants(rest)) : ordinaryFlavour;
  return { kind: 'run', action, json: values.json === true, flavour };
}

function parse(argv: readonly string[]) {
  try {
    return parseArgs({
      args: [...argv],
      allowPositionals: true,
      options: {
        help: { type: 'boolean', short: 'h' },
        json: { type: 'boolean' },
        metal: { type: 'boolean' },
      },
    });
  } catch (thrown) {
    throw new LabError(`${reasonOf(thrown)} (see --help)`);
  }
}

export const help = `Usage: npm run lab -- <action> [--json]
       npm run lab -- up --metal [variant=value ...]

A practice cluster in containers on this machine: PostgreSQL 15 on db1 to db4 under Patroni,
etcd, and a Barman host with one server per node.

Actions
  up        start the lab, or repair it; does nothing to a healthy one
  seed      make the database shop, take a base backup of the leader, write on
  accident  DELETE FROM payments, DROP TABLE order_lines, write on; prints the moment before
  status    containers, members, Barman's checks and backups
  reset     make the lab anew and seed it
  down      remove the lab and everything it left, except its image

Options
  --metal   with up: hosts that look like production instead (see below)
  --json    print the result as one JSON document on standard output (progress goes to standard error)
  --help    print this

A lab up --metal has hosts with systemd that are reached over SSH alone, by the user deploy with sudo (on db2 with
a password, to db3 only through the host jump), Patroni as Debian packages it, and the inventory
.lab/<name>/metal.yml. The other actions find out themselves which kind a lab is. Its variants, the default first:
${describeVariants()}

Environment
  PITR_LAB  name of the lab, default pitr-lab: containers are <name>-db1, ...; several labs can
            live side by side. Keys and inventories are written to .lab/<name>/.
  PITR_LAB_RELEASE
            release of Debian that its hosts have: bookworm, trixie or forky, with the Barman,
            Patroni and PostgreSQL of each. Give it to every command of that lab.

accident --json prints
  {"before": "2026-01-31T12:00:00.123456+00:00",        the moment to go back to
   "after": "...", "statements": ["DELETE ...", ...],    what happened, and when it was done
   "backup": {"id", "server", "endedAt"},                the newest backup from before
   "tables": {"payments": {"rowsThen": 10050, "rowsNow": 0}, "order_lines": {..., "rowsNow": null}, ...},
   "leader", "cluster", "database", "prefix", "lastArchivedWal"}
seed --json prints
  {"backup": {"id", "server", "endedAt"}, "rowsInBackup": {table: rows}, "rowsNow": {table: rows},
   "leader", "database", "prefix", "lastArchivedWal"}

Exit codes: 0 done, 1 failed (status: the lab is not up), 2 wrong usage.
`;
