import type { BarmanDiscovery } from '../../lib/recovery/discovery/discover-barman.ts';
import type { NodeDiscovery } from '../../lib/recovery/discovery/discover-node.ts';
import type { SiteDiscovery } from '../../lib/recovery/discovery/discover-site.ts';
import type { FoundMember, Learned } from '../../lib/recovery/discovery/found.ts';
import { oneLine } from '../text.ts';

/** What is said of all hosts alike: how they are reached. */
type Common = Readonly<Record<string, unknown>>;

interface Variable {
  readonly name: string;
  readonly text: string;
  readonly value: Learned<unknown>;
}

/** What could not be learned, with why: a line for the operator. */
export interface ToFillIn {
  readonly host?: string;
  readonly name: string;
  readonly why: string;
}

export interface RenderedInventory {
  readonly text: string;
  readonly toFillIn: readonly ToFillIn[];
}

/**
 * An inventory that recover.yml runs with, each variable with its comment where it first stands. What a host has said
 * stays within its comment or its value: whoever writes lines of the inventory runs what they like on the controller.
 */
export function renderInventory(site: SiteDiscovery, common: Common): RenderedInventory {
  const toFillIn: ToFillIn[] = [];
  const said = new Set<string>();
  const write = (depth: number, variables: readonly Variable[], host?: string): readonly string[] =>
    variables
      .flatMap(({ name, text, value }) => {
        const comment = said.has(name) ? [] : [`# ${oneLine(text)}`];
        said.add(name);
        if ('missing' in value) {
          toFillIn.push({ ...(host === undefined ? {} : { host }), name, why: value.missing });
          return [...comment, `# TO FILL IN (${oneLine(value.missing)}):`, `# ${name}:`];
        }
        return [...comment, `${name}: ${scalar(value.value)}`];
      })
      .map((line) => `${' '.repeat(depth)}${line}`);
  const shared = clusterVariables(site);
  const lines = [
    `# The cluster ${oneLine(site.cluster)}, as pitr init has found it. Prove it: pitr doctor`,
    'all:',
    '  vars:',
    ...write(4, [...commonVariables(common), ...barmanVariables(site.barman)]),
    '  children:',
    '    # The backup host.',
    '    barman:',
    '      hosts:',
    '        barman:',
    ...write(10, reachVariables(site.barman.reach, common), 'barman'),
    '    # The members of the Patroni cluster, by the names that Patroni knows them by.',
    '    patroni:',
    '      vars:',
    ...write(8, shared),
    '      hosts:',
    ...site.members.flatMap((member) => [
      `        ${scalar(member.name)}:`,
      ...write(10, memberVariables(member, site.barman, common, shared), member.name),
    ]),
    ...site.unlisted.flatMap(({ name, why }) => {
      toFillIn.push({ name, why });
      return [`        # NOT IN HERE (${oneLine(why)}):`, `        # ${scalar(name)}:`];
    }),
  ];
  return { text: `${lines.join('\n')}\n`, toFillIn };
}

function known(value: unknown, why: string): Learned<unknown> {
  return value === undefined ? { missing: why } : { value };
}

function commonVariables(common: Common): readonly Variable[] {
  return Object.entries(common).map(([name, value]) => ({
    name,
    text: 'How all hosts are reached, as it was said to pitr init.',
    value: { value },
  }));
}

function barmanVariables({ user, servers, ssh }: BarmanDiscovery): readonly Variable[] {
  return [
    {
      name: 'barman_host',
      text: 'The backup host, by its name in this inventory.',
      value: { value: 'barman' },
    },
    {
      name: 'barman_user',
      text: 'The user there that owns the backups and runs barman.',
      value: user,
    },
    { name: 'barman_ssh', text: 'How a member reaches the backup host by SSH.', value: ssh },
    {
      name: 'barman_servers',
      text: 'All Barman servers that hold backups or WAL of this cluster.',
      value: servers,
    },
  ];
}

/** One value for all members, where all were found and agree: of the others nobody knows. */
function clusterVariables({ cluster, members }: SiteDiscovery): readonly Variable[] {
  const text = "Patroni's name for the cluster (`scope`).";
  return [
    { name: 'patroni_cluster', text, value: { value: cluster } },
    ...NODE_VARIABLES.flatMap(({ name, text: about, of }) => {
      const values = new Set(members.map(({ node }) => (node === undefined ? undefined : of(node))));
      const [value] = values;
      return values.size === 1 && value !== undefined ? [{ name, text: about, value: { value } }] : [];
    }),
  ];
}

