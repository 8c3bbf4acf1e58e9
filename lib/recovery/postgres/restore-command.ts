import { splitWords } from '../../base/values/split-words.ts';
import { nextSegment, parseSegment, parseSegmentSize } from '../wal/segment.ts';
import type { WalMethod } from './params.ts';
import type { SignalKind } from './recovery-settings.ts';

/** `user@host` in its two parts; nothing when the text is not that. */
export function parseLogin(text: string): { readonly user: string; readonly host: string } | undefined {
  const match = /^([A-Za-z0-9_][\w.-]*)@([A-Za-z0-9[][\w.:[\]-]*)$/.exec(text);
  return match === null ? undefined : { user: match[1] ?? '', host: match[2] ?? '' };
}

/**
 * The exit code for "cannot tell whether it is archived". In recovery only a code above 125 stops PostgreSQL (it can
 * be started again and goes on); any lower one is the end of WAL to it. A standby asks again after any lower one, so
 * that a broken connection costs nothing but time, and would be stopped for no gain by a higher one. History files are
 * always 255: at a promotion PostgreSQL takes any lower code as "this timeline is free".
 */
export function doubtExit(signal: SignalKind): number {
  return signal === 'standby' ? 75 : 255;
}

/** The template that renders the `restore_command` of a method. */
export function restoreCommandTemplate(method: WalMethod): string {
  return `restore_command/${method === 'local' ? 'local' : 'barman'}.hbs`;
}

/** The method that a `restore_command` of ours was written for, by the program in it; nothing where it is of somebody else. */
export function walMethodOf(command: string): WalMethod | undefined {
  if (/\bbarman-wal-restore\b/.test(command)) return 'barman-wal-restore';
  // Who holds a segment is asked so with the other method, too.
  if (/\bbarman get-wal\b/.test(command)) return 'barman-get-wal';
  return /\bfor directory in\b/.test(command) ? 'local' : undefined;
}

/** Those of the servers that a `restore_command` of ours does not ask; none where it is of somebody else, or asks no Barman. */
export function serversNotAsked(command: string, servers: readonly string[]): readonly string[] {
  const [, list] = /\bfor server in (.*?); do\b/.exec(command) ?? [];
  const asked = list === undefined ? undefined : splitWords(list.replaceAll('%%', '%'));
  return asked === undefined || 'fault' in asked ? [] : servers.filter((server) => !asked.includes(server));
}

/** The values of a template under `templates/restore_command/`, quoted for sh and for PostgreSQL's `%` places. */
export interface RestoreCommandValues {
  /** `barman get-wal` over ssh instead of barman-wal-restore. */
  readonly get_wal: boolean;
  readonly user: string;
  readonly host: string;
  readonly ssh: string;
  /** In the order in which they are asked. */
  readonly servers: string;
  /** The first of them: it is asked for a segment before the others are. */
  readonly first: string;
  readonly directories: string;
  readonly segment_size: string;
  readonly doubt_exit: string;
  /** The backup's first segment and its server: as long as they show, what does not show is absent. Else empty. */
  readonly anchor: string;
  readonly anchor_server: string;
  /** The segment of which only the beginning is archived, and the server that has it. Else empty. */
  readonly partial: string;
  readonly partial_server: string;
  /** Log and segment of the one behind the last that is archived, on whatever timeline: 16 hexadecimal digits. Else empty. */
  readonly behind: string;
  /** The directory to which barman.spool brings WAL. Else empty. */
  readonly spool: string;
  /** As the first page of a segment has it: 16 hexadecimal digits. */
  readonly system_id: string;
}

export interface RestoreCommandFacts {
  readonly method: WalMethod;
  readonly login: { readonly user: string; readonly host: string };
  readonly servers: readonly string[];
  readonly directories: readonly string[];
  readonly segmentSize: number;
  readonly signal: SignalKind;
  readonly anchor?: { readonly server: string; readonly segment: string } | undefined;
  readonly partial?: { readonly server: string; readonly segment: string } | undefined;
  /** The last segment that is known to be archived. */
  readonly last?: string | undefined;
  /** WAL that may wait on this host, and the cluster that it must be of, as pg_controldata has it. */
  readonly spool?: { readonly directory: string; readonly systemId: string } | undefined;
}

/** `quote` is the one quoting function of the transports. */
export function restoreCommandValues(
  facts: RestoreCommandFacts,
  quote: (word: string) => string,
): RestoreCommandValues {
  const word = (text: string): string => quote(text).replaceAll('%', '%%');
  const { user, host } = facts.login;
  return {
    get_wal: facts.method === 'barman-get-wal',
    user: word(user),
    host: word(host),
    ssh: word(`${user}@${host}`),
    servers: facts.servers.map(word).join(' '),
    first: word(facts.servers[0] ?? ''),
    directories: facts.directories.map(word).join(' '),
    segment_size: String(facts.segmentSize),
    doubt_exit: String(doubtExit(facts.signal)),
    anchor: facts.anchor === undefined ? '' : word(facts.anchor.segment),
    anchor_server: facts.anchor === undefined ? '' : word(facts.anchor.server),
    partial: facts.partial === undefined ? '' : word(facts.partial.segment),
    partial_server: facts.partial === undefined ? '' : word(facts.partial.server),
    behind: behind(facts),
    spool: facts.spool === undefined ? '' : word(facts.spool.directory),
    system_id: BigInt(facts.spool?.systemId ?? 0)
      .toString(16)
      .padStart(16, '0'),
  };
}

/** WAL that came since is found all the same, by one question more: so only the one where a replay arrives at its end. */
function behind({ last, segmentSize }: RestoreCommandFacts): string {
  const [segment, size] = [parseSegment(last ?? ''), parseSegmentSize(segmentSize)];
  return segment === undefined || size === undefined ? '' : nextSegment(segment, size).slice(8);
}

/** The rendered template as the one line that a setting can hold. */
export function oneLine(rendered: string): string {
  return rendered
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '')
    .join(' ');
}

/** The backup's own server first, the others behind it, each once. */
export function inOrder(first: string | undefined, others: readonly string[]): readonly string[] {
  return [...new Set(first === undefined ? others : [first, ...others])];
}
