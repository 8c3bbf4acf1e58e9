import { z } from 'zod';
import { asPitrError, PitrError } from '../../base/errors/pitr-error.ts';
import type { WriteHost } from '../../contract/host.ts';
import type { TaskContext } from '../../contract/module.ts';
import { evidenceOf } from '../../transport/command-failed.ts';
import { askBarmanLogins, type BarmanRef } from '../barman/logins.ts';
import type { Allowed } from '../postgres/allowed-roles.ts';
import { literal } from '../postgres/alter-system.ts';
import { type Guest, PROOF_DATABASE } from '../postgres/hba.ts';
import type { InstanceRef } from '../postgres/instance-control.ts';
import { wordsForMissing } from '../postgres/login-script.ts';
import { reloadRules } from '../postgres/reload.ts';
import { querySql, readOnlySession } from '../postgres/sql.ts';
import { admitGuests, dismissGuests } from './closed-access.ts';
import { ownHost, tryLogin } from './login.ts';
import {
  type LoginSettings,
  type MemberRef,
  type NodeAddress,
  parseTried,
  readLoginSettings,
  type TriedLogin,
  tryMemberLogins,
} from './logins.ts';

/** Who must get into a node that is to lead, and from where. */
export interface LoginQuestion {
  readonly ref: InstanceRef;
  readonly own: MemberRef;
  readonly members: readonly MemberRef[];
  readonly barman?: BarmanRef;
  readonly allowed: Allowed;
  /** The rules that Patroni will write, where its dynamic configuration has some. */
  readonly rules?: readonly string[];
}

/** What is known before anybody is let in. */
interface Guests {
  readonly at: NodeAddress;
  readonly guests: readonly Guest[];
  readonly rules?: readonly string[];
}

const CLOSING_MS = 60_000;

/** Ends whatever a guest has opened meanwhile: it would stay when the rules are closed again. */
const OTHERS_END = `select count(pg_terminate_backend(pid)) from pg_stat_activity
where pid <> pg_backend_pid() and backend_type in ('client backend', 'walsender')`;

/**
 * Tries every login on a closed node, each from the host that it comes from: Patroni's superuser on the node itself, the
 * roles of replication and pg_rewind from each other member, Barman's from its host. For as long as that takes those
 * roles are let in from those hosts by the cluster's own rules, for replication and to a database that is not there: the
 * old leader still serves, and nobody may write here meanwhile. `between` may mend something, after which all are tried
 * again.
 */
export async function proveLogins(
  host: WriteHost,
  question: LoginQuestion,
  context: Pick<TaskContext, 'signal' | 'warn'>,
  between: (refused: readonly TriedLogin[]) => Promise<boolean>,
): Promise<readonly TriedLogin[]> {
  const { ref, allowed } = question;
  const asked = await guestsOf(host, question);
  // Closed again whatever happens, also when the run is interrupted meanwhile.
  const close = async (): Promise<void> => {
    const after = host.afterwards(CLOSING_MS);
    await dismissGuests(after, ref, allowed);
    await reloadRules(after, ref, AbortSignal.timeout(CLOSING_MS));
    await querySql(after, ref, [OTHERS_END]);
  };
  const trials = async (): Promise<readonly TriedLogin[]> => {
    await admitGuests(host, ref, allowed, asked.guests, asked.rules);
    await reloadRules(host, ref, context.signal);
    const missing = await askForMissing(host, ref);
    const tried = await tryAll(host, question, asked.at, missing);
    const refused = tried.filter(({ error }) => error !== undefined);
    if (refused.length === 0 || !(await between(refused))) return tried;
    return await tryAll(host, question, asked.at, missing);
  };
  let tried: readonly TriedLogin[];
  try {
    tried = await trials();
  } catch (error) {
    await close().catch((thrown: unknown) =>
      context.warn(`the logins that were tried may still get in: ${asPitrError(thrown).message}`),
    );
    throw error;
  }
  await close();
  return tried;
}

async function guestsOf(host: WriteHost, { own, members, barman, rules }: LoginQuestion): Promise<Guests> {
  const settings = await readLoginSettings(host, own);
  const at = 'untried' in settings ? undefined : settings.address;
  if (at === undefined) throw noAddress(host.name, own, settings);
  const guests = await Promise.all([
    ...members.map(async (member): Promise<Guest> => {
      const peer = host.peer(member.name);
      const told = await readLoginSettings(peer, member);
      const { roles, database } = 'untried' in told ? { roles: [], database: 'postgres' } : told;
      return { roles, databases: [database], host: await ownHost(peer) };
    }),
    ...(barman === undefined ? [] : [barmanGuest(host, barman, at)]),
  ]);
  const managed = ('rules' in settings ? settings.rules : undefined) ?? rules;
  return { at, guests, ...(managed === undefined ? {} : { rules: managed }) };
}

async function barmanGuest(host: WriteHost, barman: BarmanRef, at: NodeAddress): Promise<Guest> {
  const peer = host.peer(barman.host);
  const told = await askBarmanLogins(peer, barman, at, 'tell');
  const logins = typeof told === 'string' ? parseTried(told, barman.host) : [];
  return {
    roles: [...new Set(logins.map(({ role }) => role).filter((role) => role !== ''))],
    databases: logins.flatMap(({ database }) => database ?? []),
    host: await ownHost(peer),
  };
}

