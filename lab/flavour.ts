import type { Engine } from './engine.ts';
import type { Lab } from './lab.ts';
import type { MetalVariants } from './metal/variants.ts';
import type { Report } from './progress.ts';
import type { LabShape } from './shape.ts';
import type { HostName, PerHost } from './topology.ts';

type HostConfig = NonNullable<Parameters<Engine['createContainer']>[0]['HostConfig']>;

/** What is special about the container of a host. */
export interface LabContainerOptions extends HostConfig {
  /** `NAME=value`. */
  readonly environment?: readonly string[];
  /** The host's own name, where it is not that of the host in the lab. */
  readonly hostname?: string;
  /** Paths that lie on a volume of their own. */
  readonly volumes?: readonly string[];
}

/** A kind of lab: what its hosts are made of, and how they become a cluster. */
export interface Flavour {
  readonly shape: LabShape;
  /** Of a lab with systemd. */
  readonly variants?: MetalVariants | undefined;
  ensureImage(engine: Engine, report: Report): Promise<string>;
  /** Hosts whose sshd is published on 127.0.0.1. */
  readonly published: readonly HostName[];
  containerOf(host: HostName): LabContainerOptions;
  /** From containers that run to hosts that know each other, and to services that were started. Idempotent. */
  establish(lab: Lab, ports: PerHost<number>): Promise<void>;
  /** Starts the services that stand still. */
  startServices(lab: Lab): Promise<void>;
  /** Writes the inventories, and whatever tells this lab from another kind; returns the inventories by name. */
  writeFiles(lab: Lab, ports: PerHost<number>): Promise<Readonly<Record<string, string>>>;
}
