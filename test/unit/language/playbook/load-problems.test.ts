import { describe, expect, it } from 'vitest';
import { EXIT_CODES, PitrError } from '../../../../lib/base/errors/pitr-error.ts';
import { loadPlaybook } from '../../../../lib/language/playbook/load.ts';
import { PlaybookProblems } from '../../../../lib/language/playbook/problems.ts';
import { folder, refusal } from './support/folder.ts';

async function refused(files: string | Readonly<Record<string, string>>): Promise<string> {
  await using dir = await folder(typeof files === 'string' ? { 'site.yml': files } : files);
  return await refusal(loadPlaybook(dir.file('site.yml')), dir.path);
}

/** The message about one task. */
async function refusedTask(task: string): Promise<string> {
  const text = await refused(`- hosts: all\n  tasks:\n${task.trim().replace(/^/gm, '    ')}\n`);
  return text.replace(/^at site\.yml:/m, 'at ');
}

describe('the problems of a playbook', () => {
  it('are one for another playbook that is named by the full name of the key', async () => {
    const text = await refused('- ansible.builtin.import_playbook: y.yml\n');
    expect(text).toContain('"ansible.builtin.import_playbook" is written import_playbook here');
    expect(text).not.toContain('without hosts');
  });

  it('are told all at once, each with its line', async () => {
    expect(
      await refused(`
- name: prepare
  hosts: patroni
  become: yes
  tsks: []
  tasks:
    - name: config
      fs.copy: { src: a, dest: /b }
      regster: copied
    - fs.copyy: { src: a }
    - name: nothing to do
    - copy: { src: a }
      command: ls
`),
    ).toMatchInlineSnapshot(`
      "6 problems in site.yml
      site.yml:4:11: "become" must be true or false, but is the text "yes"
        2 | - name: prepare
        3 |   hosts: patroni
      > 4 |   become: yes
          |           ^
        write true (without quotes); yes and on are plain texts in YAML 1.2
      site.yml:5:3: unknown key "tsks" in a play (did you mean "tasks"?)
        3 |   hosts: patroni
        4 |   become: yes
      > 5 |   tsks: []
          |   ^
      site.yml:9:7: unknown key "regster" in a task (did you mean "register"?)
        7 |     - name: config
        8 |       fs.copy: { src: a, dest: /b }
      > 9 |       regster: copied
          |       ^
      site.yml:10:7: there is no module "fs.copyy" (did you mean "fs.copy"?)
         8 |       fs.copy: { src: a, dest: /b }
         9 |       regster: copied
      > 10 |     - fs.copyy: { src: a }
           |       ^
        modules are listed by: pitr modules
      site.yml:11:7: a task without a module: nothing to do
         9 |       regster: copied
        10 |     - fs.copyy: { src: a }
      > 11 |     - name: nothing to do
           |       ^
        modules are listed by: pitr modules
      site.yml:13:7: a task runs one module, but this one names "copy" and "command"
        11 |     - name: nothing to do
        12 |     - copy: { src: a }
      > 13 |       command: ls
           |       ^
        make each a task of its own"
    `);
  });

  it('are one error of kind validation, with the problems as data', async () => {
    await using dir = await folder({ 'site.yml': '- hosts: all\n  taks: []\n' });
    const error = await loadPlaybook(dir.file('site.yml')).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(PlaybookProblems);
    if (!(error instanceof PlaybookProblems)) return;
    expect(EXIT_CODES[error.kind]).toBe(3);
    expect(error.toJSON().problems).toEqual([
      {
        code: 'unknown-key',
        message: 'unknown key "taks" in a play (did you mean "tasks"?)',
        at: error.at,
        hints: [],
      },
    ]);
    expect(error.at).toMatchObject({ line: 2, column: 3 });
  });

  it('are shown up to twenty', async () => {
    const tasks = Array.from({ length: 30 }, (_, i) => `    - { command: a, wrong_${i}_key: 1 }`).join('\n');
    const text = await refused(`- hosts: all\n  tasks:\n${tasks}\n`);
    expect(text).toContain('30 problems in site.yml');
    expect(text).toContain('wrong_19_key');
    expect(text).not.toContain('wrong_20_key');
    expect(text).toContain('... and 10 more');
  });

  it('that are the same are told once, with the other lines named', async () => {
    const text = await refused(
      '- hosts: all\n  tasks:\n    - { command: a, rgister: x }\n    - { command: b, rgister: y }\n',
    );
    expect(text).toMatchInlineSnapshot(`
      "unknown key "rgister" in a task (did you mean "register"?)
      at site.yml:3:21
      also at line 4"
    `);
  });
});

