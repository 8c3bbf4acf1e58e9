import type { ReadHost } from '../../contract/host.ts';
import { probeScript } from '../../contract/probe.ts';
import { patroniPython } from './config-file.ts';

/** How a node is asked about its cluster. Plain data: it stands in journals. */
export interface PatroniAccess {
  readonly port: number;
  readonly config: string;
  readonly cluster?: string | undefined;
  /** Where the node's own REST API is, said outright. */
  readonly url?: string | undefined;
}

/** Codes of errors of a question to Patroni that the next one may not meet: its DCS elects, it is started again. */
export const SILENCE = ['patroni-silent', 'patroni-config-not-read'] as const;

/** One answer; `code` is that of HTTP, 0 when nothing answered. */
export interface RestAnswer {
  readonly code: number;
  readonly body: string;
}

// `own`: where this Patroni listens; `named`: how the others reach it; `curl`: how Patroni's members prove to each
// other who they are. The file belongs to another user than may run this: nothing of it becomes an option of curl
// but what is meant to be one.
const REST_FACTS = `
rest, ctl = part("restapi"), part("ctl")
scheme = "https" if rest.get("certfile") else "http"
print("scheme " + scheme)
def base(kind, address):
    if re.fullmatch(r"[A-Za-z0-9_.:-]+|\\[[0-9A-Fa-f:.]+\\]:[0-9]+", address):
        print("%s %s://%s" % (kind, scheme, address))
host, _, port = str(rest.get("listen") or "").rpartition(":")
host = host.strip("[]")
if port.isdigit():
    for name in ["127.0.0.1", "::1"] if host in ("", "*", "0.0.0.0", "::") else [host]:
        base("own", ("[%s]:%s" if ":" in name else "%s:%s") % (name, port))
base("named", str(rest.get("connect_address") or ""))
def option(name, value):
    if isinstance(value, str) and value.isprintable() and value:
        print("curl %s = \\"%s\\"" % (name, value.replace("\\\\", "\\\\\\\\").replace("\\"", "\\\\\\"")))
option("cacert", ctl.get("cacert") or rest.get("cafile"))
certificate = ctl.get("certfile") or rest.get("certfile")
key = ctl.get("keyfile") or rest.get("keyfile") or certificate
if certificate and os.access(certificate, os.R_OK) and os.access(key, os.R_OK):
    option("cert", certificate)
    option("key", key)
    option("pass", ctl.get("keyfile_password") or rest.get("keyfile_password"))
if ctl.get("insecure") is True:
    print("curl insecure")
`;

// The addresses come from the DCS: -g takes their brackets as they are, --proto keeps curl from reading files. No
// proxy of the login user stands between a node and its cluster. What TLS needs goes in by stdin: it may be a secret.
const ASKING = `
set -f
${patroniPython(REST_FACTS)}
get() {
  printf '%s\\n' "$tls" |
    curl -sg -K - --noproxy '*' --proto =http,https --max-time 5 -w '\\n@code %{http_code}\\n' "$@"
}
facts() {
  told=$(patroni_python "$config" 2>/dev/null)
  scheme=$(printf '%s\\n' "$told" | sed -n 's/^scheme //p')
  own=$(printf '%s\\n' "$told" | sed -n 's/^own //p')
  named=$(printf '%s\\n' "$told" | sed -n 's/^named //p')
  tls=$(printf '%s\\n' "$told" | sed -n 's/^curl //p')
}`;

// The certificate is not verified where the address is the node's own: it is made for a name, not for 127.0.0.1, and
// who can listen on an address of this host is this host. Nothing is sent there that is worth having. Something else
// may answer at the port that the inventory names: 200 and 503, with an object of JSON, are Patroni's two words for "I am
// here".
const OWN = `
said=$1; port=$2; config=$3; path=$4 strange= foreign=
try() {
  base=$1; insecure=$2
  answer=$(get $insecure -- "$base$path")
  case $answer in
  '{'*'@code 200'|'{'*'@code 503') return 0 ;;
  # Patroni gives no object there.
  *'@code 200'|*'@code 503') [ "$path" != /liveness ] || return 0; foreign=$base ;;
  *'@code 000') ;;
  *) strange=$answer ;;
  esac
  return 1
}
find_own() {
  case $said in
  '') ;;
  http:*) try "$said"; return ;;
  *)
    facts
    case " https://127.0.0.1 https://localhost https://[::1] $(echo $own) " in
    *" \${said%:*} "*|*" $said "*) try "$said" -k ;;
    *) try "$said" ;;
    esac
    return ;;
  esac
  try "http://127.0.0.1:$port" && return
  facts
  for url in $own; do try "$url" -k && return; done
  for url in $named; do try "$url" && return; done
  return 1
}
if find_own; then
  printf '@url base\\n%s\\n@code 200\\n' "$base"
else
  answer=\${strange:-'@code 000'}
fi
[ -z "$foreign" ] || printf '@url foreign\\n%s\\n@code 200\\n' "$foreign"
printf '@url scheme\\n%s\\n@code 200\\n@url %s\\n%s\\n' "$scheme" "$path" "$answer"`;

