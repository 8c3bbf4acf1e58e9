import { z } from 'zod';
import { PitrError } from '../../base/errors/pitr-error.ts';
import { Unknown } from '../../base/values/unknown.ts';
import { defineLook } from '../../contract/module.ts';
import { postgresResource } from '../../recovery/postgres/instance-resource.ts';
import { absolutePath } from '../../recovery/postgres/params.ts';
import { formatLsn } from '../../recovery/wal/lsn.ts';

const params = z.strictObject({
  pgdata: absolutePath.describe('data directory to look at, running or not').meta({ variable: 'pgdata' }),
});

type Params = z.output<typeof params>;

export const module = defineLook({
  summary: 'Tells what the control file of a data directory says, and whether an instance runs on it.',
  description:
    'Reads pg_controldata, postmaster.pid and the processes in one round trip. Fails where there is no data.',
  examples: `- postgres.control:
    pgdata: /var/lib/postgresql/15/patroni2
  register: control
- core.assert:
    that: control.system_id == backup.system_id`,
  params,
  freeForm: 'pgdata',
  returns: {
    system_id: 'database system identifier, as text',
    state: "the control file's words: in production, shut down in recovery, ...",
    role: 'primary or recovering',
    timeline: 'of the latest checkpoint',
    checkpoint_lsn: 'position of the latest checkpoint',
    redo_lsn: 'where replay would begin',
    minimum_recovery_lsn: 'position that recovery must pass before anybody may connect',
    segment_size: 'bytes of a WAL segment',
    checksums: 'whether data pages have checksums',
    settings: 'max_connections and its kin, as the control file has them',
    version: 'major version',
    programs: 'directory of the programs of that version',
    running: 'whether an instance runs on the directory',
    mode: 'isolated, closed or open',
    port: 'of the running instance',
  },
  dependsOn: (p: Params) => [
    { kind: 'postgres', id: p.pgdata },
    { kind: 'path', id: p.pgdata },
  ],
  read: async (host, p) => {
    const instance = await host.look(postgresResource, p.pgdata);
    if (instance instanceof Unknown) return { unknown: instance };
    const { control } = instance;
    if (control === undefined) {
      throw new PitrError({
        kind: 'failed',
        code: 'no-data-directory',
        message:
          instance.data === 'absent'
            ? `no PostgreSQL data in ${p.pgdata}`
            : `the control file in ${p.pgdata} cannot be read: no pg_controldata of its version was found`,
        host: host.name,
        next: [
          instance.data === 'absent'
            ? 'Check pgdata in the inventory.'
            : 'Install that version of PostgreSQL.',
        ],
      });
    }
    return {
      system_id: control.systemId,
      state: control.state,
      role: instance.role,
      timeline: control.timeline,
      checkpoint_lsn: formatLsn(control.checkpointLsn),
      redo_lsn: formatLsn(control.redoLsn),
      minimum_recovery_lsn: formatLsn(control.minimumRecoveryLsn),
      segment_size: control.segmentSize,
      checksums: control.checksums,
      settings: control.settings,
      version: instance.version,
      programs: instance.programs,
      running: instance.running,
      mode: instance.mode,
      port: instance.port,
    };
  },
});