const NODE_VARIABLES: readonly {
  readonly name: string;
  readonly text: string;
  readonly why: string;
  readonly of: (node: NodeDiscovery) => unknown;
}[] = [
  {
    name: 'patroni_config',
    text: "Patroni's settings file on each member.",
    why: '',
    of: ({ config }) => config,
  },
  {
    name: 'patroni_port',
    text: "Port of Patroni's REST interface.",
    why: 'restapi.listen of its configuration names no port',
    of: ({ restPort }) => restPort,
  },
  {
    name: 'patroni_service',
    text: 'The service that runs Patroni, and what runs services: systemd or supervisor.',
    why: 'its process belongs to no service of systemd or supervisor',
    of: ({ service }) => service?.name,
  },
  {
    name: 'service_manager',
    text: 'What runs services: systemd or supervisor.',
    why: 'its process belongs to no service of systemd or supervisor',
    of: ({ service }) => service?.manager,
  },
  {
    name: 'pg_port',
    text: 'Port of PostgreSQL.',
    why: 'PostgreSQL does not run there, and postgresql.listen names no port',
    of: ({ port }) => port,
  },
  {
    name: 'pg_bin',
    text: 'Folder of the PostgreSQL programs (pg_ctl, pg_controldata, psql).',
    why: 'PostgreSQL does not run there, and bin_dir is not set',
    of: ({ bin }) => bin,
  },
  {
    name: 'pg_user',
    text: 'The operating system user that PostgreSQL runs as.',
    why: 'Patroni does not run there, and the data directory does not tell its owner',
    of: ({ user }) => user,
  },
];

function memberVariables(
  member: FoundMember,
  barman: BarmanDiscovery,
  common: Common,
  shared: readonly Variable[],
): readonly Variable[] {
  const { node, reach, name } = member;
  const why = member.why ?? 'it was not found';
  const own = barman.nodes[name];
  const reached: Learned<Readonly<Record<string, unknown>>> =
    reach === undefined ? { missing: why } : { value: reach };
  const differing = NODE_VARIABLES.filter(({ name: one }) => !shared.some((other) => other.name === one));
  return [
    ...reachVariables(reached, common),
    {
      name: 'pgdata',
      text: `The data directory.${node?.version === undefined ? '' : ` PostgreSQL is ${node.version}.`}${node?.configDirectory === undefined ? '' : ` Its configuration lies in ${node.configDirectory}.`}${node?.wal === undefined ? '' : ` Its WAL lies in ${node.wal}.`}`,
      value: known(node?.pgdata, why),
    },
    ...differing.map((one) => ({
      name: one.name,
      text: one.text,
      value: known(node === undefined ? undefined : one.of(node), node === undefined ? why : one.why),
    })),
    {
      name: 'barman_server',
      text: 'The Barman server that this member archives to and is backed up by.',
      value: own?.server ?? { missing: why },
    },
    {
      name: 'restore_ssh',
      text: 'How barman on the backup host reaches this member to restore onto it.',
      value: own?.restoreSsh ?? { missing: why },
    },
  ];
}

const REACH_TEXTS: Readonly<Record<string, string>> = {
  ansible_connection:
    'How the host is reached: docker (exec into a container), ssh, openssh (the ssh client of this machine) or local.',
  ansible_host: 'Its address as seen from here; for docker the name of its container.',
  ansible_port: 'The port of its sshd.',
  ansible_user: 'Who logs in.',
};

function reachVariables(
  reach: Learned<Readonly<Record<string, unknown>>>,
  common: Common,
): readonly Variable[] {
  if ('missing' in reach) {
    return [{ name: 'ansible_host', text: 'Its address as seen from here.', value: reach }];
  }
  return Object.entries(reach.value)
    .filter(([name]) => !Object.hasOwn(common, name))
    .map(([name, value]) => ({ name, text: REACH_TEXTS[name] ?? name, value: { value } }));
}

/** A value on one line, also where line ends of Unicode count, so that YAML reads back what it was. JSON is YAML. */
function scalar(value: unknown): string {
  if (typeof value === 'string' && /^[A-Za-z/][\w./@-]*$/.test(value) && !WORDS.test(value)) return value;
  return JSON.stringify(value).replaceAll(
    /[\u007f-\u009f\u2028\u2029]/g,
    (end) => `\\u${end.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

/** What YAML takes for something else than a text. */
const WORDS = /^(?:true|false|yes|no|on|off|null|y|n)$/i;
