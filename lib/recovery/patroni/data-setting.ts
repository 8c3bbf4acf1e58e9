import { PitrError } from '../../base/errors/pitr-error.ts';
import { refusal } from '../../base/errors/refusal.ts';
import type { ReadHost, WriteHost } from '../../contract/host.ts';
import { probeScript } from '../../contract/probe.ts';
import { changedSince } from '../../system/fs/file-apply.ts';
import { evidenceOf } from '../../transport/command-failed.ts';
import { record, text } from './cluster.ts';
import { PATRONI_ENVIRONMENT, patroniPython } from './config-file.ts';

/** What a member's configuration says of its data directory, held against where the data is and where it is to be. */
export interface DataSetting {
  /** Whether it names the one, the other, or neither. */
  readonly place: 'from' | 'to' | 'other';
  /** As it is written. */
  readonly said?: string;
  /** The file that holds it; absent where it is not written exactly once. */
  readonly file?: string;
  readonly times: number;
  /** What of Patroni's environment wins over the file; `unknown` where that cannot be read. */
  readonly environment?: string;
  /** What else names the place where the data is: keys of the configuration and variables of the environment. */
  readonly mentions: readonly string[];
}

// Where the value stands is told by the parser itself, so that nothing around it is touched.
const FIND = `
import json
def text_of(name):
    with open(name, encoding="utf-8", newline="") as there:
        return there.read()
def values(text):
    def under(nodes, name):
        return [value for node in nodes if isinstance(node, yaml.MappingNode)
                for key, value in node.value if key.value == name]
    return under(under([yaml.compose(text, Loader=yaml.SafeLoader)], "postgresql"), "data_dir")
found = [name for name in files_of(path) for _ in values(text_of(name))]
`;

const TELL = `${PATRONI_ENVIRONMENT}${FIND}
was, to = sys.argv[2:4]
said = str(part("postgresql").get("data_dir") or "")
place = "other"
for name, there in (("from", was), ("to", to)):
    if said and os.path.realpath(said) == os.path.realpath(there):
        place = name
names = "|".join(re.escape(name) for name in {was, os.path.realpath(was), said} if name not in ("", "/"))
inside = re.compile(r"(?<![\\w./-])(?:%s)(?![\\w.-])" % names)
def walk(value, at):
    if isinstance(value, dict):
        return [one for key in value for one in walk(value[key], at + [str(key)])]
    if isinstance(value, list):
        return [one for each in value for one in walk(each, at)]
    return [".".join(at)] if isinstance(value, str) and inside.search(value) else []
mentions = [one for one in walk(config, []) if one != "postgresql.data_dir" and not one.startswith("bootstrap.")]
own = environment_of_patroni()
wins = [name for name in ("PATRONI_CONFIGURATION", "PATRONI_POSTGRESQL_DATA_DIR") if (own or {}).get(name)]
mentions += [name for name, value in (own or {}).items()
             if name.startswith("PATRONI_") and name not in wins and inside.search(value)]
print(json.dumps({"place": place, "said": said, "file": found[0] if len(found) == 1 else "", "times": len(found),
                  "environment": "unknown" if own is None else " ".join(wins), "mentions": sorted(set(mentions))}))
`;

const ASK = probeScript(`${patroniPython(TELL)}
patroni_python "$1" "$2" "$3"`);

/** Throws kind `refused` (`data-setting-unknown`) where the configuration cannot be read. */
export async function readDataSetting(
  host: ReadHost,
  config: string,
  from: string,
  to: string,
): Promise<DataSetting> {
  const asked = await host.query(ASK([config, from, to], { timeoutMs: 20_000 }));
  if (asked.exitCode === 0 && asked.stdout !== '') return parseDataSetting(asked.stdout);
  throw new PitrError({
    kind: 'refused',
    code: 'data-setting-unknown',
    message: `cannot tell what ${config} says of the data directory`,
    host: host.name,
    evidence: { ...evidenceOf(asked), command: `(a look into ${config})` },
    next: [
      'Set patroni_config in the inventory to the file or directory that Patroni is started with.',
      'Let the task become root, or the owner of that file (become: true).',
    ],
  });
}

