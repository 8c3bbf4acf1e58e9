import type { ReadHost } from '../../contract/host.ts';
import { probeScript } from '../../contract/probe.ts';
import { LET_IN } from '../postgres/login-script.ts';
import { READ_COMMITTED } from '../postgres/sql.ts';
import { record, text } from './cluster.ts';
import { PATRONI_LOGINS, patroniPython } from './config-file.ts';

/** What a login is for. */
export type LoginUse = 'superuser' | 'replication' | 'rewind' | 'conninfo' | 'streaming_conninfo';

/** A login that the cluster or its backups need, as it was tried from the host that it comes from. */
export interface TriedLogin {
  readonly role: string;
  readonly use: LoginUse;
  readonly from: string;
  /** The database that it names; none where it replicates. */
  readonly database?: string;
  /** Why it was not let in, in libpq's words, or why that could not be known; absent where it was let in. */
  readonly error?: string;
  /** Why it could not be tried: its password is neither in the configuration nor in the environment of Patroni. */
  readonly untried?: string;
  /**
   * Whether it is needed: by a member for replication, and for pg_rewind where that has a role of its own; by Barman where it
   * streams. Absent where that is not known, as where no Patroni runs whose environment could be read.
   */
  readonly needed?: boolean;
}

/** Where a node is reached by the others. */
export interface NodeAddress {
  readonly host: string;
  readonly port: number;
}

/**
 * Python: what of PostgreSQL's settings lies in the DCS is in the file that Patroni keeps beside the data; its own file
 * wins, and over that its environment. `logins`: the roles that others log in with on a node that leads, by use.
 */
const SETTINGS = `${PATRONI_LOGINS}
import json
pgdata = sys.argv[2]
own = part("postgresql")
dynamic = {}
try:
    with open(os.path.join(pgdata, "patroni.dynamic.json")) as there:
        dynamic = json.load(there).get("postgresql") or {}
except (OSError, ValueError):
    pass
authentication = dict(own.get("authentication") or {})
running = environment_of_patroni() is not None
without = lay_environment(authentication)
superuser = dict(authentication.get("superuser") or {})
rewinds = own.get("use_pg_rewind", dynamic.get("use_pg_rewind"))
logins = {"replication": dict(authentication.get("replication") or {})}
if authentication.get("rewind") or rewinds:
    logins["rewind"] = dict(authentication.get("rewind") or superuser)
`;

const TELL = `${SETTINGS}
address = str(own.get("connect_address") or own.get("listen") or "")
print(json.dumps({
    "address": address,
    "database": own.get("database") or "postgres",
    "roles": {use: login.get("username") for use, login in logins.items() if login.get("username")},
    "rules": own.get("pg_hba"),
}))
`;

// psycopg2 as Patroni uses it; where the driver tells nothing but "no password", there was none to be read.
const TRY = `${SETTINGS}
${LET_IN}
host, port, missing = sys.argv[3], sys.argv[4], sys.argv[5]
try:
    try:
        import psycopg2 as driver
    except ImportError:
        import psycopg as driver
except ImportError:
    driver = None
tried = []
for use, login in logins.items():
    role = login.pop("username", None)
    answer = {"use": use, "role": role or ""}
    # A superuser without a password, who comes by the socket, rewinds nothing today either. Where no Patroni runs, what
    # its environment will hold cannot be read.
    if running:
        answer["needed"] = use == "replication" or bool(authentication.get("rewind"))
    tried.append(answer)
    if not role:
        answer["untried"] = "the configuration of Patroni names no role for it, and " + without
        continue
    if driver is None:
        answer["error"] = "the driver that Patroni uses for PostgreSQL was not found, so it could not be tried"
        continue
    way = dict(login, host=host, port=port, user=role, application_name="pitr", connect_timeout=5)
    if use == "replication":
        message = replicates(driver, way)
    else:
        answer["database"] = own.get("database") or "postgres"
        message = let_in(driver, way, answer["database"], missing)
    if message is not None:
        if "no password supplied" in message and "password" not in login:
            answer["untried"] = "%s (%s names no password, and %s)" % (message, path, without)
        else:
            answer["error"] = message
print(json.dumps(tried))
`;

const TELL_LOGINS = probeScript(`${patroniPython(TELL)}
patroni_python "$@"`);

