import { describe, expect, it } from 'vitest';
import { checkPlaybook } from '../../../../lib/language/playbook/check.ts';
import type { Known } from '../../../../lib/language/playbook/known.ts';
import { loadPlaybook } from '../../../../lib/language/playbook/load.ts';
import { folder, refusal } from './support/folder.ts';

const KNOWN: Known = {
  hostVars: new Map([
    ['db1', new Set(['pgdata', 'pg_port', 'only_db'])],
    ['db2', new Set(['pgdata', 'pg_port', 'only_db'])],
    ['barman', new Set(['barman_user'])],
  ]),
  extraVars: { target: 'db2' },
  groups: new Map([
    ['all', ['db1', 'db2', 'barman']],
    ['patroni', ['db1', 'db2']],
  ]),
  hosts: ['db1', 'db2', 'barman'],
};

/** A module whose params show every way of being filled. */
const DEMO = `export const module = ({ z, defineLook }) => defineLook({
  summary: 's', examples: 'e', read: async () => ({}), freeForm: 'city',
  params: z.strictObject({
    city: z.string(),
    port: z.int().min(1).meta({ variable: 'pg_port' }),
    state: z.enum(['on', 'off']).default('on'),
    rooms: z.array(z.strictObject({ name: z.string() })).optional(),
  }).refine((p) => p.city !== 'Atlantis', 'Atlantis has sunk'),
});`;

async function problems(
  files: string | Readonly<Record<string, string>>,
  known: Partial<Known> = {},
): Promise<string> {
  const texts = typeof files === 'string' ? { 'site.yml': files } : files;
  await using dir = await folder({ 'modules/demo/weather.js': DEMO, ...texts });
  const playbook = await loadPlaybook(dir.file('site.yml'));
  const checked = checkPlaybook(playbook, { ...KNOWN, ...known });
  const passed = await checked.then(
    () => true,
    () => false,
  );
  return passed ? 'nothing' : await refusal(checked, dir.path);
}

const tasks = (yaml: string, head = 'hosts: patroni'): string =>
  `- ${head.replaceAll('\n', '\n  ')}\n  tasks:\n${yaml.trim().replace(/^/gm, '    ')}\n`;

/** A module of somebody else that sets variables. `part`: what it says of them before the run. */
const setting = (part: string): Readonly<Record<string, string>> => ({
  'modules/demo/choose.js': `export const module = ({ z, defineControl }) => defineControl({
  summary: 's', examples: 'e', ${part}
  params: z.strictObject({ into: z.array(z.string()) }),
  run: async ({ into }) => ({ facts: Object.fromEntries(into.map((name) => [name, 1])) }),
});`,
});

describe("variables that somebody else's module sets", () => {
  const SAYS = setting('sets: ({ into }) => into,');
  const book = (into: string, more: string): string =>
    tasks(`- demo.choose: { into: ${into} }\n- debug: "{{ weather }}"\n${more}`);

  it('are defined for later tasks, and nothing else is, where the module names them', async () => {
    expect(await problems({ ...SAYS, 'site.yml': book('[weather]', '') })).toBe('nothing');
    const wrong = await problems({ ...SAYS, 'site.yml': book('[wether]', '') });
    expect(wrong).toContain('undefined variable "weather" (did you mean "wether"?)');
    expect(await problems({ ...SAYS, 'site.yml': book('[inventory_hostname]', '') })).toContain(
      '"inventory_hostname" is set by pitr itself',
    );
  });

  it.each([
    ['it does not say which', setting(''), '[weather]'],
    ['it may be anything', setting("sets: () => 'anything',"), '[weather]'],
    ['only the run can tell the name', SAYS, '["{{ pgdata }}"]'],
  ])('may be any where %s: in later tasks and plays, but not before', async (_, module, into) => {
    const later = '- hosts: barman\n  tasks:\n    - debug: "{{ sun }} {{ weather }}"\n';
    expect(await problems({ ...module, 'site.yml': `${book(into, '')}${later}` })).toBe('nothing');
    const before = tasks(`- debug: "{{ weather }}"\n- demo.choose: { into: ${into} }`);
    expect(await problems({ ...module, 'site.yml': before })).toContain('undefined variable "weather"');
  });

  it('are a fault of the module where it names none of them and does not say that they may be any', async () => {
    expect(await problems({ ...setting('sets: () => 1,'), 'site.yml': book('[weather]', '') })).toContain(
      'module "demo.choose" is at fault: its sets gives no list of names',
    );
  });
});

