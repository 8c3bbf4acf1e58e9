import type { Command } from './command.ts';

interface CommandEntry {
  readonly summary: string;
  readonly load: () => Promise<Command>;
}

/** Every command, in the order of the help. Only the one that was asked for is loaded. */
export const COMMANDS: Readonly<Record<string, CommandEntry>> = {
  recover: {
    summary: 'Recover a node to a moment, in the steps of the old script; alone: a wizard',
    load: async () => (await import('./commands/recover.ts')).recover,
  },
  play: {
    summary: 'Run a playbook, check what it would change, or show its plan',
    load: async () => (await import('./commands/play.ts')).play,
  },
  peek: {
    summary: 'Look into a recovered node that waits, by psql; or move it on to a later moment',
    load: async () => (await import('./commands/peek.ts')).peek,
  },
  runs: {
    summary: 'What runs did, what state things are in, and what can be done now',
    load: async () => (await import('./commands/runs.ts')).runs,
  },
  resume: {
    summary: 'Go on with a run that failed, was interrupted or killed',
    load: async () => (await import('./commands/resume.ts')).resume,
  },
  undo: {
    summary: 'Take the changes of a run back, newest first',
    load: async () => (await import('./commands/undo.ts')).undo,
  },
  commit: {
    summary: 'Let the old data of a recovery go, when the recovered data is accepted',
    load: async () => (await import('./commands/commit.ts')).commit,
  },
  status: {
    summary: 'The cluster: members, roles, timelines, lag, archiving',
    load: async () => (await import('./commands/status.ts')).status,
  },
  backups: {
    summary: 'All backups of all Barman servers, and the moments they can reach',
    load: async () => (await import('./commands/backups.ts')).backups,
  },
  init: {
    summary: 'Write the inventory of a cluster, found out from one of its nodes',
    load: async () => (await import('./commands/init.ts')).init,
  },
  doctor: {
    summary: 'Examine everything that a recovery will need, before it is needed',
    load: async () => (await import('./commands/doctor.ts')).doctor,
  },
  ping: {
    summary: 'Connect to hosts and say who answers, and how fast',
    load: async () => (await import('./commands/ping.ts')).ping,
  },
  exec: {
    summary: 'Run one command on many hosts at once',
    load: async () => (await import('./commands/exec.ts')).exec,
  },
  inventory: {
    summary: 'Hosts, groups and variables, as pitr reads them',
    load: async () => (await import('./commands/inventory.ts')).inventory,
  },
  modules: {
    summary: 'What tasks can do: modules, their params and examples',
    load: async () => (await import('./commands/modules.ts')).modules,
  },
  schema: {
    summary: 'The JSON Schema of playbooks or inventories, for editors',
    load: async () => (await import('./commands/schema.ts')).schema,
  },
  new: {
    summary: 'Begin a module of your own, or a project, with a test that runs',
    load: async () => (await import('./commands/new.ts')).newCommand,
  },
};

export const COMMAND_NAMES: readonly string[] = Object.keys(COMMANDS);
