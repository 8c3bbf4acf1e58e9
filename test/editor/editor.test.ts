import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CONNECTIONS } from '../../lib/language/inventory/connection-vars.ts';
import { runHere } from '../support/run-here.ts';
import { LanguageServer, type Place } from './language-server.ts';

/** An editor on a project that `pitr new project` has made: what it completes, tells and underlines. */
describe('an editor with the schemas of pitr', () => {
  let place: string;
  let server: LanguageServer;

  beforeAll(async () => {
    place = await mkdtemp(join(tmpdir(), 'pitr-editor-'));
    expect(await runHere(place, 'new', 'project', '.')).toMatchObject({ code: 0, stderr: '' });
    server = await LanguageServer.start(place);
  }, 60_000);

  afterAll(async () => {
    await server[Symbol.asyncDispose]();
    await rm(place, { recursive: true, force: true });
  });

  /** Opens a text in which `|` is the cursor. */
  async function open(name: string, marked: string, kind: 'playbook' | 'inventory' = 'playbook') {
    const text = `# yaml-language-server: $schema=.pitr/${kind}.schema.json\n${marked.replace('|', '')}`;
    const before = marked.slice(0, marked.indexOf('|')).split('\n');
    const at: Place = { line: before.length, character: before.at(-1)?.length ?? 0 };
    const file = join(place, name);
    await writeFile(file, text);
    const underlined = (await server.open(file, text)).map(
      ({ message, range }) => `${range.start.line}: ${message}`,
    );
    return { file, at, underlined };
  }

  it('finds nothing wrong in what pitr new has written', async () => {
    for (const [name, kind] of [
      ['site.yml', 'playbook'],
      ['test-site-line.yml', 'playbook'],
      ['inventory.yml', 'inventory'],
    ] as const) {
      const text = (await readFile(join(place, name), 'utf8')).replace(/^# yaml-language-server.*\n/, '');
      expect((await open(name, `${text}|`, kind)).underlined, name).toEqual([]);
    }
  });

  it('completes modules, those of the author too, and the keys of a task', async () => {
    const { file, at } = await open('a.yml', '- hosts: all\n  tasks:\n    - name: x\n      |\n');
    const offered = await server.complete(file, at);
    expect([...offered.keys()]).toEqual(
      expect.arrayContaining(['site.line', 'fs.copy', 'postgres.replay', 'when', 'register']),
    );
    expect(offered.get('site.line')).toContain('Keeps a line in a file.');
  });

  it('completes the params of a module, with what they mean', async () => {
    const { file, at } = await open(
      'b.yml',
      '- hosts: all\n  tasks:\n    - name: x\n      site.line:\n        |\n',
    );
    const offered = await server.complete(file, at);
    expect(offered.get('path')).toContain('the file; made when it is not there');
    expect(offered.has('line')).toBe(true);
  });

  it('tells what is under the cursor', async () => {
    const { file, at } = await open(
      'c.yml',
      '- hosts: all\n  tasks:\n    - fs.co|py: { content: x, dest: /tmp/x }\n      when: true\n',
    );
    expect(await server.hover(file, at)).toContain('fs.copy');
  });

  it.each([
    ['a misspelt key', '- hosts: all\n  taks: []\n|', '2: Property taks is not allowed.'],
    [
      'a misspelt param of an own module',
      '- hosts: all\n  tasks:\n    - site.line: { path: /x, lin: y }\n|',
      '3: Property lin is not allowed.',
    ],
    [
      'a value that a param does not take',
      '- hosts: all\n  tasks:\n    - service.state: { name: x, state: up }\n|',
      '3: Value is not accepted. Valid values: "started", "stopped", "restarted", "reloaded".',
    ],
  ])('underlines %s', async (what, text, message) => {
    const { underlined } = await open(`${what.replaceAll(' ', '-')}.yml`, text);
    expect(underlined.join('\n')).toContain(message);
  });

  it('completes an inventory: keys, how a host is reached, variables of modules', async () => {
    const { file, at } = await open('inv.yml', 'all:\n  hosts:\n    db1:\n      |\n', 'inventory');
    const offered = await server.complete(file, at);
    expect(offered.get('ansible_host')).toContain('its address');
    expect([...offered.keys()]).toEqual(
      expect.arrayContaining(['pgdata', 'patroni_config', 'ansible_connection']),
    );
    expect(offered.has('ansible_become_flags')).toBe(false);
    const own = await open(
      'inv2.yml',
      'all:\n  hosts:\n    db1:\n      my_own: 1\n      pgdata: /x\n|',
      'inventory',
    );
    expect(own.underlined).toEqual([]);
  });

  it.each(Object.keys(CONNECTIONS))('takes each connection that the loader takes: %s', async (connection) => {
    const text = `all:\n  vars: { ansible_connection: ${connection} }\n|`;
    expect((await open(`to-${connection}.yml`, text, 'inventory')).underlined).toEqual([]);
  });

  it.each([
    ['a host beside the groups', 'all:\n  host:\n    db1:\n|', '2: Property host is not allowed.'],
    ['hosts outside any group', 'hosts:\n  db1:\n|', '1: This stands outside any group'],
    [
      'a connection that there is not',
      'all:\n  vars: { ansible_connection: telnet }\n|',
      '2: Value is not accepted.',
    ],
  ])('underlines in an inventory %s', async (what, text, message) => {
    const { underlined } = await open(`${what.replaceAll(' ', '-')}.yml`, text, 'inventory');
    expect(underlined.join('\n')).toContain(message);
  });
});
