import { z } from 'zod';
import { defineLook } from '../../contract/module.ts';
import { fetchable, loginOf, loginToNode } from '../../recovery/barman/node-access.ts';
import { remoteSshParam, userParam } from '../../recovery/barman/params.ts';
import { login, walMethod } from '../../recovery/postgres/params.ts';

const params = z.strictObject({
  remote_ssh: remoteSshParam
    .optional()
    .describe('on the Barman host: how it logs in to the database node, "ssh -q postgres@db2"'),
  node: z
    .string()
    .optional()
    .describe('with remote_ssh: the inventory name of the node that the login must lead to'),
  user: userParam,
  ssh: login
    .optional()
    .describe('on a database node: how it logs in to Barman, user@host')
    .meta({ variable: 'barman_ssh' }),
  servers: z
    .array(z.string())
    .min(1)
    .optional()
    .describe('on a database node: the Barman servers whose WAL it must be able to fetch')
    .meta({ variable: 'barman_servers' }),
  wal_method: walMethod.describe('on a database node: how WAL is fetched; nothing is to be proved for local'),
  pg_user: z
    .string()
    .default('postgres')
    .describe('on a database node: the OS user that PostgreSQL runs as')
    .meta({ variable: 'pg_user' }),
});

export const module = defineLook({
  summary: 'Proves that Barman and a database node can log in to each other, or refuses.',
  description: `With \`remote_ssh\`, on the Barman host: that Barman's user can log in to the node and finds rsync there; with
\`node\` also that this is the node that the inventory means, and no other host. Without \`remote_ssh\`, on a database node: that PostgreSQL's user can fetch WAL of every server by the chosen method. The methods'
own tests are used, so that keys which allow nothing else pass too.`,
  examples: `- barman.access: { remote_ssh: "{{ restore_ssh }}", node: "{{ inventory_hostname }}" }
  delegate_to: "{{ barman_host }}"

- barman.access: { ssh: barman@barman, servers: [db1, db2] }`,
  params,
  returns: {
    login: 'with remote_ssh: user and host that were reached, rsync there',
    servers: 'on a database node: the servers whose WAL can be fetched',
  },
  read: async (host, { remote_ssh: ssh, node, ...wish }) => {
    if (ssh === undefined) return { servers: await fetchable(host, wish) };
    const login =
      node === undefined
        ? await loginOf(host, ssh, wish.user)
        : await loginToNode(host, ssh, wish.user, host.peer(node));
    return { login: { ...login, host: login.host.name } };
  },
});
