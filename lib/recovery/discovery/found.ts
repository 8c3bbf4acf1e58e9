import type { ReadHost } from '../../contract/host.ts';
import type { NodeDiscovery } from './discover-node.ts';
import type { Reach } from './reach.ts';

/** A value, or why it could not be learned. */
export type Learned<T> = { readonly value: T } | { readonly missing: string };

/** A host by its connection variables, to be looked at. */
export type Connect = (name: string, reach: Reach) => ReadHost;

/** A member of the cluster, as far as it was found. */
export interface FoundMember {
  readonly name: string;
  /** By what the other members reach it. */
  readonly address?: string;
  readonly reach?: Reach;
  readonly node?: NodeDiscovery;
  /** Why nothing is known of it. */
  readonly why?: string;
}

/** How hosts are reached of which that was said; of others it is guessed. */
export interface DiscoveryWish {
  readonly from: Reach;
  /** By the names of members. */
  readonly hosts: ReadonlyMap<string, Reach>;
  readonly barman?: Reach | undefined;
  readonly config?: string | undefined;
  /** Asks a person how a host is reached; nothing where nobody can be asked, or nobody knows. */
  readonly ask: (name: string, why: string) => Promise<Reach | undefined>;
}
