import { existsSync, readFileSync } from 'node:fs';
import { LabError } from '../error.ts';

/** Each variant of a lab with systemd: what it is about, and its values with what they mean; the first is the default. */
export const VARIANTS = {
  layout: {
    about: "PostgreSQL's configuration",
    values: {
      patroni: 'in the data directory',
      debian: "in /etc/postgresql, made by Debian's pg_createcluster",
    },
  },
  waldir: { about: 'pg_wal', values: { inside: 'a directory', link: 'a link to a volume of its own' } },
  mount: {
    about: 'the data directory',
    values: { parent: 'its parent is a volume', data: 'it is a volume itself', none: 'no volume' },
  },
  listen: {
    about: 'PostgreSQL listens',
    values: {
      star: 'on every address',
      both: 'on its own and on 127.0.0.1',
      own: 'on its own address alone',
    },
  },
  port: { about: 'its port', values: { 5432: 'the usual one', 6432: 'another one' } },
  rest: {
    about: "Patroni's REST, on the node's own address",
    values: { basic: 'http, with a password', plain: 'http', https: 'https with an own CA, and a password' },
  },
  hba: {
    about: 'replication from 127.0.0.1',
    values: { loopback: 'is allowed', none: 'is not' },
  },
  superuser: { about: 'Patroni logs in', values: { password: 'with a password', socket: 'at the socket' } },
  barman: { about: "Barman's servers", values: { one: 'one for all nodes', each: 'one for each node' } },
  method: {
    about: 'base backups',
    values: { postgres: 'by pg_basebackup', rsync: 'by rsync (barman=each)' },
  },
  archiver: {
    about: 'WAL comes to Barman',
    values: { command: 'by archive_command', streaming: 'by a slot', both: 'by both' },
  },
  compression: { about: 'archived WAL', values: { none: 'as it is', gzip: 'packed' } },
  retention: { about: 'Barman keeps', values: { all: 'every backup', tight: 'the newest one' } },
  members: { about: 'database nodes', values: { 3: '', 4: '', 5: '' } },
  names: { about: 'host names', values: { same: 'as the members', other: 'other than the members' } },
  shell: { about: 'the login shell', values: { bash: '', dash: '' } },
  zones: { about: 'time zones', values: { utc: 'UTC everywhere', mixed: 'another on each host' } },
  sessions: { about: 'MaxSessions of sshd', values: { 10: '', 1: '' } },
  killuser: { about: "logind's KillUserProcesses", values: { yes: '', no: '' } },
  tty: { about: 'sudo', values: { free: 'asks for no terminal', required: 'requiretty' } },
  checkpoint: {
    about: "the checkpoint of Patroni's copies",
    values: { fast: 'is fast', spread: 'is spread, as Patroni has it by itself' },
  },
  tmp: { about: '/tmp', values: { exec: 'may hold programs', noexec: 'noexec' } },
  umask: { about: 'umask of a login by SSH', values: { '022': '', '077': '' } },
  locale: { about: 'locale', values: { c: 'C.UTF-8', de: 'de_DE.UTF-8, with messages' } },
  banner: { about: 'sshd at login', values: { no: 'is silent', yes: 'prints a banner' } },
} as const satisfies Readonly<
  Record<string, { readonly about: string; readonly values: Readonly<Record<string, string>> }>
>;

export type VariantName = keyof typeof VARIANTS;
type ValueOf<N extends VariantName> = `${Extract<keyof (typeof VARIANTS)[N]['values'], string | number>}`;

/** A value for every variant. */
export type MetalVariants = { readonly [N in VariantName]: ValueOf<N> };

const names = Object.keys(VARIANTS) as VariantName[];

/** `{5432: ...}` would come first in any order, so the defaults that are numbers are said here. */
const numericDefaults: Readonly<Partial<Record<VariantName, string>>> = { sessions: '10', umask: '022' };

function valuesOf(name: VariantName): string[] {
  const values = Object.keys(VARIANTS[name].values);
  const first = numericDefaults[name] ?? values[0] ?? '';
  return [first, ...values.filter((value) => value !== first)];
}

/** The defaults, with what `name=value` words say. Throws a LabError that names what there is. */
export function parseVariants(words: readonly string[]): MetalVariants {
  const chosen: Record<string, string> = Object.fromEntries(
    names.map((name) => [name, valuesOf(name)[0] ?? '']),
  );
  for (const word of words) {
    const [name = '', value = ''] = word.split('=');
    const known = names.find((one) => one === name);
    if (known === undefined)
      throw new LabError(`no variant "${name}"; there are ${names.join(', ')} (see --help)`);
    if (!valuesOf(known).includes(value))
      throw new LabError(
        `${name} cannot be "${value}"; it is one of ${valuesOf(known).join(', ')} (see --help)`,
      );
    chosen[known] = value;
  }
  const variants = chosen as MetalVariants;
  if (variants.method === 'rsync' && variants.barman === 'one')
    throw new LabError('method=rsync reaches one node, so it goes with barman=each');
  return variants;
}

/** The variants with which the lab of this file was made; undefined when it is of the ordinary kind. */
export function storedVariants(file: string): MetalVariants | undefined {
  return existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as MetalVariants) : undefined;
}

/** The variants for the help, a line each. */
export function describeVariants(): string {
  return names
    .map((name) => {
      const values: Readonly<Record<string, string>> = VARIANTS[name].values;
      const told = valuesOf(name).map((value) => (values[value] ? `${value} (${values[value]})` : value));
      return `  ${name.padEnd(12)}${VARIANTS[name].about}: ${told.join(', ')}`;
    })
    .join('\n');
}
