import { isIP } from 'node:net';
import type { ReadHost } from '../../contract/host.ts';
import { probeScript } from '../../contract/probe.ts';
import type { OwnHost } from '../postgres/hba.ts';
import { READ_COMMITTED } from '../postgres/sql.ts';
import { record, text } from './cluster.ts';
import { patroniPython } from './config-file.ts';

const SUPERUSER = `
superuser = (part("postgresql").get("authentication") or {}).get("superuser") or {}
print(superuser.get("username") or "")
`;

const ASK_SUPERUSER = probeScript(`${patroniPython(SUPERUSER)}
patroni_python "$1"`);

/** The database role that Patroni works as, by its configuration; nothing where that does not tell. */
export async function patroniSuperuser(
  host: ReadHost,
  config: string,
  user: string,
): Promise<string | undefined> {
  const asked = await host.query(ASK_SUPERUSER([config], { user, timeoutMs: 20_000 }));
  const name = asked.exitCode === 0 ? asked.stdout.replace(/\n$/, '') : '';
  return name === '' || name.includes('\n') ? undefined : name;
}

const ASK_OWN_HOST = probeScript(`
{ hostname -I; ip -o addr; } 2>/dev/null
echo @names; hostname 2>/dev/null; hostname -f 2>/dev/null
exit 0`);

/** The addresses and the names of a host, its loopback among them. */
export async function ownHost(host: ReadHost): Promise<OwnHost> {
  return parseOwnHost((await host.query(ASK_OWN_HOST([], { timeoutMs: 20_000 }))).stdout);
}

/** Reads the answer of the look above: what is no address there is passed over by who uses it. */
export function parseOwnHost(printed: string): OwnHost {
  const [addresses = '', names = ''] = printed.split('@names\n');
  const words = addresses.split(/\s+/).flatMap((word) => /^([0-9a-fA-F.:]+)(\/\d+)?$/.exec(word)?.[1] ?? []);
  return {
    addresses: [...new Set(['127.0.0.1', '::1', ...words.filter((word) => isIP(word) > 0)])],
    names: [...new Set(names.split('\n').filter((name) => name !== ''))],
  };
}

// As Patroni itself finds its way in (_get_tcp_local_address, local_connect_kwargs), with its own driver and its own
// password, which stays in this process. What of its settings lies in the DCS is in the file that it keeps beside the data.
const LOGIN = `
import json
pgdata, said = sys.argv[2], sys.argv[3]
settings = {}
try:
    with open(os.path.join(pgdata, "patroni.dynamic.json")) as text:
        settings = json.load(text).get("postgresql") or {}
except (OSError, ValueError):
    pass
lay(part("postgresql"), settings)
if not settings.get("listen"):
    print(json.dumps({"without": "its configuration does not say where PostgreSQL listens"}))
    sys.exit()
listen = str(settings["listen"])
addresses, _, port = listen.rpartition(":") if ":" in listen else (listen, "", "5432")
addresses = [one.strip().strip("[]") for one in addresses.split(",")]
everywhere = ("*", "0.0.0.0", "127.0.0.1", "localhost")
tcp = "localhost" if any(one.lower() in everywhere for one in addresses) else addresses[0]
way = {"host": tcp, "port": port}
directories = (settings.get("parameters") or {}).get("unix_socket_directories")
if settings.get("use_unix_socket"):
    way = {"port": port}
    if directories is not None:
        way["host"] = next((one.strip() for one in directories.split(",") if one.strip().startswith("/")), tcp)
superuser = dict((settings.get("authentication") or {}).get("superuser") or {})
user = said or superuser.pop("username", None)
superuser.pop("username", None)
if user:
    superuser["user"] = user
way.update(superuser)
way.update(dbname=settings.get("database") or "postgres", application_name="pitr", connect_timeout=3)
answer = {"user": user or "", "at": "%s:%s" % (way.get("host", "the socket"), port)}
try:
    try:
        import psycopg2 as driver
    except ImportError:
        import psycopg as driver
    try:
        connection = driver.connect(**way)
        cursor = connection.cursor()
        cursor.execute("select current_setting(%s)", ("data_directory",))
        there = cursor.fetchone()[0]
        answer["directory"] = there
        answer["same"] = os.path.realpath(there) == os.path.realpath(pgdata)
        connection.close()
    except driver.Error as error:
        answer["error"] = str(error).strip()
except ImportError:
    answer = {"without": "its driver for PostgreSQL was not found"}
print(json.dumps(answer))
`;

const TRY_LOGIN = probeScript(`${patroniPython(LOGIN)}
export PGOPTIONS='-c default_transaction_read_only=on -c ${READ_COMMITTED} -c statement_timeout=2000'
patroni_python "$@"`);

/** One try to get in as Patroni would. */
export interface LoginTry {
  /** Absent where neither Patroni's configuration nor the inventory tells. */
  readonly user?: string;
  /** `localhost:5432`, `/run/postgresql:5432` */
  readonly at: string;
  /** The data directory of who let it in, and whether that is the one that is meant. */
  readonly directory?: string;
  readonly same?: boolean;
  /** Why it was not let in, in libpq's words. */
  readonly error?: string;
}

export interface LoginQuestion {
  readonly config: string;
  readonly superuser?: string | undefined;
  readonly pgdata: string;
  readonly user: string;
}

/** Logs in on the node as its Patroni would; or says why that cannot be tried there. */
export async function tryLogin(
  host: ReadHost,
  { config, superuser, pgdata, user }: LoginQuestion,
): Promise<LoginTry | { readonly untried: string }> {
  const asked = await host.query(TRY_LOGIN([config, pgdata, superuser ?? ''], { user, timeoutMs: 30_000 }));
  if (asked.exitCode !== 0 || asked.stdout === '') {
    const reason = asked.stderr.trim().split('\n').at(-1) ?? '';
    return {
      untried: `${config} could not be read as Patroni reads it${reason === '' ? '' : `: ${reason}`}`,
    };
  }
  return parseLogin(asked.stdout);
}

/** Reads what the look above prints. */
export function parseLogin(printed: string): LoginTry | { readonly untried: string } {
  const told = record(JSON.parse(printed));
  const without = text(told.without);
  if (without !== undefined) return { untried: without };
  const facts = {
    user: text(told.user),
    directory: text(told.directory),
    same: typeof told.same === 'boolean' ? told.same : undefined,
    error: text(told.error),
  };
  const known = Object.fromEntries(Object.entries(facts).filter(([, value]) => value !== undefined));
  return { ...(known as Partial<LoginTry>), at: text(told.at) ?? '' };
}
