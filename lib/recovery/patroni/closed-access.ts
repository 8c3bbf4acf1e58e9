import { bytesOf, byteText } from '../../base/values/byte-text.ts';
import type { WriteHost } from '../../contract/host.ts';
import { PRESENCE } from '../../system/fs/presence.ts';
import { commandFailed } from '../../transport/command-failed.ts';
import { quote } from '../../transport/quote.ts';
import type { Allowed } from '../postgres/allowed-roles.ts';
import { closedRules, type Guest, guestRules, isClosed } from '../postgres/hba.ts';
import { KEPT_HBA_FILE } from '../postgres/instance.ts';
import type { InstanceRef } from '../postgres/instance-control.ts';
import { releaseArchive } from '../postgres/outside-configuration.ts';
import { ownHost, patroniSuperuser } from './login.ts';

/** Where the instance's own configuration looks for its rules, whatever a running one was started with. */
export async function hbaFile(host: WriteHost, ref: InstanceRef): Promise<string> {
  const asked = await host.must([`${ref.bin}/postgres`, '-D', ref.pgdata, '-C', 'hba_file'], {
    user: ref.user,
    cwd: '/',
  });
  return asked.stdout.trim();
}

/** The roles that are named, the one that pitr works as, and Patroni's. */
export async function rolesOf(
  host: WriteHost,
  { user }: InstanceRef,
  { roles, superuser, patroniConfig }: Allowed,
): Promise<readonly string[]> {
  const found =
    superuser ??
    (patroniConfig === undefined ? undefined : await patroniSuperuser(host, patroniConfig, user));
  return [...new Set([...roles, user, ...(found === undefined ? [] : [found])])];
}

/**
 * Puts rules into force (for the next start or reload) that let in only those roles from this very host, as the cluster's own would. The
 * rules as they were are kept in the data directory. Safe to repeat.
 */
export async function closeAccess(host: WriteHost, ref: InstanceRef, allowed: Allowed): Promise<void> {
  const file = await hbaFile(host, ref);
  const kept = `${ref.pgdata}/${KEPT_HBA_FILE}`;
  const text = await read(host, ref, file);
  if (isClosed(text)) return;
  await host.writeFile(kept, bytesOf(text), { mode: 0o600, user: ref.user });
  const rules = closedRules(text, await rolesOf(host, ref, allowed), await ownHost(host));
  await host.writeFile(file, bytesOf(rules), { user: ref.user });
}

/**
 * Lets the logins of guests be tried beside whom a closed instance lets in, by the cluster's own rules: what `closeAccess` has kept, or
 * `managed`, where Patroni's configuration has rules that it will write. In force with the next reload.
 */
export async function admitGuests(
  host: WriteHost,
  ref: InstanceRef,
  allowed: Allowed,
  guests: readonly Guest[],
  managed?: readonly string[],
): Promise<void> {
  const kept = await read(host, ref, `${ref.pgdata}/${KEPT_HBA_FILE}`);
  const own = await ownHost(host);
  const roles = await rolesOf(host, ref, allowed);
  const closed = closedRules(kept, roles, own);
  const admitted = guestRules(managed === undefined ? kept : managed.join('\n'), guests);
  const text = `${closed}${admitted.map((line) => `${line}\n`).join('')}`;
  await host.writeFile(await hbaFile(host, ref), bytesOf(text), { user: ref.user });
}

/** Puts the rules of a closed instance into its file again. */
export function dismissGuests(host: WriteHost, ref: InstanceRef, allowed: Allowed): Promise<void> {
  return admitGuests(host, ref, allowed, []);
}

const IS_THERE = `${PRESENCE}
presence "$1"`;

/**
 * Puts the rules back that `closeAccess` kept; a file that somebody else has written since stays as it is. Gives what `force`
 * gives, which puts them into force. What is kept goes last: it says that the instance is closed, and who goes on after a
 * controller that died meanwhile opens it once more.
 */
export async function openAccess<T>(host: WriteHost, ref: InstanceRef, force: () => Promise<T>): Promise<T> {
  const kept = `${ref.pgdata}/${KEPT_HBA_FILE}`;
  const there = await host.run(['sh', '-c', IS_THERE, 'sh', kept], { user: ref.user, cwd: '/' });
  if (there.exitCode === 1) return force();
  if (there.exitCode !== 0) throw commandFailed(there, host.name, { next: [`ls -l ${quote(kept)}`] });
  const file = await hbaFile(host, ref);
  if (isClosed(await read(host, ref, file))) {
    await host.writeFile(file, await host.readFile(kept, { user: ref.user }), { user: ref.user });
  }
  await releaseHeldArchive(host, ref);
  const forced = await force();
  await host.must(['rm', '-f', '--', kept], { user: ref.user, cwd: '/' });
  return forced;
}

/** The next start does. */
export async function atNextStart(): Promise<void> {}

/** Where Patroni keeps the configuration outside, it does not write the file by which recovered data archives nothing. */
async function releaseHeldArchive(host: WriteHost, ref: InstanceRef): Promise<void> {
  const path = `${ref.pgdata}/postgresql.conf`;
  const released = releaseArchive(await read(host, ref, path));
  if (released !== undefined) await host.writeFile(path, bytesOf(released), { user: ref.user });
}

async function read(host: WriteHost, ref: InstanceRef, path: string): Promise<string> {
  return byteText(await host.readFile(path, { user: ref.user }));
}
