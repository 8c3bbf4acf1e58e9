import { describe, expect, it } from 'vitest';
import { loadPlaybook } from '../../../../lib/language/playbook/load.ts';
import { flatTasks } from '../../../../lib/language/playbook/load-steps.ts';
import type { Playbook, Task } from '../../../../lib/language/playbook/model.ts';
import { type Folder, folder } from './support/folder.ts';

async function loaded(
  files: string | Readonly<Record<string, string>>,
): Promise<Playbook & { readonly dir: Folder }> {
  await using dir = await folder(typeof files === 'string' ? { 'site.yml': files } : files);
  return { ...(await loadPlaybook(dir.file('site.yml'))), dir };
}

/** The tasks of the first play, blocks gone into. */
async function tasksOf(tasks: string): Promise<readonly Task[]> {
  const { plays } = await loaded(`- hosts: all\n  tasks:\n${tasks.replace(/^/gm, '    ')}`);
  return flatTasks(plays[0]?.tasks ?? []);
}

describe('a play', () => {
  it('has defaults for everything but its hosts', async () => {
    const { plays, dir } = await loaded('- hosts: patroni\n');
    expect(plays[0]).toMatchObject({
      name: 'patroni',
      directory: dir.path,
      hosts: { value: 'patroni' },
      vars: {},
      tasks: [],
      strategy: 'linear',
      serial: [],
      anyErrorsFatal: false,
      gatherFacts: false,
      become: undefined,
      tags: [],
      when: [],
    });
  });

  it('may name its hosts as a list, its batches as one size, its tags with commas', async () => {
    const { plays } = await loaded('- hosts: [db1, "!db2"]\n  serial: 30%\n  tags: a, b\n  strategy: free\n');
    expect(plays[0]).toMatchObject({
      hosts: { value: 'db1,!db2' },
      serial: ['30%'],
      tags: ['a', 'b'],
      strategy: 'free',
    });
  });

  it('runs notified handlers between its sections, as Ansible does', async () => {
    const { plays } = await loaded(`
- hosts: all
  pre_tasks: [{ command: a }]
  tasks: [{ command: b }]
  post_tasks: [{ command: c }]
  handlers: [{ name: reload, command: d }]`);
    expect(plays[0]?.tasks.map((step) => [step.id, step.kind === 'task' && step.module])).toEqual([
      ['1.1', 'core.command'],
      ['1.f1', 'meta'],
      ['1.2', 'core.command'],
      ['1.f2', 'meta'],
      ['1.3', 'core.command'],
    ]);
  });

  it('without handlers has nothing between its sections', async () => {
    const { plays } = await loaded(
      '- hosts: all\n  pre_tasks: [{ command: a }]\n  tasks: [{ command: b }]\n',
    );
    expect(plays[0]?.tasks).toHaveLength(2);
  });

  it('gathers facts in a task of its own, before all others', async () => {
    const { plays } = await loaded('- hosts: all\n  gather_facts: true\n  tasks: [{ command: a }]\n');
    expect(plays[0]?.tasks[0]).toMatchObject({ id: '1.0', module: 'core.facts', register: 'facts' });
  });

  it('takes default params by module or by family', async () => {
    const { plays } = await loaded(
      '- hosts: all\n  module_defaults: { copy: { owner: a }, fs: { group: b } }\n',
    );
    expect(Object.keys(plays[0]?.moduleDefaults ?? {})).toEqual(['fs.copy', 'fs']);
  });
});

describe('a task', () => {
  it.each([
    ['a mapping of params', '- fs.copy: { src: a, dest: /b }', 'fs.copy', { src: 'a', dest: '/b' }],
    ['a bare name', '- copy: { src: a, dest: /b }', 'fs.copy', { src: 'a', dest: '/b' }],
    ['a plain text', '- command: ls -l', 'core.command', { cmd: 'ls -l' }],
    ['a plain list', '- command: [ls, -l]', 'core.command', { cmd: ['ls', '-l'] }],
    [
      'a plain text with args',
      '- command: ls\n  args: { creates: /x }',
      'core.command',
      { cmd: 'ls', creates: '/x' },
    ],
    ['nothing', '- core.facts:', 'core.facts', {}],
    ['a meta action', '- meta: flush_handlers', 'meta', { value: 'flush_handlers' }],
  ])('may give its module %s', async (_, yaml, module, value) => {
    const [task] = await tasksOf(yaml);
    expect(task).toMatchObject({ module, args: { value } });
  });

  it('knows where each param was written, also a plain text and one under args', async () => {
    const [task] = await tasksOf('- command: ls\n  args:\n    creates: /x');
    expect(task?.args.locate(['cmd'])).toMatchObject({ line: 3, column: 16 });
    expect(task?.args.locate(['creates'])).toMatchObject({ line: 5, column: 18 });
    expect(task?.args.locateKey(['creates'])).toMatchObject({ line: 5, column: 9 });
  });

  it('keeps everything that is said of it', async () => {
    const [task] = await tasksOf(`
- name: look {{ item }}
  command: ls
  register: listing
  loop: "{{ paths }}"
  loop_control: { loop_var: path, index_var: i, label: "{{ path.name }}", pause: 0.5 }
  until: [listing.rc == 0, true]
  retries: "{{ tries }}"
  delay: 2
  timeout: 30
  changed_when: false
  failed_when: listing.rc > 1
  ignore_errors: true
  notify: [reload, restart]
  delegate_to: "{{ barman_host }}"
  run_once: true
  become_user: postgres
  become: true
  no_log: true
  check_mode: false
  environment: { LANG: C }
  tags: looks`);
    expect(task).toMatchObject({
      name: { value: 'look {{ item }}' },
      register: 'listing',
      loop: { value: '{{ paths }}' },
      loopControl: { loopVar: 'path', indexVar: 'i', label: { value: '{{ path.name }}' }, pauseMs: 500 },
      until: [{ value: 'listing.rc == 0' }, { value: true }],
      retries: { value: '{{ tries }}' },
      delay: { value: 2 },
      timeout: { value: 30 },
      changedWhen: [{ value: false }],
      failedWhen: [{ value: 'listing.rc > 1' }],
      ignoreErrors: { value: true },
      notify: [{ value: 'reload' }, { value: 'restart' }],
      delegateTo: { value: '{{ barman_host }}' },
      runOnce: true,
      become: { enabled: true, user: { value: 'postgres' } },
      noLog: true,
      saidHarmless: { line: 22 },
      environment: [{ value: { LANG: 'C' } }],
      tags: ['looks'],
    });
  });
});

