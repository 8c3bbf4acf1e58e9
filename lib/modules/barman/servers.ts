import { z } from 'zod';
import { defineLook } from '../../contract/module.ts';
import { barmanResource, readCatalogue } from '../../recovery/barman/catalogue.ts';
import { userParam } from '../../recovery/barman/params.ts';

const params = z.strictObject({ user: userParam });

export const module = defineLook({
  summary: 'Lists the servers that Barman is configured for.',
  examples: `- barman.servers: {}
  delegate_to: "{{ barman_host }}"
  register: barman`,
  params,
  returns: {
    names: 'their names',
    servers:
      'for each: name, description, system_id, wals (directory of its archive), basebackups (of its backups), backups (how many; absent where they could not be read), unread (why not)',
  },
  dependsOn: ({ user }) => [{ kind: barmanResource.kind, id: user }],
  read: async (host, { user }) => {
    const { servers } = await readCatalogue(host, user);
    return {
      names: servers.map(({ name }) => name),
      servers: servers.map(({ name, description, systemId, wals, basebackups, backups, unread }) => ({
        name,
        description,
        system_id: systemId,
        wals,
        basebackups,
        ...(unread === undefined ? { backups: backups.length } : { unread: unread.message }),
      })),
    };
  },
});
