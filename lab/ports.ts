import { freePort, isFree, LAB_PORTS, type PortRange } from './free-port.ts';
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
  while (ports.size < hosts.length) ports.add(await freePort(portRange(prefix)));
  const each = [...ports];
  return forEveryHost(hosts, (host) => each[hosts.indexOf(host)] ?? 0);
}

const PARTS = 4;

/**
 * The part of the ports from which a lab draws its own. Labs that differ in the number at the end alone, as those of the
 * suites that run side by side (`pitr-test`, `pitr-test-2`), have different parts; others may have the same.
 */
export function portRange(prefix: string): PortRange {
  const [, name = prefix, number = '1'] = /^(.*)-(\d+)$/.exec(prefix) ?? [];
  const letters = [...name].reduce((sum, letter) => sum + letter.charCodeAt(0), 0);
  const size = (LAB_PORTS.to - LAB_PORTS.from) / PARTS;
  const from = LAB_PORTS.from + ((letters + Number(number)) % PARTS) * size;
  return { from, to: from + size };
}
