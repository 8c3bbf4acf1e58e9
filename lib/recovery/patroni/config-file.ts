import { pythonOf } from '../../system/core/python-of.ts';

/**
 * Reads Patroni's own configuration on its node, with the Python that runs Patroni, which has what it takes to read
 * YAML. What leaves the program is what a caller prints; the file holds passwords. A directory is merged as Patroni
 * merges it. `PATRONI_*` of the environment is not seen, but for logins (`PATRONI_LOGINS`) and to tell one Patroni from
 * another (`APART`): the inventory can say the other things.
 *
 * Text of Python without single quotes: it stands between such in `sh`. Needs the path as its first argument.
 */
const LOAD_CONFIG = `
import os, re, sys, yaml
def lay(over, under):
    for key, value in over.items():
        if isinstance(value, dict) and isinstance(under.get(key), dict):
            lay(value, under[key])
        else:
            under[key] = value
def files_of(path):
    if not os.path.isdir(path):
        return [path]
    inside = [os.path.join(path, name) for name in sorted(os.listdir(path)) if name.endswith((".yml", ".yaml"))]
    return [name for name in inside if os.path.isfile(name)]
def load(path):
    loaded = {}
    for name in files_of(path):
        with open(name) as text:
            lay(yaml.safe_load(text) or {}, loaded)
    return loaded
path = sys.argv[1]
config = load(path)
def part(name):
    value = config.get(name)
    return value if isinstance(value, dict) else {}
`;

/**
 * Python, behind the program above: `environment_in(DIRECTORY)` is the environment of the process that `/proc` shows there,
 * `said_by(ENVIRONMENT)` what that says of a Patroni without a file, as Patroni takes it: a whole configuration, or else
 * variables. `is_another(ONE)`: whether a configuration is that of another Patroni, by scope and name. What one of them does
 * not say tells nothing.
 */
export const APART = `
def environment_in(there):
    with open(os.path.join(there, "environ"), "rb") as text:
        return dict(os.fsdecode(one).split("=", 1) for one in text.read().split(b"\\0") if b"=" in one)
def said_by(own):
    if own.get("PATRONI_CONFIGURATION"):
        try:
            whole = yaml.safe_load(own["PATRONI_CONFIGURATION"])
        except yaml.YAMLError:
            whole = None
        return whole if isinstance(whole, dict) else {}
    return {"scope": own.get("PATRONI_SCOPE"), "name": own.get("PATRONI_NAME"),
            "postgresql": {"data_dir": own.get("PATRONI_POSTGRESQL_DATA_DIR")}}
def is_another(one):
    pairs = [[str(each.get(key) or "") for each in (config, one)] for key in ("scope", "name")]
    return any(own and other and own != other for own, other in pairs)
`;

/**
 * Python, behind the program above: `environment_of_patroni()` is the environment of the Patroni of this configuration,
 * None where none runs that could be read. One that was started without a file is it where it is the only one, and its
 * environment does not say that it is another. A user may look into its own processes, and Patroni is one of those: PostgreSQL
 * is started by it. What it reads stays in the program.
 */
export const PATRONI_ENVIRONMENT = `${APART}
def environment_of_patroni():
    other = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        there = os.path.join("/proc", pid)
        try:
            with open(os.path.join(there, "cmdline"), "rb") as text:
                words = [os.fsdecode(one) for one in text.read().split(b"\\0")[:-1]]
            if words and re.search("python|pypy", os.path.basename(words[0])):
                words = [one for before, one in zip(words, words[1:]) if one[:1] != "-" and before not in ("-W", "-X")]
            if not words or os.path.basename(words[0]) not in ("patroni", "patroni.py"):
                continue
            named = [os.path.join(there, "cwd", one) for one in words[1:] if not one.startswith("-")]
            own = environment_in(there)
        except OSError:
            continue
        if any(os.path.realpath(one) == os.path.realpath(path) for one in named):
            return own
        if not named and not is_another(said_by(own)):
            other.append(own)
    return other[0] if len(other) == 1 else None
`;

/**
 * Python, behind the program above: `lay_environment(authentication)` lays the logins over those of the file that the
 * Patroni of this configuration has from its environment, which wins (patroni/config.py). Says in words where it had none.
 */
export const PATRONI_LOGINS = `${PATRONI_ENVIRONMENT}
def lay_environment(authentication):
    own = environment_of_patroni()
    if own is None:
        return "no Patroni of this configuration runs there whose environment could be read"
    for use in ("superuser", "replication", "rewind"):
        for key in ("username", "password", "sslmode", "sslcert", "sslkey", "sslpassword", "sslrootcert", "sslcrl",
                    "sslcrldir", "gssencmode", "channel_binding", "sslnegotiation"):
            value = own.get("PATRONI_%s_%s" % (use.upper(), key.upper()))
            if value:
                authentication[use] = dict(authentication.get(use) or {}, **{key: value})
    return "the environment of its Patroni holds none"
`;

/** `sh`: a function `patroni_python ARGUMENT...` that runs this program where Patroni's libraries are. */
export function patroniPython(program: string): string {
  return pythonOf('patronictl', 'patroni_python', `${LOAD_CONFIG}${program}`);
}
