import { type ClusterView, isUp } from './cluster.ts';

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

/** The members that are up and that Patroni holds for synchronous standbys: those that may take over. */
export function synchronousStandbys({ members }: Pick<ClusterView, 'members'>): readonly string[] {
  return Object.values(members)
    .filter(({ role, state }) => (role === 'sync_standby' || role === 'quorum_standby') && isUp(state))
    .map(({ name }) => name);
}
