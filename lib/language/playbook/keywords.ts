import { didYouMean } from '../../base/errors/nearest.ts';
import { ANSIBLE_KEYWORDS } from './ansible.ts';

/** The keys that a level of a playbook knows, each with one line for the editor schema and the docs. */
export type Keywords = Readonly<Record<string, string>>;

/** What tasks, blocks, includes and plays have in common; inner ones inherit. */
const INHERITED: Keywords = {
  tags: 'words that --tags and --skip-tags select by; always and never are special',
  vars: 'variables for this part of the playbook',
  become: 'true: work as another OS user',
  become_user: 'the OS user to become',
  environment: 'environment variables of the commands that are run',
  any_errors_fatal: 'true: a failure on one host stops the play on all',
  ignore_errors: 'true, or a condition: a failure is shown and the host goes on; not that it was lost',
  no_log: 'true: params and results are not shown and not written down',
  run_once: 'true: on the first host only; the result is given to all',
  check_mode: 'false: it only looks, and runs in check mode; a module that changes something is refused',
};

const STEP: Keywords = {
  ...INHERITED,
  name: 'what is shown to the operator',
  when: 'a condition, or a list of conditions that must all hold',
  stage: 'a word for what the task does in the whole, told to programs and displays with its events',
  delegate_to: 'the host that does the work instead of the host of the play',
  notify: 'handlers to run at the end of the play when something changed',
};

export const TASK: Keywords = {
  ...STEP,
  formerly: 'names that the task had before: runs begun then know it by them when they are resumed',
  args: 'more params of a module that is given as plain text',
  register: 'the variable that gets the result',
  loop: 'a list: the task runs once for each item',
  loop_control: 'loop_var, index_var, label and pause of the loop',
  until: 'try again until this holds',
  retries: 'how often to try again (with until)',
  delay: 'seconds between tries',
  timeout: 'seconds after which the task is ended and fails',
  changed_when: 'a condition that says whether something changed',
  failed_when: 'a condition that says whether the task failed',
};

export const HANDLER: Keywords = { ...TASK, listen: 'other names that notify may use' };

export const BLOCK: Keywords = {
  ...STEP,
  block: 'the tasks',
  rescue: 'tasks for hosts on which the block failed',
  always: 'tasks that run in any case',
};

export const INCLUDE: Keywords = {
  ...STEP,
  include_tasks: 'a file with tasks, read before the run',
  import_tasks: 'a file with tasks, read before the run',
};

export const PLAY: Keywords = {
  name: 'what is shown to the operator',
  hosts: 'a pattern of hosts and groups of the inventory',
  vars_files: 'files with variables; they win over vars of the play',
  defaults_files: 'files with variables of the lowest precedence: anything else wins over them',
  pre_tasks: 'tasks before tasks; notified handlers run after them',
  tasks: 'the tasks, in order',
  post_tasks: 'tasks after tasks; notified handlers run before them',
  handlers: 'tasks that run at the end of the play when they were notified',
  strategy: 'linear (all hosts finish a task before the next one starts) or free',
  serial: 'batches of hosts: a count, a percentage, or a list of them',
  max_fail_percentage: 'the play stops when more hosts than this failed',
  gather_facts: 'true: core.facts runs first',
  module_defaults: 'default params by module or by family of modules',
  ...INHERITED,
};

export const IMPORT_PLAYBOOK: Keywords = {
  import_playbook: 'another playbook, read before the run',
  name: 'what is shown to the operator',
  when: 'a condition for all tasks of its plays',
  vars: 'variables for its plays; they win over vars of the plays, not over vars_files',
  tags: 'tags for all tasks of its plays',
};

export const LOOP_CONTROL: Keywords = {
  loop_var: 'the variable that holds the item, instead of item',
  index_var: 'the variable that holds the number of the item, from 0',
  label: 'what is shown instead of the item',
  pause: 'seconds between items',
};

const LEVELS: Readonly<Record<string, Keywords>> = { task: TASK, handler: HANDLER, block: BLOCK, play: PLAY };

const LEVEL_WORDS: Readonly<Record<string, string>> = {
  task: 'a task',
  handler: 'a handler',
  block: 'a block',
  play: 'a play',
};

/** Why a key cannot stand where it stands, and what to write instead. */
export function unknownKey(key: string, known: Keywords, where: string): string {
  const advice = ANSIBLE_KEYWORDS[key];
  if (advice !== undefined) return `"${key}" ${advice}`;
  const level = Object.keys(LEVELS).find((name) => Object.hasOwn(LEVELS[name] ?? {}, key));
  if (level !== undefined && LEVEL_WORDS[level] !== where) {
    return `"${key}" belongs to ${LEVEL_WORDS[level]}, not to ${where}`;
  }
  return `unknown key "${key}" in ${where}${didYouMean(key, Object.keys(known))}`;
}
