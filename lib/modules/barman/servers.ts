import { z } from 'zod';
import { defineLook } from '../../contract/module.ts';
import { barmanResource, readCatalogue } from '../../recovery/barman/catalogue.ts';
import { IDLE_WORDS, idleMends, idleStill } from '../../recovery/barman/errors.ts';
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
      'for each: name, description, system_id, wals (directory of its archive), basebackups (of its backups), backups (how many; absent where they could not be read), unread (why not), idle (lines of the configuration for which Barman passes over it: kind, line, file)',
    idle: 'of those that Barman passes over, by name: why, what they are good for all the same (still; absent where nothing), and how they are made to work, in lines (mend)',
  },
  dependsOn: ({ user }) => [{ kind: barmanResource.kind, id: user }],
  read: async (host, { user }) => {
    const { servers } = await readCatalogue(host, user);
    return {
      names: servers.map(({ name }) => name),
      servers: servers.map(({ name, description, systemId, wals, basebackups, backups, unread, idle }) => ({
        name,
        description,
        system_id: systemId,
        wals,
        basebackups,
        ...(unread === undefined ? { backups: backups.length } : { unread: unread.message }),
        idle,
      })),
      idle: Object.fromEntries(
        servers
          .filter(({ idle }) => idle.length > 0)
          .map(({ name, idle }) => [
            name,
            {
              why: idle.map(({ kind }) => IDLE_WORDS[kind]).join(', and '),
              still: idleStill(idle),
              mend: idleMends(idle),
            },
          ]),
      ),
    };
  },
});
