import type { Command } from './command.ts';

interface CommandEntry {
  readonly summary: string;
  readonly load: () => Promise<Command>;
}

/** Every command, in the order of the help. Only the one that was asked for is loaded. */
export const COMMANDS: Readonly<Record<string, CommandEntry>> = {
  play: {
    summary: 'Run a playbook, check what it would change, or show its plan',
    load: async () => (await import('./commands/play.ts')).play,
  },
  runs: {
    summary: 'What runs did, what state things are in, and what can be done now',
    load: async () => (await import('./commands/runs.ts')).runs,
  },
  undo: {
    summary: 'Take the changes of a run back, newest first',
    load: async () => (await import('./commands/undo.ts')).undo,
  },
  status: {
    summary: 'The cluster: members, roles, timelines, lag, archiving',
    load: async () => (await import('./commands/status.ts')).status,
  },
  backups: {
    summary: 'All backups of all Barman servers, and the moments they can reach',
    load: async () => (await import('./commands/backups.ts')).backups,
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
};

export const COMMAND_NAMES: readonly string[] = Object.keys(COMMANDS);
