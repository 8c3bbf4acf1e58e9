import { z } from 'zod';
import { PitrError } from '../../base/errors/pitr-error.ts';
import { defineLook } from '../../contract/module.ts';
import { type LoginTry, tryLogin } from '../../recovery/patroni/login.ts';
import { patroniParams, patroniSuperuserParam } from '../../recovery/patroni/params.ts';
import { instanceParams } from '../../recovery/postgres/params.ts';

const params = z.strictObject({
  superuser: patroniSuperuserParam,
  config: patroniParams.config,
  pgdata: instanceParams.pgdata,
  user: instanceParams.user,
});

type Params = z.output<typeof params>;

export const module = defineLook({
  summary: 'Proves that Patroni gets into the PostgreSQL of its node, before it is started there.',
  description:
    "Logs in on the node as Patroni will: at the address or socket that follows from Patroni's configuration, as its " +
    'superuser, with its own driver and password (which is read there and stays there). A Patroni that is not let in ' +
    'never takes the leader lock. Where that configuration, or a password in it, is not to be had (settings in the ' +
    'environment of the service), it warns.',
  examples: `- postgres.start:
    mode: closed
- patroni.login: {}`,
  params,
  returns: {
    proved: 'whether it was let in; false where that could not be tried',
    user: 'database role that Patroni works as',
    at: 'where it logs in',
  },
  dependsOn: (p: Params) => [{ kind: 'postgres', id: p.pgdata }],
  read: async (host, p, context) => {
    const seen = await tryLogin(host, p);
    if ('untried' in seen) {
      context.warn(
        `it could not be proved that Patroni gets into PostgreSQL on ${p.pgdata}: ${seen.untried}`,
      );
      return { proved: false };
    }
    const { user, at } = seen;
    if (seen.same === true) return { proved: true, user, at };
    if (seen.error?.includes('no password supplied')) {
      context.warn(
        `PostgreSQL on ${p.pgdata} asks ${user ?? 'Patroni'} for a password, and ${p.config} holds none: it could not be proved that Patroni gets in`,
      );
      return { proved: false, user, at };
    }
    throw lockedOut(host.name, p, seen);
  },
});

function lockedOut(host: string, p: Params, { user, at, directory, error }: LoginTry): PitrError {
  const who = `Patroni (${user ?? 'as nobody that its configuration names'}, at ${at})`;
  return new PitrError({
    kind: 'refused',
    code: 'patroni-locked-out',
    message:
      directory === undefined
        ? `${who} would not get into PostgreSQL on ${p.pgdata}`
        : `${who} would get into another PostgreSQL, with its data in ${directory}`,
    details: error === undefined ? [] : error.split('\n'),
    host,
    state: 'This task has stopped nothing.',
    next: [
      `Let Patroni in by a line in pg_hba.conf of ${p.pgdata}, reload PostgreSQL, then run again.`,
      'Where Patroni has its superuser from the environment: set patroni_superuser in the inventory.',
    ],
  });
}
