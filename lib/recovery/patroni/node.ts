import { parseRole, record, text, whole } from './cluster.ts';
import type { MemberRole } from './version.ts';

/** What a node says of itself (`GET /patroni`). */
export interface NodeView {
  readonly state: string;
  readonly role: MemberRole;
  readonly cluster?: string;
  /** Text: more digits than a number holds. */
  readonly systemId?: string;
  readonly timeline?: number;
  /** Bytes since the beginning: written (leader), or replayed and received (replica). */
  readonly location?: number;
  readonly replayed?: number;
  readonly received?: number;
  /** Who streams from it; on a leader only. */
  readonly replication: readonly WalSender[];
  readonly pendingRestart: boolean;
  readonly paused: boolean;
  /** No leader holds the lock. */
  readonly unlocked: boolean;
  readonly postmasterStart?: string;
  /** Of Patroni itself: `3.0.2`. */
  readonly version?: string;
}

/** A row of `pg_stat_replication`. */
export interface WalSender {
  readonly application: string;
  readonly state: string;
  /** Whether commits wait for it: `async`, `potential`, `sync`, `quorum`. */
  readonly sync?: string;
  readonly address?: string;
}

/** Reads `GET /patroni`. Throws when it is no such answer. */
export function parseNode(json: string): NodeView {
  const told = record(JSON.parse(json));
  const state = text(told.state);
  if (state === undefined) throw new Error('GET /patroni tells no state');
  const xlog = record(told.xlog);
  const patroni = record(told.patroni);
  const senders = Array.isArray(told.replication) ? told.replication.map(record) : [];
  const facts = {
    cluster: text(patroni.scope),
    systemId: text(told.database_system_identifier),
    timeline: whole(told.timeline),
    location: whole(xlog.location),
    replayed: whole(xlog.replayed_location),
    received: whole(xlog.received_location),
    postmasterStart: text(told.postmaster_start_time),
    version: text(patroni.version),
  };
  const known = Object.fromEntries(Object.entries(facts).filter(([, value]) => value !== undefined));
  return {
    ...(known as Partial<NodeView>),
    state,
    role: parseRole(text(told.role) ?? ''),
    replication: senders.map((sender) => {
      const address = text(sender.client_addr);
      const sync = text(sender.sync_state);
      return {
        application: text(sender.application_name) ?? '',
        state: text(sender.state) ?? '',
        ...(sync === undefined ? {} : { sync }),
        ...(address === undefined ? {} : { address }),
      };
    }),
    pendingRestart: told.pending_restart === true,
    paused: told.pause === true,
    unlocked: told.cluster_unlocked === true,
  };
}
