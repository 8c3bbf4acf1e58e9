import { didYouMean } from '../../base/errors/nearest.ts';
import type { SourcePosition } from '../../base/errors/pitr-error.ts';
import type { AnyModule } from '../../contract/module.ts';
import { loadModule } from '../../modules/registry.ts';
import type { Located } from '../yaml/located.ts';
import { checkModuleDefaults } from './check-defaults.ts';
import { checkExtraVars } from './check-extra-vars.ts';
import { checkTask } from './check-task.ts';
import { checkConditions, checkTemplates } from './check-values.ts';
import { Defined, definedBy } from './defined.ts';
import { handlerNames } from './handler-names.ts';
import type { Known } from './known.ts';
import { flatTasks } from './load-steps.ts';
import type { Play, Playbook, Task, Vars } from './model.ts';
import { Names } from './names.ts';
import { playHosts } from './play-hosts.ts';
import { PlaybookProblems, type Problem, ProblemList } from './problems.ts';
import { MAGIC_VARIABLES } from './variables.ts';
import { readVarsFile } from './vars-files.ts';

/**
 * Checks a playbook as far as that is possible without contacting a host: modules and their params, variables,
 * conditions, handlers, hosts, tags. Throws `PlaybookProblems` with everything that is wrong.
 */
export async function checkPlaybook(playbook: Playbook, known: Known): Promise<void> {
  const problems = await findProblems(playbook, known);
  if (problems.length > 0) throw new PlaybookProblems(playbook.file, problems);
}

/** The same, with the problems as data; empty when there are none. */
export async function findProblems(playbook: Playbook, known: Known): Promise<readonly Problem[]> {
  const problems = new ProblemList();
  const modules = await loadModules(playbook, problems);
  const earlier = new Defined();
  const files: FileVariables[] = [];
  for (const play of playbook.plays) files.push(await checkPlay(play, known, modules, earlier, problems));
  checkExtraVars(known, { playbook, modules: modules.values(), files }, problems);
  checkTags(playbook, known, problems);
  return problems.all();
}

type Modules = ReadonlyMap<string, AnyModule>;

/** Every module that the playbook names, imported once. */
async function loadModules(playbook: Playbook, problems: ProblemList): Promise<Modules> {
  const users = new Map<string, { readonly play: Play; readonly at: SourcePosition }>();
  for (const play of playbook.plays) {
    for (const task of tasksOf(play)) {
      if (task.module !== 'meta' && !users.has(task.module)) users.set(task.module, { play, at: task.at });
    }
  }
  const modules = new Map<string, AnyModule>();
  await Promise.all(
    [...users].map(async ([name, { play, at }]) => {
      try {
        modules.set(name, await loadModule(name, [play.directory]));
      } catch (error) {
        problems.take(error, at);
      }
    }),
  );
  return modules;
}

function tasksOf(play: Play): readonly Task[] {
  return [...flatTasks(play.tasks), ...play.handlers];
}

