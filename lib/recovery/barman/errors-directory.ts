import type { ReadHost } from '../../contract/host.ts';
import { probeScript } from '../../contract/probe.ts';
import { reportIn } from '../../contract/script-report.ts';
import { PRESENCE } from '../../system/fs/presence.ts';
import { evidenceOf } from '../../transport/command-failed.ts';
import type { ServerConfig } from './config.ts';
import { archiveUnreadable, barmanNotAnswering } from './errors.ts';

/** What Barman has put aside of what arrived: `<name>.<time>.duplicate`, `<name>.<time>.unknown`. */
export interface PutAside {
  readonly server: string;
  readonly names: readonly string[];
}

// Arguments: name and errors directory of each server. One that is proved to be absent holds nothing: a server to which
// nothing was ever archived has not even a directory of its own.
const LIST_ERRORS = probeScript(`${PRESENCE}
while [ $# -gt 0 ]; do
  echo "@errors $1"
  presence "$2"
  case $? in
  0) if [ -r "$2" ] && [ -x "$2" ]; then find "$2/" -type f -printf ' %f\\n' || echo "@unreadable a part of $2"; else echo "@unreadable $2"; fi ;;
  1) ;;
  *) echo "@unreadable $2" ;;
  esac
  shift 2
done
echo @end`);

/** Throws kind `failed` where one cannot be looked into. */
export async function filesInErrors(
  host: ReadHost,
  servers: readonly Pick<ServerConfig, 'name' | 'errors'>[],
  user: string,
): Promise<readonly PutAside[]> {
  const places = servers.flatMap(({ name, errors }) => [name, errors]);
  const answer = await host.query(LIST_ERRORS(places, { user }));
  const parts = reportIn(answer);
  if (parts === undefined) {
    const command = ['sh', "(a look into Barman's errors directories)"];
    throw barmanNotAnswering(host.name, evidenceOf({ ...answer, argv: command }));
  }
  let server = '';
  const found: PutAside[] = [];
  for (const { kind, rest, lines } of parts) {
    if (kind === 'unreadable') throw archiveUnreadable(host.name, server, `cannot look into ${rest}`);
    server = rest;
    found.push({ server, names: [...lines].sort() });
  }
  return found;
}
