import { effectiveSettings, quoteConf } from './conf-file.ts';

/**
 * Configuration that lies outside the data directory (Patroni's `config_dir`, as on Debian): it belongs to the node and
 * stays where it is, whatever data comes. The file in the data directory leads there, so that every program that is told
 * `-D` alone works with it.
 */
export interface OutsideConfiguration {
  readonly directory: string;
  /** `postgresql.conf` there, which Patroni writes. */
  readonly text: string;
}

const MADE_BY =
  '# Made by pitr. PostgreSQL of this node is configured outside, and Patroni starts it from there.';
const HELD = '# Nothing is archived before the cluster follows this data.';

/** `postgresql.conf` of recovered data on such a node. It archives nothing until `releaseArchive`. */
export function leadingOutside({ directory, text }: OutsideConfiguration, pgdata: string): string {
  const own = effectiveSettings(text);
  const files = (
    [
      ['hba_file', 'pg_hba.conf'],
      ['ident_file', 'pg_ident.conf'],
    ] as const
  ).flatMap(([name, file]) => (own.has(name) ? [] : [[name, `${directory}/${file}`] as const]));
  const lines = [
    MADE_BY,
    `include ${quoteConf(`${directory}/postgresql.conf`)}`,
    ...[['data_directory', pgdata] as const, ...files].map(
      ([name, value]) => `${name} = ${quoteConf(value)}`,
    ),
    HELD,
    "archive_command = 'false'",
    ...(own.get('archive_library') ? ["archive_library = ''"] : []),
  ];
  return `${lines.join('\n')}\n`;
}

/** The file without what holds the archive back; undefined where it is none that leads outside, or nothing is held. */
export function releaseArchive(text: string): string | undefined {
  const at = text.indexOf(HELD);
  return text.startsWith(MADE_BY) && at !== -1 ? text.slice(0, at) : undefined;
}