async function tryAll(
  host: WriteHost,
  { ref, own, members, barman, allowed }: LoginQuestion,
  at: NodeAddress,
  missing: string,
): Promise<readonly TriedLogin[]> {
  const tried = await Promise.all([
    trySuperuser(host, own, allowed.superuser, ref),
    ...members.map((member) => tryMemberLogins(host.peer(member.name), member, at, missing)),
    ...(barman === undefined ? [] : [tryBarman(host, barman, at, missing)]),
  ]);
  return withoutTheirDatabase(host, ref, tried.flat());
}

/** How this server says that a database is not there, to somebody whom it lets in. Throws where it does not. */
async function askForMissing(host: WriteHost, ref: InstanceRef): Promise<string> {
  const asked = await host.query(readOnlySession({ ...ref, database: PROOF_DATABASE }, ['select 1']));
  const words = wordsForMissing(asked.stderr);
  if (words !== undefined) return words;
  throw new PitrError({
    kind: 'failed',
    code: 'logins-not-proved',
    message: `PostgreSQL on ${ref.pgdata} does not say that database "${PROOF_DATABASE}" is not there, and no login can be tried without that`,
    host: host.name,
    evidence: evidenceOf(asked),
    state: 'This task has stopped nothing.',
    next: ['To go on without that proof: -e prove_logins=false'],
  });
}

/** Whom PostgreSQL lets in may still be kept out of the database that the login names. */
async function withoutTheirDatabase(
  host: WriteHost,
  ref: InstanceRef,
  tried: readonly TriedLogin[],
): Promise<readonly TriedLogin[]> {
  const known = tried.flatMap(({ role, database, error, untried }) =>
    database === undefined || error !== undefined || untried !== undefined ? [] : [{ role, database }],
  );
  if (known.length === 0) return tried;
  const rows = known.map(({ role, database }) => `(${literal(role)}, ${literal(database)})`).join(', ');
  const answer = await querySql(host, ref, [
    `select coalesce(json_agg(json_build_object('role', role, 'database', wanted, 'error', case when datname is null
       then format('database "%s" does not exist', wanted)
       else format('permission denied for database "%s"', wanted) end)), '[]')
     from (values ${rows}) as login(role, wanted)
     left join pg_database on datname = wanted left join pg_roles on rolname = role
     where datname is null or not datallowconn or datconnlimit = 0
       or rolname is not null and not has_database_privilege(rolname, datname, 'connect')`,
  ]);
  const refused = z
    .array(z.object({ role: z.string(), database: z.string(), error: z.string() }))
    .parse(JSON.parse(answer));
  return tried.map((one) => {
    const why = refused.find(({ role, database }) => role === one.role && database === one.database);
    return why === undefined ? one : { ...one, error: why.error };
  });
}

async function trySuperuser(
  host: WriteHost,
  own: MemberRef,
  superuser: string | undefined,
  { pgdata, user }: InstanceRef,
): Promise<readonly TriedLogin[]> {
  const seen = await tryLogin(host, { config: own.config, superuser, pgdata, user });
  const use = 'superuser' as const;
  if ('untried' in seen) return [{ role: superuser ?? '', use, from: host.name, untried: seen.untried }];
  const one = { role: seen.user ?? '', use, from: host.name };
  if (seen.same === true) return [one];
  if (seen.error?.includes('no password supplied')) return [{ ...one, untried: seen.error }];
  return [{ ...one, error: seen.error ?? `another PostgreSQL answers, with its data in ${seen.directory}` }];
}

async function tryBarman(
  host: WriteHost,
  barman: BarmanRef,
  at: NodeAddress,
  missing: string,
): Promise<readonly TriedLogin[]> {
  const told = await askBarmanLogins(host.peer(barman.host), barman, at, { missing });
  return typeof told === 'string'
    ? parseTried(told, barman.host)
    : [{ role: '', use: 'conninfo', from: barman.host, error: told.untried }];
}

/** Logins that the members need, and that could not be tried: they count as refused. */
export function neededUntried(tried: readonly TriedLogin[]): readonly TriedLogin[] {
  return tried.filter(({ untried, error, needed }) => untried !== undefined && error === undefined && needed);
}

/** `words`: what each login is called. */
export function loginsUntried(
  host: string,
  untried: readonly TriedLogin[],
  words: (login: TriedLogin) => string,
  ways: readonly string[],
): PitrError {
  const where = untried.map(({ use, from }) =>
    use === 'replication' || use === 'rewind'
      ? `postgresql.authentication.${use} on ${from} (or PATRONI_${use.toUpperCase()}_PASSWORD where Patroni runs)`
      : `${use} on ${from}`,
  );
  return new PitrError({
    kind: 'refused',
    code: 'logins-not-proved',
    message: `it cannot be told whether the recovered node lets in ${untried.map(words).join('; ')}`,
    details: [
      'The other members are copied and stream with the login for replication, and follow a later change of leader with that for pg_rewind.',
      ...untried.map((one) => `${words(one)}: ${one.untried}`),
    ],
    host,
    state: 'This task has stopped nothing.',
    next: [`Write role and password into Patroni's configuration: ${where.join(', ')}.`, ...ways],
  });
}

function noAddress(
  host: string,
  { config }: MemberRef,
  settings: LoginSettings | { readonly untried: string },
): PitrError {
  return new PitrError({
    kind: 'refused',
    code: 'logins-not-proved',
    message: `it is not known how the other hosts reach PostgreSQL on ${host}, so their logins cannot be tried`,
    details: [
      'untried' in settings
        ? settings.untried
        : `${config} names no postgresql.connect_address that another host could use.`,
    ],
    host,
    state: 'This task has stopped nothing.',
    next: [
      `Name the node's address there (postgresql.connect_address), then run again.`,
      'To go on without that proof: -e prove_logins=false',
    ],
  });
}
