import { createServer } from 'node:net';
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
  const ports = await freePorts(hosts.length);
  return forEveryHost(hosts, (host) => ports[hosts.indexOf(host)] ?? 0);
}

async function isFree(port: number): Promise<boolean> {
  const server = await listen(port).catch(() => undefined);
  if (!server) return false;
  await close(server);
  return true;
}

/** Holds all of them open at once, so that no port is handed out twice. */
async function freePorts(count: number): Promise<number[]> {
  const servers = await Promise.all(Array.from({ length: count }, () => listen(0)));
  const ports = servers.map((server) => {
    const address = server.address();
    return address !== null && typeof address === 'object' ? address.port : 0;
  });
  await Promise.all(servers.map(close));
  return ports;
}

type Server = ReturnType<typeof createServer>;

function listen(port: number): Promise<Server> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.on('error', reject);
    server.listen(port, '127.0.0.1', () => resolve(server));
  });
}

function close(server: Server): Promise<void> {
  return new Promise((resolve) => server.close(() => resolve()));
}
