import { quote } from '../../transport/quote.ts';
import type { Facts } from './facts.ts';

/** A command of pitr with the inventories that were named: `pitr ping -i inventory.yml db1`. */
export function pitrCommand(
  { inventoryOptions }: Facts,
  command: string,
  ...words: readonly string[]
): string {
  return `pitr ${command}${inventoryOptions}${words.map((word) => ` ${quote(word)}`).join('')}`;
}

/** A command on a host, as it can be typed where pitr runs; without a user as the one that the inventory becomes. */
export function onHost(
  facts: Facts,
  host: string,
  user: string | undefined,
  ...argv: readonly string[]
): string {
  const as = user === undefined ? [] : ['-u', user];
  return `${pitrCommand(facts, 'exec', host, ...as)} -- ${argv.map((word) => quote(word)).join(' ')}`;
}

/** A statement on a node, as the user that PostgreSQL runs as. */
export function psqlOn(facts: Facts, host: string, statement: string): string {
  const place = facts.nodes.find(({ name }) => name === host)?.place;
  const node = facts.nodes.find(({ name }) => name === host);
  const instance = node !== undefined && 'value' in node.instance ? node.instance.value : undefined;
  const psql = place?.bin === undefined ? 'psql' : `${place.bin}/psql`;
  const way = [
    ...(instance?.socketDirectory === undefined ? [] : ['-h', instance.socketDirectory]),
    ...(instance?.port === undefined ? [] : ['-p', String(instance.port)]),
  ];
  return onHost(facts, host, place?.user, psql, ...way, '-c', statement);
}

/** patronictl on a node, with its configuration. */
export function patronictlOn(facts: Facts, host: string, ...words: readonly string[]): string {
  const place = facts.nodes.find(({ name }) => name === host)?.place;
  const config = place === undefined ? [] : ['-c', place.patroni.config];
  return onHost(facts, host, place?.user, 'patronictl', ...config, ...words);
}

/** barman on its host, as its user. */
export function barmanOn(facts: Facts, ...words: readonly string[]): string {
  const place = facts.barman?.place;
  return onHost(facts, place?.name ?? 'barman', place?.user, 'barman', ...words);
}

/** How a member is copied anew from the leader. */
export function reinitOf(facts: Facts, member: string): string {
  const cluster =
    facts.nodes.flatMap((node) => ('value' in node.cluster ? (node.cluster.value.cluster ?? []) : []))[0] ??
    facts.nodes.find(({ name }) => name === member)?.place?.patroni.cluster;
  return patronictlOn(
    facts,
    member,
    'reinit',
    ...(cluster === undefined ? [] : [cluster]),
    member,
    '--force',
  );
}
