import { z } from 'zod';
import { PitrError } from '../../base/errors/pitr-error.ts';
import { Unknown } from '../../base/values/unknown.ts';
import type { WriteHost } from '../../contract/host.ts';
import { defineModule } from '../../contract/module.ts';
import { dismissGuests } from '../../recovery/patroni/closed-access.ts';
import type { TriedLogin } from '../../recovery/patroni/logins.ts';
import { memberName, patroniParams, patroniSuperuserParam, roleName } from '../../recovery/patroni/params.ts';
import {
  type LoginQuestion,
  loginsUntried,
  neededUntried,
  proveLogins,
} from '../../recovery/patroni/prove-logins.ts';
import { allowedOf } from '../../recovery/postgres/allowed-roles.ts';
import { postgresResource } from '../../recovery/postgres/instance-resource.ts';
import { absolutePath, barmanServer, instanceParams } from '../../recovery/postgres/params.ts';
import { reloadRules } from '../../recovery/postgres/reload.ts';
import { type Role, readRoles, roleDifference, roleStatements } from '../../recovery/postgres/role-like.ts';
import { programsOf, runSecretSql, type SessionTarget } from '../../recovery/postgres/sql.ts';

const params = z.strictObject({
  members: z
    .array(
      z.strictObject({
        name: memberName,
        config: absolutePath.default('/etc/patroni/patroni.yml'),
        pgdata: absolutePath,
        user: z.string().min(1).default('postgres'),
      }),
    )
    .default([])
    .describe('the other members, by their hosts: where the configuration of Patroni and the data lie'),
  barman_host: z
    .string()
    .optional()
    .describe("Barman's host in the inventory")
    .meta({ variable: 'barman_host' }),
  barman_server: barmanServer
    .optional()
    .describe('the Barman server of this node')
    .meta({ variable: 'barman_server' }),
  barman_user: z
    .string()
    .default('barman')
    .describe('the OS user that Barman runs as')
    .meta({ variable: 'barman_user' }),
  leader: memberName.optional().describe('who leads now, and knows the roles as they are today'),
  leader_pgdata: absolutePath.optional().describe('its data directory'),
  sync: z
    .boolean()
    .default(false)
    .describe(
      'true: a role that is refused gets the password and the attributes that it has on the leader now; one that is missing is made',
    ),
  rules: z
    .array(z.string())
    .optional()
    .describe("rules of pg_hba.conf that Patroni's dynamic configuration has, and will write"),
  roles: z
    .array(roleName)
    .min(1)
    .default(['postgres'])
    .describe(
      'database roles that the closed instance lets in from its own host, as postgres.start was told',
    ),
  ways: z.array(z.string()).default([]).describe('what can be done where one is refused, line by line'),
  ways_untried: z
    .array(z.string())
    .default(['Then run again.', 'To go on without that proof: -e prove_logins=false'])
    .describe('the same where one that the members need could not be tried'),
  superuser: patroniSuperuserParam,
  config: patroniParams.config,
  ...instanceParams,
});

type Params = z.output<typeof params>;

export const module = defineModule({
  summary: 'Proves on a closed node that everybody gets in whom the cluster and its backups need.',
  description:
    'Passwords are those of the moment that was recovered. Each login is tried from the host that it comes from, with ' +
    "that host's own settings, which stay there: Patroni's superuser on the node, the roles of replication and pg_rewind " +
    "from every other member, those of Barman's conninfo and streaming_conninfo from its host. For these seconds they " +
    'are let in from there by the rules of the cluster, but to no database in which they could write; then the node is ' +
    "closed again, and what they have opened is ended. What is refused is told in PostgreSQL's own words, and the task " +
    'refuses. It does so too where a login that the members need cannot be tried: its password is neither in the ' +
    'configuration of Patroni nor in the environment of one that runs. With `sync` a role that is refused first gets ' +
    'what it has on the leader now, by the hash that PostgreSQL keeps, which is in no log, journal or command line.',
  examples: `- patroni.logins:
    members: [{ name: db1, pgdata: /srv/pg/db1 }, { name: db3, pgdata: /srv/pg/db3 }]
    leader: db1
    leader_pgdata: /srv/pg/db1`,
  params,
  returns: {
    proved: 'logins that were let in: role, use, from',
    untried: 'those that could not be tried, each with untried, the reason',
    synced: 'roles that were made what they are on the leader',
  },
  read: (host, p: Params) => host.look(postgresResource, p.pgdata),
  plan: (state, p) => {
    const known = state instanceof Unknown ? undefined : state;
    if (known !== undefined && (!known.running || known.mode !== 'closed')) {
      throw new PitrError({
        kind: 'refused',
        code: 'not-closed',
        message: `PostgreSQL on ${p.pgdata} ${known.running ? `runs ${known.mode}, not closed` : 'does not run'}`,
        next: ['Start it with postgres.start and mode: closed first.'],
      });
    }
    const bin = p.bin ?? known?.programs;
    return {
      summary: p.sync
        ? `try every login that the cluster needs; a role that is refused gets what it has on ${p.leader ?? 'the leader'} now`
        : 'try every login that the cluster needs',
      pgdata: p.pgdata,
      user: p.user,
      ...(bin === undefined ? {} : { bin }),
      ...allowedOf({ ...p, patroni_config: p.config }),
    };
  },
  predict: () => ({}),
  apply: async (host, change, p, context) => {
    const ref = { ...change, bin: programsOf({ ...p, bin: change.bin }, undefined) };
    const own = { name: host.name, config: p.config, pgdata: p.pgdata, user: p.user };
    const question: LoginQuestion = {
      ref,
      own,
      members: p.members,
      allowed: change,
      ...(p.barman_host === undefined || p.barman_server === undefined
        ? {}
        : { barman: { host: p.barman_host, server: p.barman_server, user: p.barman_user } }),
      ...(p.rules === undefined ? {} : { rules: p.rules }),
    };
    let synced: readonly string[] = [];
    const tried = await proveLogins(host, question, context, async (refused) => {
      if (!p.sync) return false;
      synced = await makeLike(host, ref, leaderOf(p), rolesOf(refused), context.signal);
      return synced.length > 0;
    });
    const refused = tried.filter(({ error }) => error !== undefined);
    if (refused.length > 0) throw await notLetIn(host, ref, p, refused);
    const needed = neededUntried(tried);
    if (needed.length > 0) throw loginsUntried(host.name, needed, words, p.ways_untried);
    const untried = tried.filter((one) => one.untried !== undefined);
    for (const one of untried)
      context.warn(`it could not be proved that ${words(one)} gets into PostgreSQL: ${one.untried}`);
    return {
      proved: tried
        .filter((one) => one.untried === undefined)
        .map(({ role, use, from }) => ({ role, use, from })),
      untried: untried.map(({ role, use, from, untried: why }) => ({ role, use, from, untried: why })),
      synced,
    };
  },
  undo: async (host, change, context) => {
    const seen = await postgresResource.read(host, change.pgdata);
    if (!seen.running || seen.mode !== 'closed') return;
    const bin = programsOf({ pgdata: change.pgdata, bin: change.bin }, seen.programs);
    await dismissGuests(host, { ...change, bin }, change);
    await reloadRules(host, { ...change, bin }, context.signal);
  },
});

