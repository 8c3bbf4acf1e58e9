/** The connection variables of one host, as they stand in an inventory. */
export type Reach = Readonly<Record<string, string | number>>;

/**
 * Reads how a host is reached: `docker:container`, `user@host:port`, or an alias of ~/.ssh/config. Nothing for what is
 * none of them.
 */
export function readReach(where: string): Reach | undefined {
  const docker = /^docker:(?:\/\/)?([A-Za-z0-9][\w.-]*)$/.exec(where);
  if (docker?.[1] !== undefined) return { ansible_connection: 'docker', ansible_host: docker[1] };
  const ssh =
    /^(?:ssh:(?:\/\/)?)?(?:([A-Za-z0-9_][\w.-]*)@)?(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9_][\w.-]*)(?::(\d{1,5}))?$/.exec(
      where,
    );
  if (ssh === null) return undefined;
  const [, user, host = '', port] = ssh;
  return {
    ansible_connection: 'ssh',
    ansible_host: host.replace(/^\[|\]$/g, ''),
    ...(port === undefined ? {} : { ansible_port: Number(port) }),
    ...(user === undefined ? {} : { ansible_user: user }),
  };
}

/** As it is typed: `docker:pg1`, `deploy@pg1:2222`, `[fd00::2]:2222`. */
export function reachWords(reach: Reach): string {
  const { ansible_connection: kind, ansible_host: host = '', ansible_port: port, ansible_user: user } = reach;
  if (kind === 'docker') return `docker:${host}`;
  const address = String(host).includes(':') ? `[${host}]` : host;
  return `${user === undefined ? '' : `${user}@`}${address}${port === undefined ? '' : `:${port}`}`;
}

/**
 * Where another host may be, by how the first one was reached: a container that is named alike; the same login at the
 * names by which the cluster knows it. Guesses: who answers there has to prove that it is the one.
 */
export function guesses(
  first: Reach,
  firstNames: readonly string[],
  names: readonly string[],
): readonly Reach[] {
  const { ansible_connection: kind, ansible_host: host = '', ...login } = first;
  const known = [...new Set(names.filter((name) => name !== ''))];
  if (kind === 'docker') {
    const container = String(host);
    const own = firstNames.find((name) => container.endsWith(name));
    const prefix = own === undefined ? undefined : container.slice(0, -own.length);
    const alike = prefix === undefined ? [] : known.map((name) => `${prefix}${name}`);
    return [...alike, ...known].map((name) => ({ ansible_connection: 'docker', ansible_host: name }));
  }
  const { ansible_port: _, ...rest } = login;
  return known.map((name) => ({ ansible_connection: 'ssh', ansible_host: name, ...rest }));
}
