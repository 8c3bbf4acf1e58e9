import { z } from 'zod';
import { PitrError } from '../../base/errors/pitr-error.ts';
import { defineLook } from '../../contract/module.ts';
import { probeScript } from '../../contract/probe.ts';
import { absolutePath } from '../../recovery/postgres/params.ts';
import { parseVersion } from '../../recovery/postgres/version.ts';
import { evidenceOf } from '../../transport/command-failed.ts';

const params = z.strictObject({
  bin: absolutePath.describe('directory of the programs').meta({ variable: 'pg_bin' }),
});

const ASK_VERSION = probeScript('"$1"/postgres --version');

export const module = defineLook({
  summary: 'Tells of which version the PostgreSQL programs of a host are.',
  examples: `- postgres.version: { bin: "{{ pg_bin }}" }
  register: programs
- core.assert:
    that: programs.major == base.postgresql_major`,
  params,
  freeForm: 'bin',
  returns: { version: 'as they say it: 15.18', major: '15 for 15.18' },
  read: async (host, { bin }) => {
    const answer = await host.query(ASK_VERSION([bin]));
    const told = parseVersion(answer.stdout);
    if (answer.exitCode === 0 && told !== undefined) return { ...told };
    throw new PitrError({
      kind: 'failed',
      code: 'postgres-version-unknown',
      message: `${bin}/postgres does not say of which version it is`,
      host: host.name,
      evidence: evidenceOf(answer),
      next: ['Set pg_bin of the host in the inventory to the directory of its PostgreSQL programs.'],
    });
  },
});