interface LeaderRef {
  readonly host: string;
  readonly pgdata: string;
}

function leaderOf({ leader, leader_pgdata: pgdata }: Params): LeaderRef | undefined {
  return leader === undefined || pgdata === undefined ? undefined : { host: leader, pgdata };
}

function rolesOf(tried: readonly TriedLogin[]): readonly string[] {
  return [...new Set(tried.map(({ role }) => role).filter((role) => role !== ''))];
}

interface Roles {
  readonly there: ReadonlyMap<string, Role>;
  readonly today: ReadonlyMap<string, Role>;
}

/** The roles on the recovered node and on the leader; nothing where nobody leads who could be asked. */
async function bothRoles(
  host: WriteHost,
  session: SessionTarget,
  leader: LeaderRef | undefined,
  names: readonly string[],
): Promise<Roles | undefined> {
  if (leader === undefined) return undefined;
  const today = await readRoles(host.peer(leader.host), { ...session, pgdata: leader.pgdata }, names);
  const groups = [...today.values()].flatMap(({ memberOf }) => memberOf);
  return { today, there: await readRoles(host, session, [...names, ...groups]) };
}

/** Gives each role what it has on the leader; the names of those that it could give something. */
async function makeLike(
  host: WriteHost,
  session: SessionTarget,
  leader: LeaderRef | undefined,
  names: readonly string[],
  signal: AbortSignal,
): Promise<readonly string[]> {
  const roles = await bothRoles(host, session, leader, names);
  if (roles === undefined) return [];
  const wanted = [...roles.today.values()].map((role) => ({
    ...role,
    memberOf: role.memberOf.filter((group) => roles.there.has(group)),
  }));
  const statements = wanted.flatMap((role) => roleStatements(roles.there.get(role.name), role));
  if (statements.length > 0) await runSecretSql(host, session, statements, 30_000, signal);
  return wanted.map(({ name }) => name);
}

async function notLetIn(
  host: WriteHost,
  session: SessionTarget,
  p: Params,
  refused: readonly TriedLogin[],
): Promise<PitrError> {
  const names = rolesOf(refused);
  const roles = await bothRoles(host, session, leaderOf(p), names);
  const differences = names.flatMap((name) => {
    const why =
      roles === undefined ? undefined : roleDifference(roles.there.get(name), roles.today.get(name));
    return why === undefined ? [] : [`${name}: ${why}.`];
  });
  return new PitrError({
    kind: 'refused',
    code: 'logins-refused',
    message: `the recovered node does not let in ${refused.map(words).join('; ')}`,
    details: [
      'The cluster and its backups need that after the cut-over. Passwords are those of the moment that was recovered.',
      ...differences,
      ...refused.map((one) => `${words(one)}: ${one.error}`),
    ],
    host: host.name,
    state: 'This task has stopped nothing.',
    // What the task says with `ways:`. In pitr's playbooks: take today's passwords with pitr resume {run id} -e
    // sync_logins=true, or set them on the node and pitr resume {run id}, or go back with pitr play rollback.yml
    // -e target={node}
    next: p.ways,
  });
}

const USES: Readonly<Record<TriedLogin['use'], string>> = {
  superuser: "Patroni's superuser",
  replication: 'for replication',
  rewind: 'for pg_rewind',
  conninfo: "Barman's conninfo",
  streaming_conninfo: "Barman's streaming_conninfo",
};

function words({ role, use, from }: TriedLogin): string {
  return `${role === '' ? 'nobody' : role} from ${from} (${USES[use]})`;
}