const TRY_LOGINS = probeScript(`${patroniPython(TRY)}
export PGOPTIONS='-c default_transaction_read_only=on -c ${READ_COMMITTED} -c statement_timeout=5000'
patroni_python "$@"`);

/** A member, and where its configuration and its data lie. */
export interface MemberRef {
  readonly name: string;
  readonly config: string;
  readonly pgdata: string;
  readonly user: string;
}

/** What Patroni's configuration on a node says of logins. */
export interface LoginSettings {
  /** How the others reach the node; absent where the configuration does not say. */
  readonly address?: NodeAddress;
  readonly roles: readonly string[];
  /** The database that Patroni works in. */
  readonly database: string;
  /** The rules that Patroni writes itself (`postgresql.pg_hba`). */
  readonly rules?: readonly string[];
}

/** Throws the reason as text where the configuration cannot be read. */
export async function readLoginSettings(
  host: ReadHost,
  { config, pgdata, user }: MemberRef,
): Promise<LoginSettings | { readonly untried: string }> {
  const asked = await host.query(TELL_LOGINS([config, pgdata], { user, timeoutMs: 20_000 }));
  if (asked.exitCode !== 0 || asked.stdout === '') return { untried: unreadable(config, asked.stderr) };
  return parseLoginSettings(asked.stdout);
}

/** Reads the answer of the look above. */
export function parseLoginSettings(printed: string): LoginSettings {
  const told = record(JSON.parse(printed));
  const address = parseAddress(text(told.address) ?? '');
  const roles = Object.values(record(told.roles)).flatMap((role) => (typeof role === 'string' ? [role] : []));
  return {
    ...(address === undefined ? {} : { address }),
    roles: [...new Set(roles)],
    database: text(told.database) ?? 'postgres',
    ...(Array.isArray(told.rules) ? { rules: told.rules.map(String) } : {}),
  };
}

/** `db2:5432`, `[fd00::2]:5432`; of several the first. Nothing for what no other host can use. */
export function parseAddress(address: string): NodeAddress | undefined {
  const [first = ''] = address.split(',');
  const port = /:(\d+)$/.exec(address)?.[1] ?? '5432';
  const host = first
    .trim()
    .replace(/(?<=\]):\d+$|(?<=^[^:]*):\d+$/, '')
    .replace(/^\[|\]$/g, '');
  return ['', '*', '0.0.0.0', '::', 'localhost', '127.0.0.1', '::1'].includes(host)
    ? undefined
    : { host, port: Number(port) };
}

/** Logs in on another node as Patroni on this member would, once for each use. `missing`: see LET_IN. */
export async function tryMemberLogins(
  host: ReadHost,
  { name, config, pgdata, user }: MemberRef,
  at: NodeAddress,
  missing = '',
): Promise<readonly TriedLogin[]> {
  const words = [config, pgdata, at.host, String(at.port), missing];
  const asked = await host.query(TRY_LOGINS(words, { user, timeoutMs: 60_000 }));
  if (asked.exitCode !== 0 || asked.stdout === '')
    return [{ role: '', use: 'replication', from: name, error: unreadable(config, asked.stderr) }];
  return parseTried(asked.stdout, name);
}

/** Reads a list of logins that were tried. */
export function parseTried(printed: string, from: string): readonly TriedLogin[] {
  const told: unknown = JSON.parse(printed);
  if (!Array.isArray(told)) return [];
  return told.map((one) => {
    const { use, role, error, untried, database, needed } = record(one);
    const reason = text(untried);
    const refusal = text(error);
    const named = text(database);
    return {
      from,
      role: text(role) ?? '',
      use: USES.find((known) => known === use) ?? 'replication',
      ...(named === undefined ? {} : { database: named }),
      ...(refusal === undefined ? {} : { error: refusal }),
      ...(reason === undefined ? {} : { untried: reason }),
      ...(typeof needed === 'boolean' ? { needed } : {}),
    };
  });
}

const USES: readonly LoginUse[] = ['superuser', 'replication', 'rewind', 'conninfo', 'streaming_conninfo'];

function unreadable(config: string, stderr: string): string {
  const reason = stderr.trim().split('\n').at(-1) ?? '';
  return `${config} could not be read as Patroni reads it${reason === '' ? '' : `: ${reason}`}`;
}
