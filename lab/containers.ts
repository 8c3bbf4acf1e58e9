import type { Engine } from './engine.ts';
import { LabError, reasonOf } from './error.ts';
import type { Flavour } from './flavour.ts';
import { containerName, type HostName, hostLabel, isHostName, labLabel, type PerHost } from './topology.ts';

/** A container of a lab as the engine sees it now. */
interface LabContainer {
  readonly id: string;
  readonly host: HostName;
  readonly image: string;
  readonly running: boolean;
  readonly state: string;
  readonly sshPort: number | undefined;
}

/** The lab's containers by host; hosts without one are missing. */
export type LabContainers = ReadonlyMap<HostName, LabContainer>;

const ofLab = (prefix: string) => ({ label: [`${labLabel}=${prefix}`] });

/** Looks up the containers of a lab, running or not. */
export async function findContainers(engine: Engine, prefix: string): Promise<LabContainers> {
  const listed = await engine.listContainers({ all: true, filters: ofLab(prefix) });
  const found = await Promise.all(
    listed.map(async ({ Id }) => {
      const { Config, HostConfig, State } = await engine.getContainer(Id).inspect();
      const host = Config.Labels[hostLabel] ?? '';
      if (!isHostName(host)) return undefined;
      const bindings = HostConfig.PortBindings as Record<string, { HostPort?: string }[]> | undefined;
      const port = Number(bindings?.['22/tcp']?.[0]?.HostPort ?? 0);
      return {
        id: Id,
        host,
        image: Config.Image,
        running: State.Running,
        state: State.Status,
        sshPort: port > 0 ? port : undefined,
      };
    }),
  );
  return new Map(found.filter((container) => container !== undefined).map((c) => [c.host, c]));
}

/** Starts those that do not run. */
export async function startContainers(engine: Engine, containers: LabContainers): Promise<void> {
  const stopped = [...containers.values()].filter(({ running }) => !running);
  await Promise.all(stopped.map(({ id }) => engine.getContainer(id).start()));
}

/** Makes the lab's network and all its containers and starts them at once. Throws a LabError, or what the engine says. */
export async function createContainers(
  engine: Engine,
  prefix: string,
  image: string,
  ports: PerHost<number>,
  { shape, containerOf }: Pick<Flavour, 'shape' | 'containerOf'>,
): Promise<void> {
  await createNetwork(engine, prefix);
  await Promise.all(
    shape.hosts.map(async (host) => {
      const { environment = [], volumes = [], hostname = host, ...more } = containerOf(host);
      const port = ports[host];
      const container = await engine.createContainer({
        name: containerName(prefix, host),
        Image: image,
        Hostname: hostname,
        Labels: { [labLabel]: prefix, [hostLabel]: host },
        Env: [...environment],
        // Without a name they go with their container.
        Volumes: Object.fromEntries(volumes.map((path) => [path, {}])),
        ExposedPorts: { '22/tcp': {} },
        HostConfig: {
          ...more,
          NetworkMode: prefix,
          ...(port === undefined
            ? {}
            : { PortBindings: { '22/tcp': [{ HostIp: '127.0.0.1', HostPort: String(port) }] } }),
        },
        NetworkingConfig: { EndpointsConfig: { [prefix]: { Aliases: [host] } } },
      });
      await container.start();
    }),
  );
}

async function createNetwork(engine: Engine, prefix: string): Promise<void> {
  try {
    await engine.createNetwork({ Name: prefix, Driver: 'bridge', Labels: { [labLabel]: prefix } });
  } catch (thrown) {
    throw new LabError(
      `Docker could not make the network ${prefix}: ${reasonOf(thrown)}\nNetworks: docker network ls. Remove those without containers: docker network prune`,
    );
  }
}

/** Removes everything that carries the lab's label, running or not; returns how many things that were. */
export async function removeEverything(engine: Engine, prefix: string): Promise<number> {
  const filters = ofLab(prefix);
  const containers = await engine.listContainers({ all: true, filters });
  await Promise.all(containers.map(({ Id }) => engine.getContainer(Id).remove({ force: true, v: true })));
  const networks = await engine.listNetworks({ filters });
  await Promise.all(networks.map(({ Id }) => engine.getNetwork(Id).remove()));
  const { Volumes } = await engine.listVolumes({ filters });
  await Promise.all(Volumes.map(({ Name }) => engine.getVolume(Name).remove()));
  return containers.length + networks.length + Volumes.length;
}

/** The published SSH port of every host that has one. */
export function sshPortsOf(containers: LabContainers): PerHost<number> {
  return Object.fromEntries(
    [...containers.values()].flatMap(({ host, sshPort }) => (sshPort === undefined ? [] : [[host, sshPort]])),
  );
}