describe('what is wrong with a task', () => {
  it.each([
    ['- command: ls\n  regster: x', 'unknown key "regster" in a task (did you mean "register"?)'],
    ['- command: ls\n  hosts: all', '"hosts" belongs to a play, not to a task'],
    ['- command: ls\n  listen: x', '"listen" belongs to a handler, not to a task'],
    ['- command: ls\n  rescue: []', 'rescue and always need a block beside them'],
    ['- name: x', 'a task without a module: nothing to do'],
    ['- comand: ls', 'there is no module "comand" (did you mean "core.command"?)'],
    ['- fs.cpoy: {}', 'there is no module "fs.cpoy" (did you mean "fs.copy"?)'],
    ['- nonsense: 1', 'there is no module "nonsense"'],
    ['- copy: {}\n  shell: ls', 'a task runs one module, but this one names "copy" and "shell"'],
    ['- ansible.builtin.copy: {}', '"ansible.builtin.copy" is written fs.copy here'],
    [
      '- ansible.builtin.include_tasks: x.yml',
      '"ansible.builtin.include_tasks" is written include_tasks here',
    ],
    ['- ansible.builtin.meta: flush_handlers', '"ansible.builtin.meta" is written meta here'],
    [
      '- ansible.builtin.include_vars: x.yml',
      '"ansible.builtin.include_vars" is not supported: use vars_files',
    ],
    [
      '- ansible.builtin.lineinfile: {}',
      '"ansible.builtin.lineinfile" is not supported: write the whole file',
    ],
    ['- systemd: {}', '"systemd" is written service.state here'],
    ['- include_role: { name: x }', '"include_role" is not supported: use include_tasks'],
    ['- command: ls\n  with_items: [1]', '"with_items" is written loop here'],
    ['- command: ls\n  async: 10', '"async" is not supported'],
    ['- copy: src=a dest=b', '"copy" must be a mapping of params, but is the text "src=a dest=b"\nat'],
    ['- meta: end_host', '"meta" end_host is not supported'],
    ['- meta: flush', '"meta" must be one of: flush_handlers, end_play, noop, but is the text "flush"'],
    ['- just text', 'a task must be a mapping'],
    ['-', 'a task must be a mapping (name: value lines), but is empty'],
  ])('%j: %s', async (task, message) => {
    expect(await refusedTask(task)).toContain(message);
  });

  it('of which Ansible has a key, is not taken for a module that is called nearly so', async () => {
    expect(await refusedTask('- command: ls\n  poll: 0')).not.toContain('looks like');
  });

  it.each([
    ['when: 5', '"when" must be a condition (a text), true or false, but is the number 5'],
    ['when: yes', 'write true (without quotes)'],
    ['when: [a, ""]', '"when" must be a condition (a text), true or false, but is an empty text'],
    ['loop: items', 'a variable is written loop: "{{ items }}"'],
    ['loop: { a: 1 }', '"loop" must be a list, or one {{ }} that gives a list, but is a mapping'],
    ['loop_control: { loopvar: x }', 'unknown key "loopvar" in loop_control (did you mean "loop_var"?)'],
    ['loop_control: { loop_var: 1a }', '"1a" cannot be the name of a variable'],
    ['register: my-result', '"my-result" cannot be the name of a variable'],
    ['register: list', '"list" is a word of conditions; take another name'],
    ['register: hostvars', '"hostvars" is set by pitr itself'],
    ['register: "{{ x }}"', '"register" cannot hold {{ }}: the name must be known before the run'],
    ['vars: { in: 1 }', '"in" is a word of conditions'],
    ['vars: [1]', '"vars" must be a mapping'],
    [
      'retries: many',
      '"retries" must be a number from 0, or a template that gives one, but is the text "many"',
    ],
    ['ignore_errors: [a, b]', '"ignore_errors" takes one condition'],
    ['retries: 2', '"retries" does nothing without until'],
    ['delay: 2', 'write until: true beside it'],
    ['timeout: -1', '"timeout" must be a number from 0'],
    ['run_once: "true"', '"run_once" must be true or false, but is the text "true"'],
    ['become_user: postgres', '"become_user" does nothing without become'],
    [
      'become_method: sudo',
      '"become_method" stands in the inventory, where it holds for the host: `ansible_become_method: sudo`',
    ],
    ['check_mode: true', '"check_mode" can only be false here'],
    ['tags: all', '"tags" cannot name "all": it is a word of --tags itself'],
    ['stage: two words', '"stage" must be a word of letters, digits and "-"'],
    ['stage: "{{ a }}"', '"stage" cannot hold {{ }}: readers of events know it beforehand'],
    ['notify: { a: 1 }', '"notify" must be a text or a list of texts, but is a mapping'],
    ['environment: LANG=C', '"environment" must be a mapping of names to values'],
    ['args: text', '"args" must be a mapping'],
  ])('%s', async (line, message) => {
    expect(await refusedTask(`- command: ls\n  ${line}`)).toContain(message);
  });
});

