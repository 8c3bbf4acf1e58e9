/**
 * Reads Patroni's own configuration on its node, with the Python that runs Patroni, which has what it takes to read
 * YAML. What leaves the program is what a caller prints; the file holds passwords. A directory is merged as Patroni
 * merges it. `PATRONI_*` of the environment is not seen: the inventory can say those things.
 *
 * Text of Python without single quotes: it stands between such in `sh`. Needs the path as its first argument.
 */
const LOAD_CONFIG = `
import glob, os, re, sys, yaml
def lay(over, under):
    for key, value in over.items():
        if isinstance(value, dict) and isinstance(under.get(key), dict):
            lay(value, under[key])
        else:
            under[key] = value
config = {}
path = sys.argv[1]
for name in sorted(glob.glob(os.path.join(path, "*.yml"))) if os.path.isdir(path) else [path]:
    with open(name) as text:
        lay(yaml.safe_load(text) or {}, config)
def part(name):
    value = config.get(name)
    return value if isinstance(value, dict) else {}
`;

/**
 * `sh`: a function `patroni_python ARGUMENT...` that runs this program where Patroni's libraries are. The first line of
 * patronictl names the interpreter: it may be one of a virtual environment.
 */
export function patroniPython(program: string): string {
  if (program.includes("'"))
    throw new Error('a single quote would end the program: it stands between such in sh');
  return `
patroni_python() {
  interpreter=$(head -c 300 "$(command -v patronictl 2>/dev/null)" 2>/dev/null | sed -n '1s/^#! *//p')
  case $interpreter in *python*) ;; *) interpreter=python3 ;; esac
  $interpreter -c '${LOAD_CONFIG}${program}' "$@"
}`;
}