describe('a playbook that is right', () => {
  it('passes: every variable comes from somewhere that is seen', async () => {
    const found = await problems({
      'site.yml': `
- hosts: patroni
  defaults_files: defaults.yml
  vars_files: [vars/more.yml]
  vars: { base: "{{ pgdata }}/x", late: "{{ control.state }}" }
  tasks:
    - debug: "{{ inventory_hostname }} {{ pgdata }} {{ base }} {{ target }} {{ from_defaults }} {{ from_file }}"
    - postgres.control: { pgdata: "{{ pgdata }}" }
      register: control
      until: result.state == "in production" && control.state != ""
    - debug: "{{ item.name }} {{ n }} {{ own }} {{ late }}"
      vars: { own: "{{ item.name }}" }
      loop: "{{ groups.patroni }}"
      loop_control: { index_var: n, label: "{{ item }}" }
      when: control.state == "shut down" && item != inventory_hostname && has(maybe)
    - set_fact: { done: "{{ default nothing 1 }}" }
      delegate_to: barman
    - debug: { var: done + 1 }
      notify: say
    - block:
        - command: ls
          register: tried
      rescue:
        - debug: "{{ tried.rc }}"
  handlers:
    - name: say it
      listen: say
      debug: "{{ tried.rc }}"
      register: said
- hosts: barman
  tasks:
    - debug: "{{ barman_user }} {{ control.state }} {{ said.msg }} {{ hostvars.db1.pgdata }}"
`,
      'defaults.yml': 'from_defaults: 1\n',
      'vars/more.yml': 'from_file: "{{ base }}"\n',
    });
    expect(found).toBe('nothing');
  });
});

