import { userInfo } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { asPitrError } from '../../lib/base/errors/pitr-error.ts';
import { productPlaybooks } from '../../lib/language/playbook/assets.ts';
import { newDirectory, play } from '../engine/support.ts';
import { withBarman } from '../modules/barman-here.ts';

/** How the product's own task judges the target's server, with these lines in its configuration. */
async function judged(server: string, lines: string) {
  const dir = await newDirectory();
  const yaml = `- hosts: one
  tasks:
    - import_tasks: ${join(productPlaybooks(), 'tasks/can-archive.yml')}
`;
  const files = { '.barman.conf': `[barman]\nbarman_home = ${dir}/home\n[db1]\n${lines}\n` };
  const extraVars = {
    target: 'one',
    barman_host: 'one',
    barman_server: server,
    barman_user: userInfo().username,
  };
  const error = await withBarman({ dir }, '{"db1": {"description": ""}}', files, () =>
    play(yaml, { extraVars }).then(
      ({ outcome }) => outcome.error,
      (thrown: unknown) => asPitrError(thrown),
    ),
  );
  const { code, message, details = [], next = [] } = error ?? {};
  return { code, message, details: details[0], next: next[0]?.trim().replace(dir, 'HOME') };
}

it.each([
  ['db1', '', { code: undefined }],
  ['db1', 'active = true', { code: undefined }],
  [
    'db1',
    'active = off',
    {
      code: 'server-of-target-idle',
      message: 'Barman archives nothing for server "db1", the one of one: it is switched off',
      // Barman gives nothing of such a server.
      details: 'Nothing that one writes as leader would be archived.',
      next: 'Put active = true for "active = off" in HOME/.barman.conf.',
    },
  ],
  [
    'db1',
    'primary_ssh_command = ssh barman@a',
    {
      code: 'server-of-target-idle',
      message:
        'Barman archives nothing for server "db1", the one of one: it is a copy of a server of another Barman, and has no archiver of its own',
      details:
        'Nothing that one writes as leader would be archived. What it holds can be recovered from all the same.',
      next: 'Remove "primary_ssh_command = ssh barman@a" in HOME/.barman.conf.',
    },
  ],
  ['db9', '', { code: 'no-server-of-target' }],
])(
  'before a cut-over Barman must archive for the server of the target: %s, %j',
  async (server, lines, expected) => {
    expect(await judged(server, lines)).toMatchObject(expected);
  },
);