const ASK_URLS = probeScript(`${ASKING}
config=$1; shift
case " $*" in *' https:'*) facts ;; esac
for url in "$@"; do echo "@url $url"; get -- "$url"; done
exit 0`);

const ASK_OWN = probeScript(`${ASKING}
${OWN}
exit 0`);

const ASK_NODE = probeScript(`${ASKING}
set -- "$1" "$2" "$3" /cluster
${OWN}
case $answer in
*'@code 200')
  echo '@url /patroni'; get $insecure -- "$base/patroni" ;;
*)
  echo '@url patronictl'
  list=$(timeout 30 patronictl -c "$config" list -f json) && printf '%s\\n@code 200\\n' "$list" || echo '@code 000' ;;
esac
exit 0`);

// By the DCS: patronictl takes a good half second of Python, and a member that answers tells of a pause as well.
const ASK_PAUSE = probeScript(`
echo '@url pause'
dynamic=$(timeout 30 patronictl -c "$1" show-config 2>&1); rc=$?
if [ "$rc" -eq 0 ] && [ -n "$dynamic" ]; then
  # Nothing else of it leaves the host.
  case "
$dynamic
" in *"
pause: "*) dynamic=\${dynamic#pause: }; dynamic=\${dynamic##*"
pause: "}; printf '%s\\n' "\${dynamic%%
*}" ;; *) echo false ;; esac
  echo '@code 200'
else
  # How it says that the DCS has no configuration of this cluster, and nothing is paused: with an error of Python, or with
  # a good end and no word (Patroni 4). Nothing is believed of what is not patronictl.
  case $rc:$dynamic in *"'NoneType' object has no attribute 'data'"*) printf 'false\\n@code 200\\n' ;;
  0:)
    case $(timeout 30 patronictl version 2>/dev/null) in
    'patronictl version '[0-9]*) printf 'false\\n@code 200\\n' ;;
    *) echo '@code 000' ;;
    esac ;;
  *) printf '%s\\n' "$dynamic" >&2; echo '@code 000' ;; esac
fi
exit 0`);

/** Reads what the probes above print: `@url`, the body, `@code`. */
export function parseAnswers(printed: string): ReadonlyMap<string, RestAnswer> {
  const answers = new Map<string, RestAnswer>();
  for (const part of printed.split(/^@url /m).slice(1)) {
    const [url = '', ...rest] = part.split('\n');
    const at = rest.findLastIndex((line) => line.startsWith('@code '));
    const code = Number(rest[at]?.slice('@code '.length) ?? 0);
    answers.set(url, {
      code: Number.isNaN(code) ? 0 : code,
      body: rest.slice(0, Math.max(at, 0)).join('\n').trim(),
    });
  }
  return answers;
}

/** Asks REST addresses from a host, in one round trip; over TLS as Patroni's members ask each other. */
export async function askRest(
  host: ReadHost,
  access: Pick<PatroniAccess, 'config'>,
  urls: readonly string[],
): Promise<ReadonlyMap<string, RestAnswer>> {
  const probe = ASK_URLS([access.config, ...urls], { timeoutMs: 10_000 + 5_000 * urls.length });
  return parseAnswers((await host.query(probe)).stdout);
}

export interface OwnAnswer extends RestAnswer {
  /** Where the node's Patroni has answered; absent when it has not. */
  readonly base?: string;
  /** Where something else than Patroni has answered. */
  readonly foreign?: string;
}

/**
 * Asks the node's own Patroni for a path, in one round trip: at the address that is said outright, else at
 * 127.0.0.1, else where its configuration says that it listens.
 */
export async function askOwn(host: ReadHost, access: PatroniAccess, path: string): Promise<OwnAnswer> {
  const probe = ASK_OWN([...ownWords(access), path], { timeoutMs: 45_000 });
  const answers = parseAnswers((await host.query(probe)).stdout);
  const base = answers.get('base')?.body;
  const foreign = answers.get('foreign')?.body;
  return {
    ...(answers.get(path) ?? { code: 0, body: '' }),
    ...(base === undefined ? {} : { base }),
    ...(foreign === undefined ? {} : { foreign }),
  };
}

/** The node's own Patroni, and patronictl where that is silent. */
export function nodeProbe(access: PatroniAccess) {
  return ASK_NODE(ownWords(access), { timeoutMs: 90_000 });
}

/** Whether the cluster is paused, as the DCS has it. */
export async function askPause(host: ReadHost, { config }: PatroniAccess): Promise<RestAnswer | undefined> {
  const asked = await host.query(ASK_PAUSE([config], { timeoutMs: 45_000 }));
  return parseAnswers(asked.stdout).get('pause');
}

function ownWords({ url, port, config }: PatroniAccess): readonly string[] {
  return [(url ?? '').replace(/\/+$/, ''), String(port), config];
}