describe('variables', () => {
  it.each([
    ['- debug: "{{ pgdta }}"', 'undefined variable "pgdta" (did you mean "pgdata"?)\nat site.yml:3:18'],
    [
      '- debug: hi\n  when: pg_prt == 5431',
      'undefined variable "pg_prt" (did you mean "pg_port"?)\nat site.yml:4:13',
    ],
    ['- debug: { var: pgdta }', 'undefined variable "pgdta" (did you mean "pgdata"?)\nat site.yml:3:21'],
    [
      '- assert: { that: [true, pgdta == 1] }',
      'undefined variable "pgdta" (did you mean "pgdata"?)\nat site.yml:3:30',
    ],
    ['- debug: "{{ barman_user }}"', 'undefined variable "barman_user"'],
    ['- debug: "{{ item }}"', 'undefined variable "item"'],
    ['- name: say {{ item }}\n  debug: x\n  loop: [1]', 'undefined variable "item"'],
    ['- debug: x\n  loop: "{{ item }}"', 'undefined variable "item"'],
    ['- debug: x\n  delegate_to: "{{ tagret }}"', 'undefined variable "tagret" (did you mean "target"?)'],
    ['- debug: x\n  environment: { A: "{{ nope }}" }', 'undefined variable "nope"'],
    ['- debug: x\n  become: true\n  become_user: "{{ nope }}"', 'undefined variable "nope"'],
    ['- debug: x\n  until: true\n  retries: "{{ nope }}"', 'undefined variable "nope"'],
    ['- debug: x\n  vars: { a: "{{ nope }}" }', 'undefined variable "nope"'],
    ['- debug: x\n  when: result.changed', 'undefined variable "result"'],
  ])('%j: %s', async (yaml, message) => {
    expect(await problems(tasks(yaml))).toContain(message);
  });

  it('are looked for in all that stands in the environment of a play', async () => {
    const found = await problems(
      '- hosts: all\n  environment: [{ A: 1 }, { B: "{{ nope }}" }]\n  tasks: [{ debug: x }]\n',
    );
    expect(found).toContain('undefined variable "nope"');
  });

  it('a result is not there before its task, and the message says where it comes from', async () => {
    const found = await problems(tasks('- debug: "{{ r.rc }}"\n- command: ls\n  register: r'));
    expect(found).toMatchInlineSnapshot(`
      "undefined variable "r"
      at site.yml:3:18
      it is set only by a later task, or by this one: line 4"
    `);
  });

  it('what blocks hand down is told once', async () => {
    const found = await problems(
      tasks('- when: nope\n  vars: { a: "{{ nada }}" }\n  block:\n    - debug: a\n    - debug: b'),
    );
    expect(found.match(/undefined variable/g)).toHaveLength(2);
    expect(found).not.toContain('also at');
  });

  it('the same name in many places is one problem with its places', async () => {
    const found = await problems(
      tasks('- debug: "{{ pgdta }}"\n- debug: "{{ pgdta }}"\n- debug: "{{ pgdta }}"'),
    );
    expect(found).toContain('also at line 4, line 5');
  });

  it('what is said alike with another advice is a problem of its own', async () => {
    const found = await problems(
      tasks(
        '- debug: "{{ target | upper }}"\n- debug: "{{ pgdata | upper }}"\n- debug: "{{ target | upper }}"',
      ),
    );
    expect(found).toMatchInlineSnapshot(`
      "2 problems in site.yml
      site.yml:3:25: invalid template: a | that has no meaning here
        1 | - hosts: patroni
        2 |   tasks:
      > 3 |     - debug: "{{ target | upper }}"
          |                         ^
        There are no filters with |: write {{upper target}}.
        also at line 5
      site.yml:4:25: invalid template: a | that has no meaning here
        2 |   tasks:
        3 |     - debug: "{{ target | upper }}"
      > 4 |     - debug: "{{ pgdata | upper }}"
          |                         ^
        There are no filters with |: write {{upper pgdata}}."
    `);
  });

  it('a file of variables whose name is a template leaves them open', async () => {
    expect(
      await problems(tasks('- debug: "{{ anything }}"', 'hosts: all\nvars_files: "{{ target }}.yml"')),
    ).toBe('nothing');
  });

  it('a file of variables must be there and be a mapping of names', async () => {
    const play = tasks('- debug: x', 'hosts: all\nvars_files: vars.yml');
    expect(await problems(play)).toContain('cannot read the file of variables "vars.yml": ENOENT');
    expect(await problems({ 'site.yml': play, 'vars.yml': '- a\n' })).toContain('must be a mapping');
    expect(await problems({ 'site.yml': play, 'vars.yml': 'my-name: 1\n' })).toContain(
      '"my-name" cannot be the name',
    );
  });

  it('templates and conditions must parse', async () => {
    const found = await problems(
      tasks('- debug: "{{ pgdata | upper }}"\n- debug: x\n  when: pgdata == 1 and true'),
    );
    expect(found).toMatchInlineSnapshot(`
      "2 problems in site.yml
      site.yml:3:25: invalid template: a | that has no meaning here
        1 | - hosts: patroni
        2 |   tasks:
      > 3 |     - debug: "{{ pgdata | upper }}"
          |                         ^
        There are no filters with |: write {{upper pgdata}}.
      site.yml:5:25: invalid condition: it cannot be read from here on
        3 |     - debug: "{{ pgdata | upper }}"
        4 |     - debug: x
      > 5 |       when: pgdata == 1 and true
          |                         ^
        Write: pgdata == 1 && true"
    `);
  });
});