describe('a block', () => {
  it('hands down conditions, variables, tags and the rest; what is further in wins', async () => {
    const [inner] = await tasksOf(`
- name: outer
  when: a
  vars: { x: 1 }
  tags: one
  become: true
  become_user: postgres
  delegate_to: db1
  ignore_errors: true
  notify: reload
  block:
    - when: [b, c]
      vars: { x: 2 }
      tags: two
      become_user: root
      ignore_errors: false
      command: ls`);
    expect(inner?.when.map((condition) => condition.value)).toEqual(['a', 'b', 'c']);
    expect(inner?.vars.map((vars) => vars.x?.value)).toEqual([1, 2]);
    expect(inner).toMatchObject({
      tags: ['one', 'two'],
      become: { enabled: true, user: { value: 'root' } },
      delegateTo: { value: 'db1' },
      ignoreErrors: undefined,
      notify: [{ value: 'reload' }],
    });
  });

  it('gives its stage to the tasks that say none', async () => {
    const steps = await tasksOf(`
- block: [{ command: a, stage: own }, { command: b }]
  stage: restore
- command: c`);
    expect(steps.map(({ stage }) => stage)).toEqual(['own', 'restore', undefined]);
  });

  it('numbers its tasks through block, rescue and always', async () => {
    const { plays } = await loaded(`
- hosts: all
  tasks:
    - command: a
    - block: [{ command: b }, { block: [{ command: c }] }]
      rescue: [{ command: d }]
      always: [{ command: e }]`);
    expect(flatTasks(plays[0]?.tasks ?? []).map((task) => task.id)).toEqual([
      '1.1',
      '1.2.1',
      '1.2.2.1',
      '1.2.3',
      '1.2.4',
    ]);
  });
});

describe('files of tasks', () => {
  it('stand in the place of their include, with its conditions and their own directory', async () => {
    const { plays, dir } = await loaded({
      'site.yml':
        '- hosts: all\n  tasks:\n    - include_tasks: parts/more.yml\n      when: wanted\n      vars: { depth: 1 }\n',
      'parts/more.yml': '- command: a\n- import_tasks: again.yml\n',
      'parts/tasks/again.yml': '- command: b\n',
    });
    const tasks = flatTasks(plays[0]?.tasks ?? []);
    expect(
      tasks.map((task) => [
        task.id,
        task.directory.slice(dir.path.length),
        task.when.map((when) => when.value),
      ]),
    ).toEqual([
      ['1.1.1', '/parts', ['wanted']],
      ['1.1.2.1', '/parts/tasks', ['wanted']],
    ]);
    expect(tasks[0]?.at.file).toBe(dir.file('parts/more.yml'));
  });
});

describe('imported playbooks', () => {
  it('bring their plays, whose variables, conditions and tags the import adds to', async () => {
    const { plays, dir } = await loaded({
      'site.yml':
        '- import_playbook: other/play.yml\n  when: wanted\n  vars: { port: 1 }\n  tags: imported\n- hosts: last\n  tasks: [{ command: z }]\n',
      'other/play.yml':
        '- hosts: first\n  vars: { port: 2, host: h }\n  tasks: [{ command: a }]\n- hosts: second\n',
    });
    expect(plays.map((play) => play.hosts.value)).toEqual(['first', 'second', 'last']);
    expect(plays[0]).toMatchObject({
      directory: dir.file('other'),
      when: [{ value: 'wanted' }],
      vars: { port: { value: 1 }, host: { value: 'h' } },
      tasks: [{ id: '1.1', tags: ['imported'] }],
    });
    expect(plays[2]?.tasks[0]?.id).toBe('3.1');
  });

  it('use the modules that lie beside them, and not those of who imports them', async () => {
    const demo = `export const module = ({ z, defineLook }) => defineLook({
      summary: 's', examples: 'e', params: z.strictObject({ city: z.string() }), freeForm: 'city', read: async () => ({}) });`;
    const { plays } = await loaded({
      'site.yml': '- import_playbook: other/play.yml\n',
      'other/play.yml': '- hosts: all\n  tasks: [{ demo.weather: Berlin }]\n',
      'other/modules/demo/weather.js': demo,
    });
    expect(plays[0]?.tasks[0]).toMatchObject({ module: 'demo.weather', args: { value: { city: 'Berlin' } } });
  });
});
