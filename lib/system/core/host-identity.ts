import type { ReadHost } from '../../contract/host.ts';
import { probeScript } from '../../contract/probe.ts';
import { type ReportPart, reportOf } from '../../contract/script-report.ts';
import { AS_LOGIN_USER, type HostConnection } from '../../transport/types.ts';

/** By what a host is told from others; absent what it does not tell. */
export interface HostIdentity {
  /** What it calls itself: `uname -n`. */
  readonly name?: string | undefined;
  /** Of its running kernel: all containers of one machine have the same. */
  readonly boot?: string | undefined;
  /** Of its installation: /etc/machine-id. */
  readonly machine?: string | undefined;
}

/**
 * For a script whose report `parseReport` reads. Not by the machine-id: machines of one image often share it. Nor by the
 * space of process ids: PostgreSQL and the sshd of one pod may have one each. Without redirections, which a restricted shell
 * refuses.
 */
export const TELL_IDENTITY = `echo "@host $(uname -n)"; echo "@boot $(cat /proc/sys/kernel/random/boot_id)"`;

const IDENTITY = probeScript(`${TELL_IDENTITY}; echo @end`);

/** The same of a host that a run changes, where it costs most: without another program. */
const MACHINE = probeScript(
  `n= b= m=
{ read -r n </proc/sys/kernel/hostname; } 2>/dev/null || n=$(uname -n)
{ read -r b </proc/sys/kernel/random/boot_id; } 2>/dev/null
{ read -r m </etc/machine-id; } 2>/dev/null
echo "@host $n"; echo "@boot $b"; echo "@machine $m"; echo @end`,
  { inShell: true },
);

export function identityIn(parts: readonly ReportPart[]): HostIdentity {
  const one = (kind: string): string | undefined => {
    const told = parts.find((part) => part.kind === kind)?.rest.trim();
    return told === '' ? undefined : told;
  };
  return { name: one('host'), boot: one('boot'), machine: one('machine') };
}

export async function identityOf(host: ReadHost): Promise<HostIdentity> {
  const answer = await host.query(IDENTITY([], { timeoutMs: 30_000 }));
  return identityIn(reportOf(answer, host.name, 'which host this is'));
}

/** As the login user, whatever is become there. Throws kind `unreachable`, `interrupted` or `failed`. */
export async function machineOf(
  connection: Pick<HostConnection, 'run' | 'name'>,
  signal?: AbortSignal,
): Promise<HostIdentity> {
  const { argv, inShell } = MACHINE([]);
  const answer = await connection.run(argv, { user: AS_LOGIN_USER, timeoutMs: 30_000, inShell, signal });
  return identityIn(reportOf(answer, connection.name, 'which machine this is'));
}

/**
 * Whether a host is the machine that it was once. A start of its own, days later, changes nothing; another name does, and
 * another installation. Where it told neither, nobody can tell.
 */
export function isStill(once: HostIdentity, now: HostIdentity): 'yes' | 'no' | 'unknown' {
  if (once.name === undefined || now.name === undefined) return 'unknown';
  if (!isSameName(once.name.toLowerCase(), now.name.toLowerCase())) return 'no';
  return (once.machine ?? now.machine) === (now.machine ?? once.machine) ? 'yes' : 'no';
}

/** Whether two ways have led to one host. A name alone counts where nothing else is told, and nothing counts without it. */
export function isSameHost(one: HostIdentity, other: HostIdentity): 'yes' | 'no' | 'unknown' {
  if (one.boot !== undefined && other.boot !== undefined && one.boot !== other.boot) return 'no';
  if (one.name === undefined || other.name === undefined) return 'unknown';
  return isSameName(one.name.toLowerCase(), other.name.toLowerCase()) ? 'yes' : 'no';
}

/** `db1` and `db1.example.com` are one name; `db1.a.example` and `db1.b.example` are two. */
function isSameName(one: string, other: string): boolean {
  return one === other || one.startsWith(`${other}.`) || other.startsWith(`${one}.`);
}

/** `db1 (boot 6ab3e0c2-...)` */
export function identityWords({ name, boot }: HostIdentity): string {
  return `${name ?? 'a host that does not tell its name'}${boot === undefined ? '' : ` (boot ${boot})`}`;
}
