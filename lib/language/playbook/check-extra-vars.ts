import { nearestName } from '../../base/errors/nearest.ts';
import type { AnyModule } from '../../contract/module.ts';
import { paramsOf } from '../../modules/params.ts';
import type { Known } from './known.ts';
import type { Playbook, Vars } from './model.ts';
import type { ProblemList } from './problems.ts';

/** What can read a variable that was given on the command line. */
interface Readers {
  readonly playbook: Playbook;
  readonly modules: Iterable<AnyModule>;
  /** What the `defaults_files` and `vars_files` of each play set. */
  readonly files: readonly { readonly vars: Vars }[];
}

/**
 * A mistyped variable of the command line would leave the one that was meant at its default: a recovery would go to
 * another moment than the operator typed. Only what looks like a variable of the playbook's files is refused; a file of
 * variables may hold more than this playbook reads.
 */
export function checkExtraVars(
  { extraVars, hostVars }: Known,
  { playbook, modules, files }: Readers,
  problems: ProblemList,
): void {
  const set = files.flatMap(({ vars }) => Object.entries(vars));
  // what is derived from others is seldom set by hand, and has names that look like anything
  const meantBySomebody = set.flatMap(([name, { value }]) => (String(value).includes('{{') ? [] : [name]));
  const known = new Set([
    ...set.map(([name]) => name),
    ...[...hostVars.values()].flatMap((names) => [...names]),
    ...[...modules].flatMap(({ params }) =>
      (paramsOf(params)?.params ?? []).flatMap(({ variable }) => variable ?? []),
    ),
  ]);
  const unknown = Object.keys(extraVars).filter((name) => !known.has(name) && !name.startsWith('ansible_'));
  if (unknown.length === 0) return;
  const written = JSON.stringify([playbook.plays, files.map(({ vars }) => vars)]);
  for (const name of unknown) {
    const meant = nearestName(name, meantBySomebody);
    if (meant === undefined || new RegExp(`\\b${name}\\b`).test(written)) continue;
    problems.add({
      code: 'extra-var-unknown',
      message: `-e ${name}: nothing reads a variable of that name (did you mean "${meant}"?)`,
      hints: [`${playbook.file} would go on as if it had not been given`],
    });
  }
}
