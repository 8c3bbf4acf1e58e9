import { LAG_COLUMNS, type MemberRole, ROLE_WORDS, UP_WORDS } from './version.ts';

export interface Member {
  readonly name: string;
  readonly role: MemberRole;
  /** Patroni's own word: `running`, `streaming`, `stopped`, `creating replica`, `start failed`. */
  readonly state: string;
  readonly timeline?: number;
  /** Bytes of WAL; absent for the leader and where Patroni does not know. */
  readonly lagBytes?: number;
  readonly host?: string;
  readonly port?: number;
  /** Base address of its REST API: `http://db1:8001`. */
  readonly apiUrl?: string;
  readonly pendingRestart?: boolean;
  /** The names of the tags that are set on it: `nosync`, `nostream`. */
  readonly tags?: readonly string[];
}

/** A cluster as one source shows it. */
export interface ClusterView {
  readonly cluster?: string;
  readonly leader?: string;
  /** By name, in the order of the source. */
  readonly members: Readonly<Record<string, Member>>;
  /** Of the leader, else the highest of all members. */
  readonly timeline?: number;
  /** Absent where nobody tells. */
  readonly paused?: boolean;
}

/** A role in any version's words: `master`, `Leader`, `Standby Leader`. */
export function parseRole(word: string): MemberRole {
  return (
    ROLE_WORDS[
      word
        .trim()
        .toLowerCase()
        .replaceAll(/[\s-]+/g, '_')
    ] ?? 'unknown'
  );
}

/** A standby leader is none: it follows another cluster, and nobody can write to it. */
export function leads(role: MemberRole): boolean {
  return role === 'leader';
}

/** PostgreSQL is up. */
export function isUp(state: string): boolean {
  return UP_WORDS.has(state);
}

/** Whether nobody is meant to send it WAL (Patroni 3.3 and later): it replays what the archive has. */
export function followsByArchive({ tags }: Pick<Member, 'tags'>): boolean {
  return tags?.includes('nostream') === true;
}

/** Whether Patroni may let it take over where the leader goes. */
export function mayLead({ state, tags }: Pick<Member, 'state' | 'tags'>): boolean {
  return isUp(state) && tags?.includes('nofailover') !== true;
}

/** Reads `GET /cluster`. Throws when it is no such answer. */
export function parseClusterAnswer(json: string): ClusterView {
  const told = record(JSON.parse(json));
  if (!Array.isArray(told.members)) throw new Error('GET /cluster tells no members');
  const members = told.members.map((raw): Member => {
    const member = record(raw);
    const apiUrl = text(member.api_url)?.replace(/\/patroni\/?$/, '');
    return trimmed({
      name: text(member.name) ?? '',
      role: parseRole(text(member.role) ?? ''),
      state: text(member.state) ?? 'unknown',
      timeline: whole(member.timeline),
      lagBytes: whole(member.lag),
      host: text(member.host),
      port: whole(member.port),
      apiUrl,
      pendingRestart: member.pending_restart === true ? true : undefined,
      tags: tagsSet(member.tags),
    });
  });
  return view(text(told.scope), members, told.pause === true);
}

/** Reads `patronictl list -f json` of any version. */
export function parseMemberList(json: string): ClusterView {
  const rows: unknown = JSON.parse(json);
  if (!Array.isArray(rows)) throw new Error('patronictl list is no list');
  const told = rows.map(record);
  const members = told.map((row): Member => {
    const [host, port] = splitAddress(text(row.Host) ?? '');
    const lag = megabytes(LAG_COLUMNS.map((column) => row[column]).find((value) => value !== undefined));
    return trimmed({
      name: text(row.Member) ?? '',
      role: parseRole(text(row.Role) ?? ''),
      state: text(row.State) ?? 'unknown',
      timeline: whole(row.TL),
      lagBytes: lag,
      host,
      port,
      pendingRestart: text(row['Pending restart']) === undefined ? undefined : true,
      tags: tagsSet(row.Tags),
    });
  });
  return view(text(told[0]?.Cluster), members, undefined);
}

function view(
  cluster: string | undefined,
  members: readonly Member[],
  paused: boolean | undefined,
): ClusterView {
  const leader = members.find(({ role }) => leads(role));
  const timelines = members.flatMap(({ timeline }) => (timeline === undefined ? [] : [timeline]));
  const timeline = leader?.timeline ?? (timelines.length > 0 ? Math.max(...timelines) : undefined);
  return {
    members: Object.fromEntries(members.map((member) => [member.name, member])),
    ...(cluster === undefined ? {} : { cluster }),
    ...(leader === undefined ? {} : { leader: leader.name }),
    ...(timeline === undefined ? {} : { timeline }),
    ...(paused === undefined ? {} : { paused }),
  };
}

/** `db1:5431`, `[fd00::1]:5431`, or a host alone. */
function splitAddress(address: string): readonly [host: string | undefined, port: number | undefined] {
  const match = /^\[?(.*?)\]?(?::(\d+))?$/.exec(address);
  const host = match?.[1];
  return [host === '' ? undefined : host, match?.[2] === undefined ? undefined : Number(match[2])];
}

function megabytes(value: unknown): number | undefined {
  const number = typeof value === 'string' && value.trim() !== '' ? Number(value) : value;
  return typeof number === 'number' && Number.isFinite(number) ? number * 1024 * 1024 : undefined;
}

/** As Patroni takes them: whatever is not false. A `failover_priority` of 0 is another way to say `nofailover`. */
function tagsSet(tags: unknown): readonly string[] | undefined {
  const { nofailover, failover_priority: priority } = record(tags);
  const never = nofailover === undefined && Number(priority ?? 1) <= 0 ? ['nofailover'] : [];
  const names = Object.entries(record(tags)).flatMap(([name, value]) => (value ? [name] : []));
  names.push(...never);
  return names.length === 0 ? undefined : names;
}

export function record(value: unknown): Readonly<Record<string, unknown>> {
  return value !== null && typeof value === 'object' ? (value as Readonly<Record<string, unknown>>) : {};
}

export function text(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}

export function whole(value: unknown): number | undefined {
  return typeof value === 'number' && Number.isSafeInteger(value) ? value : undefined;
}

type Loose<T> = { readonly [K in keyof T]: T[K] | undefined };

/** Without what is not known. */
function trimmed(member: Loose<Member>): Member {
  return Object.fromEntries(
    Object.entries(member).filter(([, value]) => value !== undefined),
  ) as unknown as Member;
}