async function checkPlay(
  play: Play,
  known: Known,
  modules: Modules,
  earlier: Defined,
  problems: ProblemList,
): Promise<FileVariables> {
  const files = await variablesOfFiles(play, problems);
  const fixed = new Set([
    ...MAGIC_VARIABLES,
    ...Object.keys(known.extraVars),
    ...Object.keys(play.vars),
    ...Object.keys(files.vars),
  ]);
  const defining = new Map(
    tasksOf(play).map((task) => [task, definedBy(task, play, modules.get(task.module))] as const),
  );
  const later = new Map(
    [...defining].flatMap(([task, { names }]) => names.map((name) => [name, task.at] as const)),
  );
  const withoutHosts = new Names(fixed, undefined, { open: files.open, later });
  checkTemplates(play.hosts, withoutHosts.with(sharedVariables(known)), problems);
  const matched = playHosts(play.hosts, known, problems);
  // A play that is skipped because its group is empty is still read with the eyes of some host.
  const hosts = matched.length > 0 ? matched : known.hosts;
  const ofHosts = new Set(hosts.flatMap((host) => [...(known.hostVars.get(host) ?? [])]));
  const beforeTasks = withoutHosts.with(ofHosts);
  const tasks = flatTasks(play.tasks);
  const inPlay = new Defined();
  for (const by of defining.values()) inPlay.add(by);
  const anywhere = inPlay.seenFrom(earlier.seenFrom(beforeTasks));

  checkConditions(play.when, earlier.seenFrom(beforeTasks), problems);
  for (const value of [...Object.values(play.vars), ...Object.values(files.vars), ...play.environment])
    checkTemplates(value, anywhere, problems);
  await checkModuleDefaults(play, anywhere, problems);
  checkHandlerNames(play, problems);

  const check = {
    play,
    anywhere,
    hosts: new Set(known.hosts),
    handlers: handlerNames(play.handlers),
    hostVariable: (name: string) => known.hosts.some((host) => known.hostVars.get(host)?.has(name)),
    seen: new Set<object>(),
    problems,
  };
  const defines = (task: Task): void => earlier.add(defining.get(task));
  for (const task of tasks) {
    checkTask(task, { ...check, names: earlier.seenFrom(beforeTasks), module: modules.get(task.module) });
    defines(task);
    if (task.module === 'meta' && task.args.value.value === 'flush_handlers') play.handlers.forEach(defines);
  }
  for (const handler of play.handlers) {
    checkTask(handler, { ...check, names: anywhere, module: modules.get(handler.module) });
    defines(handler);
  }
  return files;
}

/** Variables that every host has: a pattern of hosts may use them before any host is chosen. */
function sharedVariables({ hosts, hostVars }: Known): readonly string[] {
  const [first, ...others] = hosts.map((host) => hostVars.get(host) ?? new Set<string>());
  return [...(first ?? [])].filter((name) => others.every((vars) => vars.has(name)));
}

interface FileVariables {
  readonly vars: Vars;
  /** A file is named by a template: which variables it has is known only to the run. */
  readonly open: boolean;
}

async function variablesOfFiles(play: Play, problems: ProblemList): Promise<FileVariables> {
  const vars: Record<string, Located> = {};
  let open = false;
  for (const file of [...play.defaultsFiles, ...play.varsFiles]) {
    if (file.value.includes('{{')) {
      open = true;
      continue;
    }
    try {
      Object.assign(vars, await readVarsFile(file.value, play.directory, file));
    } catch (error) {
      problems.take(error, file.at);
    }
  }
  return { vars, open };
}

function checkHandlerNames(play: Play, problems: ProblemList): void {
  const seen = new Set<string>();
  for (const { name } of play.handlers) {
    if (seen.has(name.value)) {
      problems.add({
        code: 'handler-twice',
        message: `two handlers are called "${name.value}"`,
        at: name.at,
        hints: ['give each its own name; "listen" lets several answer to one notify'],
      });
    }
    seen.add(name.value);
  }
}

const TAG_WORDS = ['all', 'tagged', 'untagged', 'always', 'never'];

/** A tag on the command line that no task has would silently select nothing. */
function checkTags(playbook: Playbook, known: Known, problems: ProblemList): void {
  const tags = new Set(
    playbook.plays.flatMap((play) => [...play.tags, ...tasksOf(play).flatMap((task) => task.tags)]),
  );
  const asked = [
    ...(known.tags ?? []).map((tag) => ['--tags', tag] as const),
    ...(known.skipTags ?? []).map((tag) => ['--skip-tags', tag] as const),
  ];
  for (const [option, tag] of asked) {
    if (tags.has(tag) || TAG_WORDS.includes(tag)) continue;
    const written = [...tags].filter((word) => !TAG_WORDS.includes(word)).sort();
    problems.add({
      code: 'tag-unknown',
      message: `${option}: no task has the tag "${tag}"${didYouMean(tag, tags)}`,
      hints: [written.length === 0 ? 'the playbook has no tags' : `it has: ${written.join(', ')}`],
    });
  }
}
