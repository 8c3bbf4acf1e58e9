import { RESERVED_NAMES } from '../expression/reserved.ts';
import { CONNECTION_VARS } from '../inventory/connection-vars.ts';
import { part } from '../yaml/load.ts';
import type { Located } from '../yaml/located.ts';
import type { Mapping } from './fields.ts';
import type { Vars } from './model.ts';
import type { ProblemList } from './problems.ts';

const CONNECTION_NAMES: ReadonlySet<string> = new Set(
  Object.values(CONNECTION_VARS).flatMap(({ names }): readonly string[] => names),
);

/** The names that pitr itself gives to every task; nobody can set them. */
export const MAGIC_VARIABLES = [
  'inventory_hostname',
  'group_names',
  'groups',
  'hostvars',
  'play_hosts',
  'check_mode',
  'ansible_check_mode',
  'run_id',
  'run_resumed',
  'run_without_lock',
  'inventory_options',
  'limit_options',
  'playbook_dir',
  'omit',
] as const;

/** Why a name cannot be that of a variable; nothing when it can. */
export function nameFlaw(name: string): string | undefined {
  if (name.includes('{{')) return 'the name of a variable cannot hold {{ }}';
  if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(name)) {
    return `"${name}" cannot be the name of a variable: letters, digits and _ only, and no digit first`;
  }
  if ((MAGIC_VARIABLES as readonly string[]).includes(name))
    return `"${name}" is set by pitr itself; take another name`;
  if (name.startsWith('pitr_') || CONNECTION_NAMES.has(name))
    return `"${name}" says how a host is reached, and is read from the inventory (or -e) alone`;
  if (RESERVED_NAMES.has(name)) return `"${name}" is a word of conditions; take another name`;
  return undefined;
}

/** The variables of a mapping, each with its place; names that cannot be are problems. */
export function namedVars(written: Located<Mapping>, problems: ProblemList): Vars {
  const vars: Record<string, Located> = {};
  for (const name of Object.keys(written.value)) {
    const flaw = nameFlaw(name);
    if (flaw === undefined) vars[name] = part(written, [name]);
    else problems.add({ code: 'variable-name', message: flaw, at: written.locateKey([name]) });
  }
  return vars;
}
