import { withFingerprints } from '../../base/values/fingerprint.ts';
import { synchronousMode } from './synchronous.ts';

/** What a cluster is configured to be, beyond its members: what a recovery must leave as it was, or name. */
export interface ClusterSettings {
  /** The dynamic configuration in the DCS, as Patroni's REST API gives it. */
  readonly config: Readonly<Record<string, unknown>>;
  /** Replication slots on the leader that are not those of members, as `name (logical, pgoutput, shop)`. */
  readonly slots: readonly string[];
  readonly archive: string;
  /** Patroni's names for the slots of members. The slot of one that has just left may outlast it. */
  readonly memberSlots: readonly string[];
  /** How many members are synchronous standbys. */
  readonly standbys: number;
}

/**
 * What is different now, in words; empty when all is as it was. `restored`: the leader's data is a restored copy, which
 * has no slots of before; one with the same name was made anew.
 */
export function settingsDifferences(
  before: ClusterSettings,
  now: ClusterSettings,
  restored = false,
): readonly string[] {
  const ofMembers = new Set([...before.memberSlots, ...now.memberSlots]);
  const ofNobody = ({ slots }: ClusterSettings): readonly string[] =>
    slots.filter((slot) => !ofMembers.has(slot.split(' ')[0] ?? ''));
  return [
    // One of the two may come out of a journal, which holds no secret.
    ...configDifferences('', withFingerprints(before.config), withFingerprints(now.config)),
    ...ofNobody(before)
      .filter((slot) => !now.slots.includes(slot))
      .map(
        (slot) => `replication slot ${slot} is gone: whoever reads from it needs a new one, and a new start`,
      ),
    ...ofNobody(now)
      .filter((slot) => !before.slots.includes(slot))
      .map((slot) => `replication slot ${slot} is new`),
    ...before.slots
      .filter((slot) => restored && now.slots.includes(slot) && / \(logical[,)]/.test(slot))
      .map((slot) => `replication slot ${slot} was made anew: whoever reads from it needs a new start`),
    ...(now.standbys < before.standbys && synchronousMode(now.config) !== undefined
      ? [`members that are synchronous standbys: ${before.standbys} before, ${now.standbys} now`]
      : []),
    ...(before.archive === now.archive ? [] : [`archive_mode was ${before.archive} and is ${now.archive}`]),
  ];
}

/** Whether Patroni is still at it: it makes the slots of its configuration, and chooses standbys, in turns. */
export function isSettling(before: ClusterSettings, now: ClusterSettings): boolean {
  const { slots } = now.config;
  const own = isMapping(slots) ? Object.keys(slots) : [];
  return (
    (now.standbys < before.standbys && synchronousMode(now.config) !== undefined) ||
    before.slots.some((slot) => !now.slots.includes(slot) && own.includes(slot.split(' ')[0] ?? ''))
  );
}

function configDifferences(path: string, before: unknown, now: unknown): readonly string[] {
  if (isMapping(before) && isMapping(now)) {
    const names = [...new Set([...Object.keys(before), ...Object.keys(now)])];
    return names.flatMap((name) =>
      configDifferences(path === '' ? name : `${path}.${name}`, before[name], now[name]),
    );
  }
  const [was, is] = [JSON.stringify(before), JSON.stringify(now)];
  return was === is ? [] : [`Patroni's ${path} was ${was ?? 'not set'} and is ${is ?? 'not set'}`];
}

function isMapping(value: unknown): value is Readonly<Record<string, unknown>> {
  return value !== null && typeof value === 'object' && !Array.isArray(value);
}

/**
 * Patroni's name for a member's slot (`slot_name_from_member_name`): lower case, what PostgreSQL does not allow as its number
 * in decimal, and no longer than a name may be.
 */
export function slotName(member: string): string {
  return member
    .toLowerCase()
    .replaceAll(/[-.]/g, '_')
    .replaceAll(/[^a-z0-9_]/gu, (letter) => `u${String(letter.codePointAt(0)).padStart(4, '0')}`)
    .slice(0, 63);
}
