import type { Result } from '../../contract/module.ts';
import { varsOfHost } from '../../language/inventory/model.ts';
import type { Play, Task } from '../../language/playbook/model.ts';
import { MAGIC_VARIABLES } from '../../language/playbook/variables.ts';
import type { Located } from '../../language/yaml/located.ts';
import type { RunState } from '../run/run-state.ts';
import { dataLayer, type Layer, OMIT, Scope, templatesLayer } from './scope.ts';
import { inventoryOptions, limitOptions } from './shown-commands.ts';

/**
 * What one host sees. Precedence, the last one wins: `defaults_files:`, inventory (groups, then the host), `vars:` and `vars_files:` of
 * the play, `vars:` of blocks and of the task, registered results and facts, loop variables, `-e`, and the names
 * that pitr itself gives (`inventory_hostname`, ...).
 */
export function playScope(run: RunState, play: PlayBatch, host: string): Scope {
  return new Scope([...layersBelowTask(run, play, host), ...layersAboveTask(run, play, host)], run.masker);
}

export function taskScope(
  run: RunState,
  play: PlayBatch,
  host: string,
  task: Pick<Task, 'vars'>,
  loop: Readonly<Record<string, unknown>> = {},
): Scope {
  return new Scope(
    [
      ...layersBelowTask(run, play, host),
      ...task.vars.map((vars) => templatesLayer(vars)),
      ...layersAboveTask(run, play, host, loop),
    ],
    run.masker,
  );
}

/**
 * What fills the params of a task that another host works for: the variables of that host, and over its inventory those that
 * stand with the task and its loop, as the host of the play sees them (`scope`).
 */
export function delegatedScope(
  run: RunState,
  play: PlayBatch,
  delegate: string,
  { vars, loop, loopControl: { loopVar, indexVar } }: Pick<Task, 'vars' | 'loop' | 'loopControl'>,
  scope: Scope,
): Scope {
  const ofLoop = loop === undefined ? [] : [loopVar, ...(indexVar === undefined ? [] : [indexVar])];
  const given = Object.fromEntries(ofLoop.map((name) => [name, scope.get(name)]));
  return new Scope(
    [
      ...layersBelowTask(run, play, delegate),
      ...vars.map((those) => renderedLayer(those, scope)),
      ...layersAboveTask(run, play, delegate, given),
    ],
    run.masker,
  );
}

/** Variables that are rendered where the task is written, and not where it works. */
function renderedLayer(vars: Readonly<Record<string, Located>>, scope: Scope): Layer {
  return {
    kind: 'data',
    get: (name) => {
      const located = Object.hasOwn(vars, name) ? vars[name] : undefined;
      return located === undefined ? undefined : scope.renderLocated(located);
    },
    names: () => Object.keys(vars),
  };
}

/** A play with the files of its variables loaded. */
export interface PlayFiles {
  readonly play: Play;
  /** `defaults_files` */
  readonly defaults: readonly Layer[];
  /** `vars_files` */
  readonly files: readonly Layer[];
}

/** A play and the hosts of the batch that it runs on. */
export interface PlayBatch extends PlayFiles {
  readonly hosts: readonly string[];
}

function layersBelowTask(run: RunState, { play, defaults, files }: PlayBatch, host: string): Layer[] {
  return [...defaults, templatesLayer(varsOfHost(run.inventory, host)), templatesLayer(play.vars), ...files];
}

function layersAboveTask(
  run: RunState,
  play: PlayBatch,
  host: string,
  loop: Readonly<Record<string, unknown>> = {},
): Layer[] {
  return [
    dataLayer(run.facts.get(host) ?? new Map()),
    dataLayer(loop),
    dataLayer(run.extraVars),
    magicLayer(run, play, host),
  ];
}

/** Takes in the variables that a result sets (`facts`), and gives them. */
export function setFacts(run: RunState, host: string, { facts }: Result): Readonly<Record<string, unknown>> {
  const given = facts !== null && typeof facts === 'object' ? { ...facts } : {};
  const known = run.facts.get(host) ?? new Map<string, unknown>();
  for (const [name, value] of Object.entries(given)) known.set(name, value);
  run.facts.set(host, known);
  return given;
}

function magicLayer(run: RunState, play: PlayBatch, host: string): Layer {
  const values: Readonly<Record<(typeof MAGIC_VARIABLES)[number], () => unknown>> = {
    inventory_hostname: () => host,
    group_names: () => [...(run.inventory.hosts.get(host)?.groups ?? [])],
    groups: () => Object.fromEntries([...run.inventory.groups].map(([name, hosts]) => [name, [...hosts]])),
    hostvars: () => hostvars(run, play),
    play_hosts: () => [...play.hosts],
    check_mode: () => run.statedMode !== 'run',
    ansible_check_mode: () => run.statedMode !== 'run',
    run_id: () => run.runId,
    run_resumed: () => run.past !== undefined,
    run_without_lock: () => run.withoutLock,
    inventory_options: () => inventoryOptions(run),
    limit_options: () => limitOptions(run),
    playbook_dir: () => play.play.directory,
    omit: () => OMIT,
  };
  return {
    kind: 'data',
    get: (name) =>
      Object.hasOwn(values, name) ? values[name as (typeof MAGIC_VARIABLES)[number]]() : undefined,
    names: () => MAGIC_VARIABLES,
  };
}

/**
 * The variables of all hosts; each is resolved only when it is used. Those of a `localhost` that no inventory names are there
 * for who names it, and in no list of the hosts.
 */
function hostvars(run: RunState, play: PlayBatch): Record<string, unknown> {
  const all: Record<string, unknown> = {};
  const { hosts } = run.inventory;
  for (const host of new Set([...hosts.keys(), 'localhost'])) {
    const get = (): unknown => lazyVars(playScope(run, play, host));
    Object.defineProperty(all, host, { enumerable: hosts.has(host), get });
  }
  return all;
}

function lazyVars(scope: Scope): Record<string, unknown> {
  const vars: Record<string, unknown> = {};
  for (const name of scope.names()) {
    if (name === 'hostvars' || name === 'omit') continue;
    Object.defineProperty(vars, name, { enumerable: true, get: () => scope.get(name) });
  }
  return vars;
}
