import { type ClusterView, isUp, type Member } from './cluster.ts';
import type { ClusterState } from './cluster-resource.ts';

type Config = Readonly<Record<string, unknown>>;

/** As it stands in the dynamic configuration: `true`, `"on"`, `"quorum"`. */
export type SynchronousMode = string | boolean;

const OFF: ReadonlySet<string> = new Set(['off', 'false', 'no', '0']);

/** `synchronous_mode` where it is on; nothing where it is off. */
export function synchronousMode({ synchronous_mode: mode }: Config): SynchronousMode | undefined {
  return isOn(mode) ? mode : undefined;
}

/** Whether no commit ends while no member stands by (`synchronous_mode_strict`). */
export function isStrict(config: Config): boolean {
  return synchronousMode(config) !== undefined && isOn(config.synchronous_mode_strict);
}

function isOn(value: unknown): value is SynchronousMode {
  return (typeof value === 'string' || typeof value === 'boolean') && !OFF.has(String(value).toLowerCase());
}

const STREAMS: ReadonlySet<string> = new Set(['running', 'streaming']);

/**
 * Whether Patroni may choose a member as a synchronous standby. One that only replays an archive is sent nothing that a
 * commit could wait for.
 */
export function mayStandBy({ state, tags = [] }: Member): boolean {
  return STREAMS.has(state) && !tags.includes('nosync');
}

/** Whether Patroni holds it for a synchronous standby. */
export function isSynchronous({ role }: Pick<Member, 'role'>): boolean {
  return role === 'sync_standby' || role === 'quorum_standby';
}

/** The members that are up and that Patroni holds for synchronous standbys: those that may take over. */
export function synchronousStandbys({ members }: Pick<ClusterView, 'members'>): readonly string[] {
  return Object.values(members)
    .filter((member) => isSynchronous(member) && isUp(member.state))
    .map(({ name }) => name);
}

/**
 * Those of them whose commits the leader waits for, by its own word: names in the DCS may be those that another leader had
 * chosen.
 */
export function provedStandbys({ members, own }: Pick<ClusterState, 'members' | 'own'>): readonly string[] {
  const waitedFor = new Set(
    (own?.replication ?? []).flatMap(({ application, sync }) =>
      sync === 'sync' || sync === 'quorum' ? [application] : [],
    ),
  );
  return synchronousStandbys({ members }).filter((name) => waitedFor.has(name));
}
