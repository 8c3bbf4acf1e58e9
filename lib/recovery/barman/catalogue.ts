import { setImmediate } from 'node:timers/promises';
import type { CommandEvidence, PitrError } from '../../base/errors/pitr-error.ts';
import type { ReadHost, Resource } from '../../contract/host.ts';
import { type Probe, probeScript } from '../../contract/probe.ts';
import { parseReport, type ReportPart } from '../../contract/script-report.ts';
import { evidenceOf } from '../../transport/command-failed.ts';
import type { RunResult } from '../../transport/types.ts';
import type { Archive } from '../wal/archive.ts';
import type { WalSegment } from '../wal/segment.ts';
import { parseArchiveListing } from './archive-listing.ts';
import { archivesProbe } from './archives-on-disk.ts';
import { type BarmanServer, backupsProbe, withBackups } from './backups-on-disk.ts';
import { parseConfig, type ServerConfig } from './config.ts';
import { BARMAN_CONFIGS } from './config-files-script.ts';
import { canMatter, type Whose } from './counted-servers.ts';
import { archiveUnreadable, barmanNotAnswering, barmanNotFound, configBroken } from './errors.ts';
import { parseServerList } from './json.ts';

/**
 * All that Barman has on a host: its servers and their backups. What could not be read of one is noted with it
 * (`unread`): a server of another cluster must not keep anybody from his own. Who rests on it asks `serversThatCount`. Ids
 * of this resource are the OS user of Barman.
 */
export interface Catalogue {
  readonly servers: readonly BarmanServer[];
}

/** Whatever adds to the catalogue or to the archives touches this. */
export const barmanResource: Resource<Catalogue> = {
  kind: 'barman',
  scope: 'host',
  read: readCatalogue,
};

// Argument: the checksum of a configuration of which Barman's own list of servers is known, or nothing. The list depends
// on the program and on these files alone, and asking for it starts Barman. The `~` stands in the same order as Barman
// itself looks for its configuration; what `barman config-update` has written is read last.
const ASK_BARMAN = probeScript(`${BARMAN_CONFIGS}
quoted() { awk '{ print " " $0 }'; }
program=$(command -v barman 2>/dev/null) || { echo @missing; echo " PATH=$PATH"; echo @end; exit 0; }
configs=$(barman_configs | while IFS= read -r c; do echo "@config $c"; quoted <"$c"; done)
sum=$({ id -un; stat -L -c '%n %s %Y' -- "$program"; printf '%s' "$configs"; } 2>&1 | sha256sum | cut -c 1-64)
echo "@sum $sum"
if [ -z "$sum" ] || [ "$sum" != "$1" ]; then
  out=$(barman -f json list-server 2>/dev/null); rc=$?
  echo "@servers $rc"; printf '%s\\n' "$out" | quoted
  if [ "$rc" -ne 0 ]; then echo @stderr; barman -f json list-server 2>&1 >/dev/null | quoted; fi
  [ -z "$configs" ] || printf '%s\\n' "$configs"
fi
echo @end`);

/** What was seen last of a Barman. */
interface Seen {
  /** The checksum of all that its list of servers depends on. */
  readonly sum: string;
  readonly servers: readonly ServerConfig[];
  /** Servers whose archives were wanted. */
  readonly archives: readonly string[];
}

/** By host and user. */
const seen = new Map<string, Seen>();

const placeOf = (host: ReadHost, user: string): string => `${host.name} ${user}`;

/** All servers with their backups, in one round trip where its configuration is as it was; in two else. */
export async function readCatalogue(host: ReadHost, user: string): Promise<Catalogue> {
  const { servers } = await askBarman(host, user);
  return { servers };
}

/** Which archives are listed, and how much of them. */
interface Listed {
  /** Whose WAL can matter: of a host that many clusters share, all archives are more than anybody can take in. All when left out. */
  readonly whose?: (servers: readonly BarmanServer[]) => Whose;
  /** From this segment on (by its place, on any timeline). */
  readonly from?: WalSegment | undefined;
}

/**
 * The catalogue, and what lies on disk in the WAL archives of the servers that can matter, in one round trip where these are
 * the same as the last time; in up to three else. There is no archive here of a server that could not be read: absence is
 * never guessed.
 */