describe('params', () => {
  it.each([
    ['- demo.weather: { city: Berlin }', 'nothing'],
    [
      '- demo.weather: { city: "{{ target }}", port: "{{ pg_port }}", state: "{{ target }}", rooms: "{{ target }}" }',
      'nothing',
    ],
    ['- demo.weather: { city: 5, port: "5432" }', 'nothing'],
    ['- demo.weather: { ctiy: Berlin }', 'demo.weather has no param "ctiy" (did you mean "city"?)'],
    ['- demo.weather: { port: 1 }', 'demo.weather needs "city"'],
    [
      '- demo.weather: { city: Berlin, port: high }',
      'demo.weather: "port" must be a number, but is the text "high"',
    ],
    [
      '- demo.weather: { city: Berlin, port: 0 }',
      'demo.weather: "port" must be at least 1, but is the number 0',
    ],
    [
      '- demo.weather: { city: Berlin, state: onn }',
      '"state" must be one of: on, off, but is the text "onn"\nat site.yml:3:44\ndid you mean "on"?',
    ],
    ['- demo.weather: { city: Berlin, rooms: [{ nam: x }] }', 'demo.weather: "rooms[0]" has no param "nam"'],
    ['- demo.weather: { city: [a] }', 'demo.weather: "city" must be a text, but is a list'],
    ['- demo.weather: { city: Atlantis }', 'demo.weather: Atlantis has sunk'],
    ['- demo.weather: { city: Atlantis, port: "{{ pg_port }}" }', 'demo.weather: Atlantis has sunk'],
    [
      '- demo.weather: { city: "{{ target }}", port: "{{ pg_port }}", rooms: "a {{ target }}" }',
      '"rooms" must be a list',
    ],
    ['- copy: { dest: "/{{ target }}" }', 'fs.copy: give src or content, one of the two'],
    ['- copy: { dest: "{{ target }}", src: "{{ target }}" }', 'nothing'],
  ])('%j: %s', async (yaml, message) => {
    expect(await problems(tasks(yaml))).toContain(message);
  });

  it('that a variable stands in for may be left out where it is defined', async () => {
    const play = tasks('- demo.weather: Berlin', 'hosts: barman');
    expect(await problems(play)).toBe('nothing');
    const found = await problems(play, { hostVars: new Map() });
    expect(found).toMatchInlineSnapshot(`
      "demo.weather needs "port", or the variable pg_port
      at site.yml:3:21"
    `);
  });

  it('may come from module_defaults, of which the same is asked', async () => {
    const defaults = (text: string) =>
      tasks('- demo.weather: { state: on }', `hosts: all\nmodule_defaults: { ${text} }`);
    expect(await problems(defaults('demo: { city: Berlin, port: 1 }'))).toBe('nothing');
    expect(await problems(defaults('demo.weather: { city: Berlin }, fs: { owner: postgres }'))).toBe(
      'nothing',
    );
    expect(await problems(defaults('demo.weather: { city: Berlin, prt: 1 }'))).toContain(
      'module_defaults: demo.weather has no param "prt" (did you mean "port"?)',
    );
    expect(await problems(defaults('demo: { city: [1] }'))).toContain('"city" must be a text, but is a list');
  });
});

