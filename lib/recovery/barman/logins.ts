import type { ReadHost } from '../../contract/host.ts';
import { probeScript } from '../../contract/probe.ts';
import { LET_IN } from '../postgres/login-script.ts';
import { READ_COMMITTED } from '../postgres/sql.ts';

/**
 * Python, without single quotes: Barman's own way to its configuration and its driver, so that a password in conninfo, in
 * .pgpass or in a service file is the one that Barman uses; it stays there. `hostaddr` leads to the node that is meant,
 * where conninfo names an address that follows the leader, or all nodes; passwords are looked up by the name in conninfo.
 */
const LOGINS = `
import getpass, json, os, socket, sys
${LET_IN}
name, host, port = sys.argv[1], sys.argv[2], sys.argv[3]
missing = sys.argv[4] if len(sys.argv) > 4 else None
try:
    from barman.config import Config
    import psycopg2 as driver
    from psycopg2.extensions import parse_dsn
    config = Config()
    config.load_configuration_files_directory()
    own = config.get_server(name)
except Exception as error:
    print("Barman could not be asked: %s" % error, file=sys.stderr)
    sys.exit(3)
if own is None:
    print("Barman knows no server %s" % name, file=sys.stderr)
    sys.exit(3)
streams = own.streaming_archiver or own.backup_method == "postgres"
def addresses(name):
    try:
        return [one[4][0] for one in socket.getaddrinfo(name, None, 0, socket.SOCK_STREAM)]
    except OSError:
        return []
answers = []
for use, conninfo in (("conninfo", own.conninfo), ("streaming_conninfo", own.streaming_conninfo)):
    if not conninfo or (use == "streaming_conninfo" and not streams and conninfo == own.conninfo):
        continue
    answer = {"use": use, "role": ""}
    answers.append(answer)
    try:
        way = parse_dsn(conninfo)
    except driver.Error:
        # Its words would show what stands there.
        answer["error"] = "%s of server %s is no connection string" % (use, name)
        continue
    answer["role"] = way.get("user") or getpass.getuser()
    if use == "conninfo":
        answer["database"] = way.get("dbname") or answer["role"]
    if missing is None:
        continue
    hosts = [one for one in (way.get("host") or "").split(",") if one]
    meant = addresses(host)
    if hosts and not hosts[0].startswith("/"):
        way["host"] = next((one for one in hosts if set(addresses(one)) & set(meant)), hosts[0])
        way["port"] = port
        way.pop("hostaddr", None)
        if meant:
            way["hostaddr"] = meant[0]
    for key in ("target_session_attrs", "load_balance_hosts"):
        way.pop(key, None)
    way.setdefault("connect_timeout", "5")
    way["application_name"] = "pitr"
    if use == "streaming_conninfo":
        message = replicates(driver, way)
    else:
        message = let_in(driver, way, answer["database"], missing)
    if message is not None:
        answer["error" if use == "conninfo" or streams else "untried"] = message
        if "untried" in answer:
            answer["needed"] = False
print(json.dumps(answers))
`;

/** The first line of barman names the interpreter: it may be one of a virtual environment. */
const ASK = probeScript(`
interpreter=$(head -c 300 "$(command -v barman 2>/dev/null)" 2>/dev/null | sed -n '1s/^#! *//p')
case $interpreter in *python*) ;; *) interpreter=python3 ;; esac
export PGOPTIONS='-c default_transaction_read_only=on -c ${READ_COMMITTED} -c statement_timeout=5000'
$interpreter -c '${LOGINS}' "$@"`);

/** The Barman server whose logins are meant. */
export interface BarmanRef {
  readonly host: string;
  readonly server: string;
  readonly user: string;
}

/**
 * What the look above prints, for `parseTried`: each login of a Barman server, tried on the node at that address; for
 * `tell` only their roles and databases. Or the reason why Barman could not be asked.
 */
export async function askBarmanLogins(
  host: ReadHost,
  { server, user }: BarmanRef,
  at: { readonly host: string; readonly port: number },
  trial: 'tell' | 'log in' | { readonly missing: string },
): Promise<string | { readonly untried: string }> {
  const words = [
    server,
    at.host,
    String(at.port),
    ...(trial === 'tell' ? [] : [trial === 'log in' ? '' : trial.missing]),
  ];
  const asked = await host.query(ASK(words, { user, timeoutMs: 60_000 }));
  if (asked.exitCode === 0 && asked.stdout !== '') return asked.stdout;
  return { untried: asked.stderr.trim().split('\n').at(-1) || 'Barman could not be asked' };
}
