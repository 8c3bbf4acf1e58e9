import { homedir } from 'node:os';
import { expect, it } from 'vitest';
import { saidOfHosts } from '../../../../cli/init/discover-cluster.ts';

it.each([
  ['ansible_ssh_private_key_file', '~/.ssh/id_ed25519', `${homedir()}/.ssh/id_ed25519`],
  ['ansible_private_key_file', 'keys/id', '/here/keys/id'],
  ['pitr_identity_files', ['~/id', 'keys/id'], [`${homedir()}/id`, '/here/keys/id']],
  ['pitr_known_hosts', '/etc/known', '/etc/known'],
  ['pitr_known_hosts', '~other/known', '/here/~other/known'],
  ['ansible_user', '~', '~'],
])('a path that was said of all hosts holds in any file: %s=%s', (name, said, written) => {
  expect(saidOfHosts({ [name]: said, patroni_config: 'p.yml' }, '/here')).toEqual({ [name]: written });
});
