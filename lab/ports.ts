import { freePort, isFree } from './free-port.ts';
import {
  defaultPrefix,
  defaultSshPorts,
  forEveryHost,
  type HostName,
  hostNames,
  type PerHost,
} from './topology.ts';

/**
 * Chooses the ports on 127.0.0.1 for a new lab: for the default prefix the ones that the committed
 * SSH inventory names, as long as all of them are free; otherwise free ones.
 */
export async function choosePorts(
  prefix: string,
  hosts: readonly HostName[] = hostNames,
): Promise<PerHost<number>> {
  if (prefix === defaultPrefix && hosts === hostNames) {
    const free = await Promise.all(Object.values(defaultSshPorts).map(isFree));
    if (free.every(Boolean)) return { ...defaultSshPorts };
  }
  const ports = new Set<number>();
  while (ports.size < hosts.length) ports.add(await freePort());
  const each = [...ports];
  return forEveryHost(hosts, (host) => each[hosts.indexOf(host)] ?? 0);
}
