/**
 * What people who come from Ansible will write and pitr does not have, with what to write instead. Keys are the
 * words of the playbook; the text completes `"<word>" ...`.
 */

export const ANSIBLE_KEYWORDS: Readonly<Record<string, string>> = {
  action: 'is not needed: write the module as the key, `fs.copy: { ... }`',
  local_action: 'is written as the module with `delegate_to: localhost`',
  async: 'is not supported: a task may take as long as it needs; `timeout` gives it a deadline',
  poll: 'is not supported: a task may take as long as it needs; `timeout` gives it a deadline',
  collections: 'is not needed: modules are called by family and name, `fs.copy`',
  roles: 'are not supported: use import_playbook or include_tasks',
  include: 'is written include_tasks (tasks) or import_playbook (plays)',
  include_role: 'is not supported: use include_tasks',
  import_role: 'is not supported: use include_tasks',
  include_vars: 'is not supported: use vars_files of the play',
  vars_prompt: 'is not supported: give variables with -e, or ask with core.confirm',
  remote_user: 'belongs into the inventory: ansible_user',
  connection: 'belongs into the inventory: ansible_connection',
  port: 'belongs into the inventory: ansible_port',
  gather_subset: 'is not supported: core.facts gathers what it documents',
  gather_timeout: 'is not supported: use core.facts with a timeout',
  fact_path: 'is not supported: register the output of a command',
  force_handlers: 'is a flag of the command line, not of a play',
  order: 'is not supported: hosts run in the order of the pattern, those of a group in that of the inventory',
  throttle: 'is not supported: use serial, or --forks',
  debugger: 'is not supported: use -v',
  diff: 'is not supported: --diff shows differences, no_log hides them',
  delegate_facts: 'is not supported: results belong to the host of the play; read others through hostvars',
  ignore_unreachable: 'is not supported: use rescue, which sees lost hosts too',
  become_method: 'stands in the inventory, where it holds for the host: `ansible_become_method: sudo`',
  become_flags: 'is not supported',
  become_exe: 'is not supported',
  with_items: 'is written loop here; a list inside the list is not flattened',
  with_list: 'is written loop here',
  with_dict: 'is written loop here: a list of mappings, `loop: [{ key: a, value: 1 }]`',
  with_fileglob: 'is not supported: name the files in loop',
  with_sequence: 'is not supported: write the numbers in loop',
  with_nested: 'is not supported: write the combinations in loop',
  with_together: 'is not supported: a list of mappings in loop',
  with_subelements: 'is not supported: a list of mappings in loop',
  with_first_found: 'is not supported: name the file',
  with_indexed_items: 'is written loop with loop_control: { index_var: i }',
};

/** Keys of tasks here that are modules in Ansible, which have full names: `ansible.builtin.meta`. */
export const MODULES_THAT_ARE_KEYS: readonly string[] = ['include_tasks', 'import_tasks', 'meta'];
/** Likewise, and there is no such key here. */
export const MODULES_THAT_ARE_NO_KEYS: readonly string[] = [
  'include',
  'include_role',
  'import_role',
  'include_vars',
];

const SERVICE = 'is written service.state here';
const PACKAGES = 'is not supported: pitr installs no packages; use command with creates';

export const ANSIBLE_MODULES: Readonly<Record<string, string>> = {
  apt: PACKAGES,
  dnf: PACKAGES,
  yum: PACKAGES,
  package: PACKAGES,
  pip: PACKAGES,
  service: SERVICE,
  systemd: SERVICE,
  systemd_service: SERVICE,
  supervisorctl: SERVICE,
  setup: 'is written core.facts here',
  gather_facts: 'is a key of the play; as a task it is written core.facts here',
  pause: 'is written core.confirm (a question) or core.wait_for here',
  synchronize: 'is written fs.tree here',
  unarchive: 'is not supported: use command with creates',
  get_url: 'is not supported: use command with creates',
  uri: 'is not supported: use command with curl',
  lineinfile: 'is not supported: write the whole file with fs.template',
  blockinfile: 'is not supported: write the whole file with fs.template',
  replace: 'is not supported: write the whole file with fs.template',
  slurp: 'is not supported: register the output of `command: [cat, file]`',
  fetch: 'is not supported: register the output of `command: [cat, file]`',
  script: 'is not supported: fs.copy the script, then command',
  raw: 'is not needed: core.shell needs nothing on the host but sh',
  ping: 'is not a module: run `pitr ping`',
  add_host: 'is not supported: the inventory is fixed before the run',
  group_by: 'is not supported: the inventory is fixed before the run',
  assemble: 'is not supported: write the whole file with fs.template',
  user: 'is not supported: use command with check',
  group: 'is not supported: use command with check',
  cron: 'is not supported: write the file with fs.template',
  postgresql_query: 'is written postgres.query here',
};

/** Meta actions of Ansible that pitr does not have. */
export const ANSIBLE_META: Readonly<Record<string, string>> = {
  end_host: 'is not supported: put the rest of the tasks into a block with when',
  end_batch: 'is not supported: put the rest of the tasks into a block with when',
  clear_facts: 'is not supported',
  clear_host_errors: 'is not supported: use rescue',
  refresh_inventory: 'is not supported: the inventory is fixed before the run',
  reset_connection: 'is not supported: connections are kept for the whole run',
};
