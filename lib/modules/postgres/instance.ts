import { z } from 'zod';
import { defined } from '../../base/values/defined.ts';
import { known } from '../../contract/known.ts';
import { defineLook } from '../../contract/module.ts';
import { wasIsolated } from '../../recovery/postgres/instance.ts';
import { postgresResource } from '../../recovery/postgres/instance-resource.ts';
import { instanceParams } from '../../recovery/postgres/params.ts';

const params = z.strictObject({ ...instanceParams });

type Params = z.output<typeof params>;

export const module = defineLook({
  summary: 'Tells whether and how PostgreSQL runs on a data directory.',
  description: 'By the processes that work in the directory, not by the files that a crash leaves behind.',
  examples: `- postgres.instance:
  register: instance
- core.assert:
    that: instance.running && instance.mode == "isolated"`,
  params,
  returns: {
    data: 'present or absent',
    data_directory: 'that was looked at',
    running: 'whether a process works in it',
    mode: 'isolated, closed or open; of a stopped instance, how a plain start would open it',
    stopped_isolated: 'whether it is stopped, and is a recovery that was isolated when it ran last',
    role: 'primary or recovering, as the control file says',
    timeline: 'of the latest checkpoint, as the control file says',
    pid: 'of the postmaster',
    port: 'that names its socket',
    socket_directory: 'where its socket lies',
    programs: 'directory of the programs of its version',
    version: 'its major version',
    user: 'the operating system user that it runs as',
  },
  dependsOn: (p: Params) => [{ kind: 'postgres', id: p.pgdata }],
  read: async (host, p) => {
    const seen = known(await host.look(postgresResource, p.pgdata));
    return defined({
      data: seen.data,
      data_directory: p.pgdata,
      running: seen.running,
      mode: seen.mode,
      stopped_isolated: wasIsolated(seen),
      role: seen.role,
      timeline: seen.control?.timeline,
      pid: seen.pid,
      port: seen.port,
      socket_directory: seen.socketDirectory,
      programs: p.bin ?? seen.programs,
      version: seen.version,
      user: p.user,
    });
  },
});
