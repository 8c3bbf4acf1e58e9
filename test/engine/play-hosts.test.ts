import { mkdir, writeFile } from 'node:fs/promises';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { newDirectory, play } from './support.ts';

const hostsOf = async (yaml: string, files: Readonly<Record<string, string>>) => {
  const directory = await newDirectory();
  for (const [name, text] of Object.entries(files)) {
    await mkdir(join(directory, name, '..'), { recursive: true });
    await writeFile(join(directory, name), text);
  }
  return play(yaml, { directory, inventories: [join(directory, 'hosts.yml')] });
};

it('localhost that no inventory names has the variables of all hosts and its own, as in Ansible', async () => {
  const files = {
    'hosts.yml':
      'all: { hosts: { one: }, vars: { a: all, ansible_connection: docker, ansible_become: yes } }',
    'group_vars/all.yml': 'b: all\nc: all\n',
    'group_vars/ungrouped.yml': 'c: ungrouped\n',
    'host_vars/localhost.yml': 'd: own\n',
    'defaults.yml': 'a: default\nb: default\nc: default\nd: default\n',
  };
  const yaml = `
- hosts: localhost
  defaults_files: [defaults.yml]
  tasks:
    - { core.debug: "{{ a }} {{ b }} {{ c }} {{ d }}" }
`;
  expect((await hostsOf(yaml, files)).messages).toEqual(['all all all own']);
});

it('what a play on localhost finds is read by those behind it, whether an inventory names it or not', async () => {
  const yaml = `
- hosts: localhost
  tasks: [{ core.set_fact: { found: moment } }]
- hosts: one
  tasks:
    - core.debug: "{{ default hostvars.localhost.found 'latest' }} {{ lookup (lookup hostvars inventory_hostname) 'own' }} {{ length hostvars }}"
    - core.assert: { that: ['hostvars.localhost.found == "moment"', '"localhost" in hostvars'] }
`;
  const hosts = (more: string) => ({
    'hosts.yml': `all: { vars: { ansible_connection: local }, hosts: { one: { own: 1 }${more} } }`,
  });
  expect((await hostsOf(yaml, hosts(''))).messages[0]).toBe('moment 1 1');
  expect((await hostsOf(yaml, hosts(', localhost: '))).messages[0]).toBe('moment 1 2');
});

it('a pattern takes no variable that differs from host to host', async () => {
  const yaml = `
- hosts: "{{ peer }}"
  tasks:
    - { core.debug: "{{ inventory_hostname }}" }
`;
  const hosts = (one: string, two: string) => ({
    'hosts.yml': `all: { vars: { ansible_connection: local }, hosts: { one: { peer: ${one} }, two: { peer: ${two} } } }`,
  });
  expect((await hostsOf(yaml, hosts('two', 'two'))).messages).toEqual(['two']);
  await expect(hostsOf(yaml, hosts('two', 'one'))).rejects.toMatchObject({
    kind: 'validation',
    message: expect.stringContaining('peer'),
  });
});

it('the name of a file of variables takes what all hosts share, and says where a variable of one host stands', async () => {
  const yaml = (file: string) => `
- hosts: all
  vars_files: ["${file}"]
  tasks:
    - { core.debug: "{{ inventory_hostname }} {{ port }}" }
`;
  const files = (other: string) => ({
    'hosts.yml': `all: { vars: { ansible_connection: local, env: prod }, hosts: { one: , two: ${other} } }`,
    'vars/prod.yml': 'port: 5432\n',
    'vars/test.yml': 'port: 6432\n',
  });
  for (const file of ['vars/{{ env }}.yml', '{{ playbook_dir }}/vars/prod.yml'])
    expect((await hostsOf(yaml(file), files(''))).messages).toEqual(['one 5432', 'two 5432']);
  for (const name of ['env', 'inventory_hostname'])
    await expect(hostsOf(yaml(`vars/{{ ${name} }}.yml`), files('{ env: test }'))).rejects.toMatchObject({
      code: 'vars-file-differs',
      message: expect.stringContaining(`needs "${name}", which`),
      next: [expect.stringContaining('host_vars/HOST.yml')],
    });
});

it('nobody becomes another user on a host that says ansible_become: false, also where tasks are delegated to it', async () => {
  const files = {
    'hosts.yml':
      'all: { vars: { ansible_connection: local }, hosts: { one: { ansible_become: "no" }, two: { ansible_become: } } }',
  };
  const yaml = `
- hosts: all
  become: true
  become_user: no-such-user
  tasks:
    - { core.command: [id, -un], when: inventory_hostname == "one", register: here }
    - { core.command: [id, -un], delegate_to: one, register: there }
    - { core.debug: "{{ default here.stdout '-' }} {{ there.stdout }}" }
    - { core.command: [id, -un], when: inventory_hostname == "two" }
`;
  const { username } = userInfo();
  const { messages, outcome } = await hostsOf(yaml, files);
  expect(messages).toEqual([`${username} ${username}`, `- ${username}`]);
  expect(outcome.error).toMatchObject({ host: 'two' });
});
