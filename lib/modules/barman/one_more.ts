import { z } from 'zod';
import { defineLook } from '../../contract/module.ts';
import { barmanResource } from '../../recovery/barman/catalogue.ts';
import { deletedWords, readOneMore } from '../../recovery/barman/one-more.ts';
import { serversParam, userParam } from '../../recovery/barman/params.ts';

const params = z.strictObject({
  server: z.string().describe('the Barman server that is to be backed up'),
  servers: serversParam.describe('the Barman servers of its cluster; found by its system id when left out'),
  user: userParam,
});

export const module = defineLook({
  summary: 'Tells what one more backup of a server lets Barman delete, and which runs still hold backups.',
  description: `What barman.create_backup says while it works, told beforehand, so that a playbook can ask. The first backup of a
server deletes all WAL that is archived there before it; a retention policy makes older backups obsolete. Runs hold the backups that they
rest on until they are committed or taken back; WAL that is older than all backups of its server nothing can hold.`,
  examples: `- barman.one_more: "{{ barman_server }}"
  delegate_to: "{{ barman_host }}"
  register: more   # more.deletes`,
  params,
  freeForm: 'server',
  returns: {
    deletes: 'what Barman deletes then, in words; empty where it is nothing',
    first: 'whether it is the first backup, with which all older WAL of the server goes',
    held_for: 'runs that hold backups of this cluster: recoveries that wait, or were not committed',
    held_here: 'those of them that hold a backup of this very server: no WAL after it is deleted',
  },
  dependsOn: ({ user }) => [{ kind: barmanResource.kind, id: user }],
  read: async (host, { server, servers: names, user }) => {
    const more = await readOneMore(host, server, { names, user });
    return {
      deletes: deletedWords(more),
      first: more.first !== undefined,
      held_for: more.holds.runs,
      held_here: more.holds.here,
    };
  },
});