export async function readCatalogueAndArchives(
  host: ReadHost,
  user: string,
  { whose, from }: Listed = {},
): Promise<Catalogue & { readonly archives: readonly Archive[] }> {
  const probe = (server: ServerConfig): Probe => archivesProbe([server], user, from);
  const { servers, told } = await askBarman(host, user, probe);
  const about = whose?.(servers);
  const wanted = servers.filter(
    (server) => server.unread === undefined && (about === undefined || canMatter(server, about)),
  );
  // An answer for each: what one may take and hold is for one server.
  const open = wanted.filter(({ name }) => !told.has(name));
  const answers = await host.queryAll(open.map(probe));
  for (const [index, { name }] of open.entries()) told.set(name, answers[index]);
  const before = seen.get(placeOf(host, user));
  if (before !== undefined)
    seen.set(placeOf(host, user), { ...before, archives: wanted.map(({ name }) => name) });
  const archives: Archive[] = [];
  const unread = new Map<string, PitrError>();
  for (const { name } of wanted) {
    const found = parseArchiveListing(reportOf(told.get(name), host.name));
    const [trouble] = found.troubles;
    if (trouble === undefined) archives.push(...found.archives);
    else unread.set(name, archiveUnreadable(host.name, name, trouble.text));
    // Hundreds of thousands of lines take a second: connections and the lock are not to wait for all servers.
    await setImmediate();
  }
  const all = servers.map((server) => ({ ...server, unread: server.unread ?? unread.get(server.name) }));
  return { servers: all, archives };
}

interface Asked {
  readonly servers: readonly BarmanServer[];
  /** What archives were listed beside it, by server. */
  readonly told: Map<string, RunResult | undefined>;
}

/** Asks beside the configuration what was asked last: where that has changed since, the rest is asked once more. */
async function askBarman(
  host: ReadHost,
  user: string,
  archivesOf?: (server: ServerConfig) => Probe,
): Promise<Asked> {
  const known = seen.get(placeOf(host, user));
  const likely =
    archivesOf === undefined
      ? []
      : (known?.servers.filter(({ name }) => known.archives.includes(name)) ?? []);
  const [asked, ...beside] = await host.queryAll([
    ASK_BARMAN([known?.sum ?? ''], { user }),
    ...(known === undefined ? [] : [backupsProbe(known.servers, user)]),
    ...(archivesOf === undefined ? [] : likely.map(archivesOf)),
  ]);
  const parts = reportOf(asked, host.name);
  const sum = parts.find(({ kind }) => kind === 'sum')?.rest ?? '';
  const isSame = known !== undefined && known.sum === sum && !parts.some(({ kind }) => kind === 'servers');
  const configs = isSame ? known.servers : serverConfigs(parts, host.name, asked);
  if (!isSame && sum !== '') seen.set(placeOf(host, user), { sum, servers: configs, archives: [] });
  const [backups, ...archives] = isSame ? beside : [await host.query(backupsProbe(configs, user))];
  const found = reportOf(backups, host.name);
  return {
    servers: configs.map((server) => withBackups(server, found, host.name)),
    told: new Map(isSame ? likely.map(({ name }, index) => [name, archives[index]]) : []),
  };
}

function serverConfigs(
  parts: readonly ReportPart[],
  host: string,
  asked: RunResult | undefined,
): readonly ServerConfig[] {
  const part = (kind: string): ReportPart | undefined => parts.find((candidate) => candidate.kind === kind);
  if (part('missing') !== undefined) throw barmanNotFound(host, part('missing')?.lines.join('\n') ?? '');
  const files = parts.filter((candidate) => candidate.kind === 'config');
  const names =
    part('servers')?.rest === '0' ? parseServerList(part('servers')?.lines.join('\n') ?? '') : undefined;
  if (names === undefined) {
    const stderr = part('stderr')?.lines.join('\n') ?? part('servers')?.lines.join('\n') ?? '';
    throw configBroken(
      host,
      files.map((file) => file.rest),
      {
        command: 'barman -f json list-server',
        exitCode: Number(part('servers')?.rest ?? asked?.exitCode ?? 0),
        stderr,
      },
    );
  }
  const configs = parseConfig(files.map(({ rest, lines }) => ({ file: rest, text: lines.join('\n') })));
  const unread = names.filter((name) => !configs.some((config) => config.name === name));
  if (unread.length > 0)
    throw configBroken(
      host,
      files.map((file) => file.rest),
      undefined,
      unread,
    );
  return configs.filter((config) => names.includes(config.name));
}

function reportOf(result: RunResult | undefined, host: string): readonly ReportPart[] {
  if (result === undefined) throw new Error('a batch answers every probe');
  if (result.exitCode !== 0) throw barmanNotAnswering(host, evidence(result));
  try {
    return parseReport(result.stdout);
  } catch (cause) {
    throw barmanNotAnswering(host, evidence(result), cause);
  }
}

/** The script itself would fill the screen and tell nobody anything. */
function evidence(result: RunResult): CommandEvidence {
  return evidenceOf({ ...result, argv: ['sh', "(a look at Barman's files)"] });
}
