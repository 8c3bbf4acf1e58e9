import { z } from 'zod';
import { PitrError } from '../../base/errors/pitr-error.ts';
import { defineLook } from '../../contract/module.ts';
import { readMemberConfig } from '../../recovery/patroni/member-config.ts';
import { patroniParams } from '../../recovery/patroni/params.ts';
import { layoutProbe, parseLayout } from '../../recovery/postgres/layout.ts';
import { instanceParams } from '../../recovery/postgres/params.ts';
import { evidenceOf } from '../../transport/command-failed.ts';

const params = z.strictObject({ pgdata: instanceParams.pgdata, patroni_config: patroniParams.config });

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
    config_dir: "where Patroni keeps PostgreSQL's configuration, where that lies outside",
    config_file: 'the configuration file that its last start was told, where that lies outside',
    wal: 'what pg_wal links to, where it is a link',
    wal_mount_point: 'whether that is a mount point',
    tablespaces: 'directories of tablespaces',
  },
  read: async (host, { pgdata, patroni_config }) => {
    const [answer, { configDirectory }] = await Promise.all([
      host.query(layoutProbe(pgdata)),
      readMemberConfig(host, patroni_config),
    ]);
    const layout = answer.exitCode === 0 ? parseLayout(answer.stdout, pgdata) : undefined;
    if (layout !== undefined)
      return { ...layout, ...(configDirectory === undefined ? {} : { config_dir: configDirectory }) };
    throw new PitrError({
      kind: 'refused',
      code: 'layout-unknown',
      message: `cannot tell how ${pgdata} is laid out`,
      host: host.name,
      evidence: evidenceOf(answer),
      next: ['Let the task become root or the owner of the data directory (become: true).'],
    });
  },
});