describe('names', () => {
  it.each([
    [
      tasks('- debug: x', 'hosts: patronii'),
      'the inventory has no host and no group "patronii" (did you mean "patroni"?)',
    ],
    [
      tasks('- debug: x\n  delegate_to: db3'),
      'delegate_to: the inventory has no host "db3" (did you mean "db1"?)',
    ],
    [tasks('- debug: x\n  notify: reload'), 'notify: the play has no handler "reload"'],
    [tasks('- set_fact: { my-fact: 1 }'), '"my-fact" cannot be the name of a variable'],
    [tasks('- set_fact: { hostvars: 1 }'), '"hostvars" is set by pitr itself'],
    [
      `${tasks('- debug: x')}  handlers: [{ name: a, debug: x }, { name: a, debug: y }]\n`,
      'two handlers are called "a"',
    ],
    [
      `${tasks('- debug: x\n  notify: rload')}  handlers: [{ name: reload, debug: x }]\n`,
      'has no handler "rload" (did you mean "reload"?)',
    ],
  ])('case %#: %s', async (yaml, message) => {
    expect(await problems(yaml)).toContain(message);
  });

  it('a tag on the command line must be one of the playbook', async () => {
    const play = tasks('- debug: x\n  tags: [prepare, restore]');
    expect(await problems(play, { tags: ['prepare', 'always'], skipTags: ['restore'] })).toBe('nothing');
    expect(await problems(play, { tags: ['prepar'] })).toMatchInlineSnapshot(`
      "--tags: no task has the tag "prepar" (did you mean "prepare"?)
      it has: prepare, restore"
    `);
  });

  it('a pattern is matched by the inventory where it is given', async () => {
    const play = tasks('- debug: "{{ barman_user }}"', 'hosts: "barm*"');
    expect(await problems(play, { matchHosts: () => ['barman'] })).toBe('nothing');
    expect(await problems(play, { matchHosts: () => ['db1'] })).toContain('undefined variable "barman_user"');
  });
});

describe('variables of the command line', () => {
  const files = {
    'site.yml': tasks(
      '- debug: "{{ moment }} {{ default extra_word 1 }}"',
      'hosts: patroni\ndefaults_files: defaults.yml',
    ),
    'defaults.yml': 'moment: latest\nstall: 300\n',
  };

  it('a mistyped one is refused: the one that was meant would keep its default', async () => {
    expect(await problems(files, { extraVars: { momnt: '2026-11-22' } })).toContain(
      '-e momnt: nothing reads a variable of that name (did you mean "moment"?)',
    );
  });

  it.each([
    ['a default', 'stall'],
    ['a variable that the playbook reads and no file sets', 'extra_word'],
    ['a variable of the inventory', 'only_db'],
    ['a variable that looks like none of the playbook', 'ticket_number'],
  ])('%s passes', async (_, name) => {
    expect(await problems(files, { extraVars: { [name]: 'x' } })).toBe('nothing');
  });
});

describe('creates and removes', () => {
  it('are refused as patterns, which no path is called: the guard would never hold', async () => {
    const refused = await problems(
      tasks(`
- { core.command: tar xf /srv/a.tar, args: { creates: /srv/app-* } }
- core.shell: rm -r /srv/old-? removes=/srv/old-?
- { core.shell: make, args: { creates: "/srv/[ab]", removes: /srv/plain.d } }`),
    );
    for (const [module, param] of [
      ['core.command', 'creates'],
      ['core.shell', 'removes'],
      ['core.shell', 'creates'],
    ])
      expect(refused).toContain(
        `${module}: "${param}" expected the very name of a path, without "*", "?" or "["`,
      );
    expect(refused).toContain('core.shell a check: `ls -d /srv/app-*` in place of creates');
    expect(refused.match(/very name/g)).toHaveLength(3);
  });
});

describe('check_mode: false', () => {
  it('is refused where a module changes something, also from a block around it', async () => {
    const refused = await problems(
      tasks(`
- { core.command: ls, check_mode: false }
- check_mode: false
  block:
    - fs.stat: /a
    - fs.copy: { dest: /a, content: a }`),
    );
    expect(refused).toContain('check_mode: false is for tasks that only look, and "core.command" is');
    expect(refused).toContain('and "fs.copy" is there to change something: --check never writes');
    expect(refused).not.toContain('fs.stat');
  });

  it('is taken where a module only looks, or needs no host', async () => {
    const yaml = tasks(`
- { demo.weather: Bern, check_mode: false }
- { core.debug: { msg: seen }, check_mode: false }`);
    expect(await problems(yaml)).toBe('nothing');
  });
});