export function parseDataSetting(printed: string): DataSetting {
  const told = record(JSON.parse(printed));
  const filled = (value: unknown) => (text(value) === '' ? undefined : text(value));
  const [said, file, environment] = [told.said, told.file, told.environment].map(filled);
  return {
    place: told.place === 'from' || told.place === 'to' ? told.place : 'other',
    ...(said === undefined ? {} : { said }),
    ...(file === undefined ? {} : { file }),
    times: Number(told.times),
    ...(environment === undefined ? {} : { environment }),
    mentions: Array.isArray(told.mentions) ? told.mentions.flatMap((name) => text(name) ?? []) : [],
  };
}

// The new text must say the same as the old one, but for this value, before it is written; and Patroni's own way to read it
// must find the new value afterwards. The file appears whole or not at all.
const WRITE = `${FIND}
import shutil
was, to = sys.argv[2:4]
if part("postgresql").get("data_dir") == to:
    sys.exit(0)
if len(found) != 1 or part("postgresql").get("data_dir") != was:
    sys.exit("postgresql.data_dir is not written there once, as " + was)
name = os.path.realpath(found[0])
old = text_of(name)
node = values(old)[0]
quote = chr(39)
wanted = yaml.safe_load(old)
wanted["postgresql"]["data_dir"] = to
ways = {None: to, quote: quote + to.replace(quote, quote * 2) + quote, chr(34): json.dumps(to, ensure_ascii=False)}
def laid(way):
    return old[:node.start_mark.index] + way + old[node.end_mark.index:]
def fits(text):
    try:
        return yaml.safe_load(text) == wanted
    except yaml.YAMLError:
        return False
texts = [laid(ways[style]) for style in [node.style, quote, chr(34)] if style in ways]
new = next((text for text in texts if fits(text)), None)
if new is None:
    sys.exit("it cannot be changed there alone: something else of the file hangs on it")
there, beside = os.stat(name), name + ".pitr-new"
if os.path.lexists(beside):
    os.unlink(beside)
with open(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8", newline="") as out:
    out.write(new)
    out.flush()
    os.fsync(out.fileno())
os.chown(beside, there.st_uid, there.st_gid)
shutil.copystat(name, beside)
os.utime(beside)
os.replace(beside, name)
if (load(path).get("postgresql") or {}).get("data_dir") != to:
    sys.exit("it was written, and the configuration still does not say it")
`;

const CHANGE = `${patroniPython(WRITE)}
patroni_python "$1" "$2" "$3"`;

/**
 * Lets the configuration say another data directory, and nothing else otherwise. Can be repeated. Throws kind `failed`
 * (`data-setting-not-changed`).
 */
export async function writeDataSetting(
  host: WriteHost,
  config: string,
  from: string,
  to: string,
): Promise<void> {
  const result = await host.run(['sh', '-c', CHANGE, 'sh', config, from, to]);
  if (result.exitCode === 0) return;
  throw new PitrError({
    kind: 'failed',
    code: 'data-setting-not-changed',
    message: `data_dir of ${config} was not changed from ${from} to ${to}`,
    host: host.name,
    evidence: { ...evidenceOf(result), command: `(postgresql.data_dir of ${config})` },
    next: [`Let postgresql.data_dir of ${config} say ${to} on ${host.name}, then go on.`],
  });
}

/** The file and the value as they can be changed. Throws kind `refused` where they cannot. */
export function changeable(
  { place, said, file, times }: DataSetting,
  config: string,
  from: string,
): { readonly file: string; readonly said: string } {
  if (place === 'from' && said !== undefined && file !== undefined) return { file, said };
  if (place === 'other')
    throw refusal(
      'data-setting-elsewhere',
      `data_dir of ${config} is ${said ?? 'not set'}, and not ${from}`,
      ["Set pgdata in the inventory to postgresql.data_dir of Patroni's configuration on that host."],
    );
  throw refusal(
    'data-setting-not-once',
    `postgresql.data_dir is written ${times === 0 ? 'nowhere' : `${times} times`} in ${config}, and must be written once to be changed`,
    [`Let ${config} say postgresql.data_dir in one line of its own, and not by an anchor or a merge.`],
  );
}

/** Refuses to put back what somebody has changed since. */
export async function mayWriteBack(
  host: ReadHost,
  { config, from, to }: { readonly config: string; readonly from: string; readonly to: string },
): Promise<void> {
  const { said } = await readDataSetting(host, config, from, to);
  if (said !== from && said !== to) throw changedSince(config, `its data_dir is ${said ?? 'not set'} now`);
}