describe('what is wrong with blocks, includes and handlers', () => {
  it.each([
    ['- block: [{ command: a }]\n  loop: [1]', '"loop" belongs to a task, not to a block'],
    [
      '- block: [{ command: a }]\n  copy: {}',
      'a block runs the tasks under it, not a module: "copy" must be a task in it',
    ],
    ['- block: ls', '"block" must be a list (lines that start with "- "), but is the text "ls"'],
    ['- include_tasks: gone.yml', '"include_tasks" names a file that does not exist: gone.yml'],
    ['- include_tasks: "{{ x }}.yml"', '"include_tasks" cannot hold {{ }}: the file is read before the run'],
    ['- include_tasks: { file: a }', '"include_tasks" must be the name of a file, but is a mapping'],
    ['- include_tasks: a.yml\n  loop: [1]', 'include_tasks is read before the run and cannot have "loop"'],
  ])('%j: %s', async (task, message) => {
    expect(await refusedTask(task)).toContain(message);
  });

  it('a file that includes itself names the circle', async () => {
    const text = await refused({
      'site.yml': '- hosts: all\n  tasks: [{ include_tasks: a.yml }]\n',
      'a.yml': '- include_tasks: b.yml\n',
      'b.yml': '- include_tasks: a.yml\n',
    });
    expect(text).toContain('a file includes itself: a.yml -> b.yml -> a.yml');
  });

  it('a mistake in an included file is shown there', async () => {
    const text = await refused({
      'site.yml': '- hosts: all\n  tasks: [{ include_tasks: a.yml }]\n',
      'a.yml': '- command: ls\n  wen: true\n',
    });
    expect(text).toMatchInlineSnapshot(`
      "unknown key "wen" in a task (did you mean "when"?)
      at a.yml:2:3"
    `);
  });

  it('a handler cannot be a block', async () => {
    const text = await refused('- hosts: all\n  handlers: [{ name: x, block: [{ command: a }] }]\n');
    expect(text).toContain('a handler cannot be a block');
  });
});

describe('what is wrong with a play', () => {
  it.each([
    ['', 'the playbook is empty'],
    ['[]', 'the playbook is empty'],
    ['hosts: all', 'put "- " before the play'],
    ['all: { hosts: {} }', 'is it an inventory, or a file of variables?'],
    ['- command: ls', 'this is a list of tasks, not of plays'],
    ['- text', 'a play must be a mapping'],
    ['- tasks: []', 'a play without hosts'],
    ['- hosts: all\n  roles: [x]', '"roles" are not supported: use import_playbook or include_tasks'],
    ['- hosts: all\n  vars_prompt: []', '"vars_prompt" is not supported: give variables with -e'],
    ['- hosts: all\n  remote_user: x', '"remote_user" belongs into the inventory: ansible_user'],
    ['- hosts: all\n  register: x', '"register" belongs to a task, not to a play'],
    ['- hosts: all\n  when: x', '"when" belongs to a task, not to a play'],
    ['- hosts: all\n  strategy: debug', '"strategy" must be one of: linear, free, but is the text "debug"'],
    ['- hosts: all\n  serial: 0', '"serial" must be a count of hosts (1 or more)'],
    ['- hosts: all\n  serial: 130%', '"serial" must be a count of hosts (1 or more)'],
    ['- hosts: all\n  max_fail_percentage: 101', '"max_fail_percentage" must be a number from 0 to 100'],
    [
      '- hosts: all\n  module_defaults: { nope: {} }',
      'module_defaults: no module and no family of modules is called "nope"',
    ],
    ['- import_playbook: gone.yml', '"import_playbook" names a file that does not exist: gone.yml'],
    ['- import_playbook: site.yml', '"import_playbook" goes in a circle: site.yml -> site.yml'],
    ['- import_playbook: a.yml\n  serial: 1', '"serial" belongs to a play, not to import_playbook'],
    ['- hosts: {{ target }}', 'invalid YAML'],
    ['- hosts: all\n tasks: []', 'invalid YAML'],
  ])('%j: %s', async (yaml, message) => {
    expect(await refused(`${yaml}\n`)).toContain(message);
  });

  it('a file that is not there is named', async () => {
    await using dir = await folder({});
    expect(await refusal(loadPlaybook(dir.file('site.yml')), dir.path)).toContain(
      'cannot read site.yml: ENOENT',
    );
  });

  it('is never anything but a PitrError', async () => {
    await using dir = await folder({ 'site.yml': '\0\0\0: [' });
    await expect(loadPlaybook(dir.file('site.yml'))).rejects.toBeInstanceOf(PitrError);
  });
});
