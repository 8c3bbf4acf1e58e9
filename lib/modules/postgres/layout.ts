import { z } from 'zod';
import { defineLook } from '../../contract/module.ts';
import { readMemberConfig } from '../../recovery/patroni/member-config.ts';
import { patroniParams } from '../../recovery/patroni/params.ts';
import { readLayout } from '../../recovery/postgres/layout.ts';
import { instanceParams } from '../../recovery/postgres/params.ts';

const params = z.strictObject({
  pgdata: instanceParams.pgdata,
  user: instanceParams.user,
  patroni_config: patroniParams.config,
});

export const module = defineLook({
  summary:
    'Tells where the parts of a data directory are: itself, its configuration, its WAL, its tablespaces.',
  description:
    'What a recovery renames or starts must be where it can be renamed and started: a mount point cannot, and a ' +
    'configuration outside belongs to the host and not to the data.',
  examples: `- postgres.layout: {}
  register: layout
- core.assert:
    that: "!layout.mount_point"`,
  params,
  returns: {
    mount_point: 'whether the data directory itself is a mount point',
    link: 'where the data directory leads, where it is itself a link',
    has_data: 'whether data lies in it',
    config_dir: "where Patroni keeps PostgreSQL's configuration, where that lies outside",
    config_file: 'the configuration file that its last start was told, where that lies outside',
    wal: 'what pg_wal links to, where it is a link',
    wal_mount_point: 'whether that is a mount point',
    wal_closed: 'the directory above that, where the owner of the data cannot make another one in it',
    wal_closed_of_system:
      'whether that is a directory of the system (/, /srv), which must not be given to anybody',
    tablespaces: 'directories of tablespaces',
    tablespace_oids: 'their numbers',
    data_closed: 'the directory above the data directory, where its owner cannot make another one in it',
    data_closed_of_system: 'whether that is a directory of the system',
    fixed:
      'what keeps it from being moved into another directory, in words: links that would break, mounts in it',
  },
  read: async (host, { pgdata, user, patroni_config }) => {
    const [layout, { configDirectory }] = await Promise.all([
      readLayout(host, pgdata, user),
      readMemberConfig(host, patroni_config),
    ]);
    return { ...layout, ...(configDirectory === undefined ? {} : { config_dir: configDirectory }) };
  },
});
