import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { Secret } from '../../lib/base/values/secret.ts';
import { newDirectory, play } from './support.ts';

const SHOWN = `
- hosts: one
  tasks:
    - core.debug: "pitr play cutover.yml{{ inventory_options }} -e target=one{{ limit_options }}"
`;

describe('a command that a run shows, to go on or back', () => {
  it('has what was given in the place of what the inventory says, and the limit; no secret, and nothing else', async () => {
    const { messages, directory } = await play(SHOWN, {
      extraVars: {
        number: 7,
        ansible_user: "it's me",
        ansible_become_password: 'hunter2hunter2',
        pitr_become_password: new Secret('hunter3hunter3'),
        pitr_connect_timeout: 5,
        target_time: 'latest',
        target: 'one',
      },
      limit: 'all:!two',
    });
    expect(messages.join('\n').replaceAll(directory, 'DIR')).toBe(
      `pitr play cutover.yml -i DIR/inventory.yml -e '{"number":7}' -e 'ansible_user=it'\\''s me' -e 'ansible_become_password=...' -K -e '{"pitr_connect_timeout":5}' -e target=one --limit 'all:!two'`,
    );
  });

  it('has what the way to a host is made of, by whatever name', async () => {
    const directory = await newDirectory();
    const inventory = join(directory, 'hosts.yml');
    await writeFile(
      inventory,
      'all: { hosts: { one: { ansible_connection: local, ansible_become_password: "{{ vault_password }}" } } }\n',
    );
    const extraVars = { vault_password: 'hunter2hunter2', other_password: 'hunter3hunter3' };
    const { messages } = await play(SHOWN, { directory, inventories: [inventory], extraVars });
    expect(messages).toEqual([`pitr play cutover.yml -i ${inventory} -e 'vault_password=...' -e target=one`]);
  });

  it('has the inventory alone where nothing else was given', async () => {
    const { messages, directory } = await play(SHOWN);
    expect(messages.join('\n').replaceAll(directory, 'DIR')).toBe(
      'pitr play cutover.yml -i DIR/inventory.yml -e target=one',
    );
  });

  it('has all of it where a module shows it, which knows no inventory', async () => {
    const directory = await newDirectory();
    await mkdir(join(directory, 'modules', 'site'), { recursive: true });
    await writeFile(
      join(directory, 'modules', 'site', 'refuse.mjs'),
      `export const module = ({ z, defineControl, PitrError }) => defineControl({
        summary: 's', examples: 'e', params: z.strictObject({}),
        run: async () => { throw new PitrError({ kind: 'failed', code: 'no', message: 'no', next: [
          'Copy it anew: pitr play rejoin.yml -e target=one',
          'See who leads: pitr status',
          'Told already: pitr play rejoin.yml -i other.yml',
          'What has been done: pitr runs',
        ] }); },
      });`,
    );
    const { outcome } = await play('- hosts: one\n  tasks: [{ site.refuse: {} }]\n', {
      directory,
      extraVars: { number: 7 },
    });
    expect(outcome.error?.next.map((line) => line.replaceAll(directory, 'DIR'))).toEqual([
      `Copy it anew: pitr play rejoin.yml -i DIR/inventory.yml -e '{"number":7}' -e target=one`,
      `See who leads: pitr status -i DIR/inventory.yml -e '{"number":7}'`,
      'Told already: pitr play rejoin.yml -i other.yml',
      'What has been done: pitr runs',
    ]);
  });
});
