import { findPlaybook } from '../../lib/language/playbook/find.ts';
import { defineCommand } from '../command.ts';
import { DEFAULT_FORKS, FORKS_OPTION, INVENTORY_OPTIONS, OUTPUT_OPTIONS } from '../common-options.ts';
import { readExtraVars } from '../extra-vars.ts';
import { findInventories } from '../find-inventory.ts';
import { readLimit } from '../limit.ts';
import { runModeOf } from '../run-mode.ts';
import { wishesOf, withDoor } from '../session.ts';
import { commaList, forksOf } from '../values.ts';

const OPTIONS = {
  ...INVENTORY_OPTIONS,
  check: { text: 'Contact and read the hosts, change nothing, and say what would change.' },
  'dry-run': { text: 'Contact no host: load and check everything and print the plan, host by host.' },
  diff: { text: 'Show how things change (or would, with --check).' },
  limit: { short: 'l', value: 'pattern', text: 'Only these hosts: db1,db2 or barman,!db3 or @file.' },
  tags: { short: 't', value: 'tags', repeat: true, text: 'Only tasks with one of these tags.' },
  'skip-tags': { value: 'tags', repeat: true, text: 'Not the tasks with one of these tags.' },
  'list-tasks': { text: 'List the tasks, run nothing.' },
  'list-hosts': { text: 'List the hosts of each play, run nothing.' },
  'list-tags': { text: 'List the tags, run nothing.' },
  'syntax-check': { text: 'Check playbook, inventory and variables, run nothing.' },
  ...FORKS_OPTION,
  'force-handlers': { text: 'Run notified handlers also where a later task failed.' },
  yes: { short: 'y', text: 'Answer every question with yes; the output says so.' },
  verbose: { short: 'v', count: true, text: 'Show results; -vv also what commands print.' },
  ...OUTPUT_OPTIONS,
} as const;

export const play = defineCommand({
  name: 'play',
  summary: 'Run a playbook, check what it would change, or show its plan',
  description: [
    'Runs a playbook. It is looked for as a path, in playbooks/ of the working directory, and then among those that come with pitr: recover.yml, cutover.yml, rejoin.yml, rollback.yml, backup.yml, status.yml.',
    'Everything is loaded and checked before the first host is contacted. What --check lists as changes is what the run then changes.',
  ],
  arguments: [{ name: 'playbook', required: true, text: 'a playbook, such as recover.yml' }],
  options: OPTIONS,
  examples: [
    {
      text: 'What would a recovery of db2 to a moment change?',
      command:
        "pitr play recover.yml -i inventory/lab-docker.yml --check \\\n    -e target=db2 -e backup=latest -e 'target_time=2026-01-23 12:30:00+00'",
    },
    {
      text: 'Do it, up to the inspection; the other nodes go on serving',
      command:
        "pitr play recover.yml -i inventory/lab-docker.yml \\\n    -e target=db2 -e backup=latest -e 'target_time=2026-01-23 12:30:00+00'",
    },
    {
      text: 'The same plan without any host, from a file of variables',
      command: 'pitr play recover.yml -i inventory/lab-ssh.yml --dry-run -e @recovery.yml',
    },
    {
      text: 'Only one host, as JSON lines, nobody at the keyboard',
      command: 'pitr play status.yml -i inventory/lab-docker.yml -l db1 --output json --yes',
    },
  ],
  run: async ({ options, args }, io) => {
    const extraVars = await readExtraVars(options, io);
    const request = {
      playbook: findPlaybook(args[0] ?? '', io.cwd),
      inventories: await findInventories(options.inventory, io),
      extraVars,
      mode: runModeOf(options),
      limit: await readLimit(options.limit, io.cwd),
      tags: commaList('--tags', options.tags),
      skipTags: commaList('--skip-tags', options['skip-tags']),
      forks: forksOf(options.forks, DEFAULT_FORKS),
      forceHandlers: options['force-handlers'],
    };
    const list = (['list-tasks', 'list-hosts', 'list-tags', 'syntax-check'] as const).find(
      (name) => options[name],
    );
    if (list !== undefined) {
      const { listPlay } = await import('../list-play.ts');
      return listPlay(list, request, options.output, io);
    }
    const { exitCodeOfRun, runAndTell } = await import('../run-and-tell.ts');
    const outcome = await withDoor(wishesOf(options), io, (door) => runAndTell(request, door));
    return exitCodeOfRun(outcome);
  },
});
