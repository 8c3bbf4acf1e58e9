import type { LockState } from '../../system/lock/lock-resource.ts';
import type { ServiceState } from '../../system/service/service-resource.ts';
import type { Catalogue } from '../barman/catalogue.ts';
import type { PutAside } from '../barman/errors-directory.ts';
import type { Check as BarmanCheck } from '../barman/json.ts';
import type { NodeLogin } from '../barman/node-access.ts';
import type { ClusterState } from '../patroni/cluster-resource.ts';
import type { DynamicConfig } from '../patroni/dynamic-config.ts';
import type { TriedLogin } from '../patroni/logins.ts';
import type { MemberConfig } from '../patroni/member-config.ts';
import type { PatroniThere } from '../patroni/service-process.ts';
import type { InstanceState } from '../postgres/instance.ts';
import type { Layout } from '../postgres/layout.ts';
import type { Archive } from '../wal/archive.ts';
import type { Told } from './answer.ts';
import type { BarmanLook } from './barman-script.ts';
import type { NodeLook } from './node-script.ts';
import type { NodeSql } from './node-sql.ts';
import type { BarmanPlace, NodePlace, VariableFlaw } from './place.ts';

/** What can be looked at; a check names what it needs. Whether hosts are reached is always looked at. */
export type Need =
  | 'host'
  | 'instance'
  | 'layout'
  | 'sql'
  | 'cluster'
  | 'member-config'
  | 'data-place'
  | 'service'
  | 'fetch'
  | 'member-logins'
  | 'dynamic'
  | 'barman'
  | 'stock'
  | 'barman-checks'
  | 'errors'
  | 'access'
  | 'lock'
  | 'files'
  | 'barman-logins'
  | 'controller';

/** Who one is on a host: the login (after become), and whether the other users that are needed can be become. */
export interface Reached {
  readonly login: string;
  /** By name: what went wrong where a user cannot be become. */
  readonly cannotBecome: Readonly<Record<string, string>>;
  /** Whether the login may stop and start Patroni's service; absent where nobody asked, or the manager tells it itself. */
  readonly mayControl?: 'yes' | 'no' | 'unknown' | undefined;
}

/** All that was seen of a node of the cluster. */
export interface NodeFacts {
  readonly name: string;
  /** Absent where its variables do not say enough. */
  readonly place?: NodePlace | undefined;
  readonly reached: Told<Reached>;
  readonly host: Told<NodeLook>;
  readonly instance: Told<InstanceState>;
  readonly layout: Told<Layout>;
  readonly sql: Told<NodeSql>;
  /** Of all its databases. */
  readonly bytes: Told<number>;
  readonly cluster: Told<ClusterState>;
  readonly memberConfig: Told<MemberConfig>;
  /** Whether Patroni is configured to keep its data where the inventory says. */
  readonly dataPlace: Told<boolean>;
  readonly service: Told<ServiceState>;
  /** Whether that service, where it runs, runs the Patroni that the inventory means, and whether that runs beside it. */
  readonly patroni: Told<PatroniThere>;
  /** Servers of Barman whose WAL it can fetch. */
  readonly fetch: Told<readonly string[]>;
  /** Its logins on the leader; nothing of the leader itself. */
  readonly logins: Told<readonly TriedLogin[]>;
}

export type Stock = Catalogue & { readonly archives: readonly Archive[] };

/** All that was seen of Barman's host. */
export interface BarmanFacts {
  readonly place: BarmanPlace;
  readonly reached: Told<Reached>;
  readonly look: Told<BarmanLook>;
  readonly stock: Told<Stock>;
  readonly checks: Told<ReadonlyMap<string, readonly BarmanCheck[]>>;
  readonly errors: Told<readonly PutAside[]>;
  /** By node. */
  readonly access: Readonly<Record<string, Told<NodeLogin>>>;
  readonly lock: Told<LockState>;
  /** The newest complete backup of the cluster whose files were proved to be there. */
  readonly files: Told<string>;
  readonly logins: Told<readonly TriedLogin[]>;
}

/** A recovery that this controller carried out, newest first. */
export interface Drill {
  readonly run: string;
  readonly playbook: string;
  /** Epoch milliseconds. */
  readonly ended: number;
}

export interface ControllerFacts {
  /** Warnings about secrets, each with the command that mends it. */
  readonly secrets: readonly string[];
  readonly drills: Told<readonly Drill[]>;
}

/** All that was seen, at one time. */
export interface Facts {
  /** Epoch milliseconds, by the controller's clock. */
  readonly now: number;
  readonly nodes: readonly NodeFacts[];
  /** Absent where the inventory does not say where Barman is. */
  readonly barman?: BarmanFacts | undefined;
  readonly variableFlaws: readonly VariableFlaw[];
  readonly dynamic: Told<DynamicConfig>;
  readonly controller: ControllerFacts;
  /** How the inventory is named on the command line, for commands that are printed: ` -i inventory.yml`. */
  readonly inventoryOptions: string;
}
