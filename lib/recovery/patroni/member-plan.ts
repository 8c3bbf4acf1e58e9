import { PitrError } from '../../base/errors/pitr-error.ts';
import { Unknown } from '../../base/values/unknown.ts';
import type { InstanceState } from '../postgres/instance.ts';

export interface MemberWish {
  readonly state: 'stopped' | 'out' | 'running';
  readonly out_while?: string | undefined;
  readonly leave_wal?: boolean | undefined;
  readonly service: string;
  readonly manager: 'supervisor' | 'systemd';
  readonly pgdata: string;
  readonly bin?: string | undefined;
  readonly user: string;
  readonly port: number;
  readonly config?: string | undefined;
  readonly url?: string | undefined;
  readonly cluster?: string | undefined;
  readonly timeout: number;
}

/** Plain data for the journal. */
export interface MemberChange {
  readonly summary: string;
  readonly state: 'stopped' | 'running';
  readonly service: string;
  readonly manager: 'supervisor' | 'systemd';
  readonly pgdata: string;
  readonly bin?: string;
  readonly user: string;
  readonly port: number;
  readonly config?: string;
  readonly url?: string;
  readonly timeoutMs: number;
  /** PostgreSQL was up before the change. */
  readonly ranBefore: boolean;
  /** A file that lies there as long as the member is meant to be out. */
  readonly outWhile?: string;
  /** It was stopped as a primary: whoever goes back to its data goes back to this node's. */
  readonly led?: true;
  /** It archives nothing while it stops. */
  readonly leavesWal?: true;
  /** It was a replica: taking a stop back means that it streams again, asked for here. */
  readonly replicaOf?: { readonly config: string; readonly cluster?: string };
}

export interface MemberState {
  readonly service:
    | { readonly state: 'running' | 'stopped' | 'failed' | 'missing'; readonly changing?: string | undefined }
    | Unknown;
  readonly instance: InstanceState | Unknown;
  /** No PostgreSQL works in the data directory, and yet the node's Patroni says that its own one answers. */
  readonly servesElsewhere?: boolean;
}

/**
 * The change that a member needs, or nothing. Throws kind `refused` where it would disturb an isolated recovery, and
 * where Patroni keeps its data somewhere else than the inventory says.
 */
export function planMember(
  { service, instance, servesElsewhere }: MemberState,
  wish: MemberWish,
): MemberChange | undefined {
  if (servesElsewhere === true) throw otherDirectory(wish);
  const known = instance instanceof Unknown ? undefined : instance;
  const serviceState = service instanceof Unknown ? undefined : service;
  if (serviceState?.state === 'missing') {
    throw patroniUnknown(wish);
  }
  const down =
    serviceState !== undefined && serviceState.state !== 'running' && serviceState.changing === undefined;
  const copied = (known?.copies ?? []).length > 0;
  if (wish.state === 'out' && down && !copied) return undefined;
  const isolated = known?.running === true && known.mode === 'isolated';
  if (isolated && wish.state !== 'out') {
    // With the service down and an instance of ours on the data, the member is out of the cluster as wanted; but the
    // promise "no postgres process" cannot be kept without ending the recovery.
    throw new PitrError({
      kind: 'refused',
      code: 'recovery-runs-isolated',
      message: `an isolated recovery runs on ${wish.pgdata}`,
      next: [
        wish.state === 'running'
          ? 'Promote it and start it closed (postgres.promote, postgres.start), or stop it (postgres.stop), before Patroni may start.'
          : 'Stop it with postgres.stop, if that is what is meant.',
      ],
    });
  }
  if (wish.state === 'stopped' && down && known?.running === false && !copied) return undefined;
  if (wish.state === 'running' && serviceState?.state === 'running' && serviceState.changing !== 'stopping')
    return undefined;
  const bin = wish.bin ?? known?.programs;
  const leads = wish.state !== 'running' && known?.running === true && known.role === 'primary';
  return {
    summary: wish.state === 'running' ? 'start Patroni' : 'stop Patroni and its PostgreSQL',
    state: wish.state === 'running' ? 'running' : 'stopped',
    service: wish.service,
    manager: wish.manager,
    pgdata: wish.pgdata,
    ...(bin === undefined ? {} : { bin }),
    user: wish.user,
    port: wish.port,
    ...(wish.config === undefined ? {} : { config: wish.config }),
    ...(wish.url === undefined ? {} : { url: wish.url }),
    timeoutMs: wish.timeout * 1000,
    ranBefore: known?.running ?? true,
    ...(leads ? { led: true } : {}),
    ...(leads && wish.leave_wal === true ? { leavesWal: true } : {}),
    ...(wish.out_while === undefined ? {} : { outWhile: wish.out_while }),
    ...(known?.running === true && known.role === 'recovering' && wish.config !== undefined
      ? {
          replicaOf: {
            config: wish.config,
            ...(wish.cluster === undefined ? {} : { cluster: wish.cluster }),
          },
        }
      : {}),
  };
}

/** The inventory names a service that the host does not have: whether Patroni runs there is then not known. */
export function patroniUnknown({ manager, service }: Pick<MemberWish, 'manager' | 'service'>): PitrError {
  return new PitrError({
    kind: 'failed',
    code: 'service-unknown',
    message: `${manager} knows no service "${service}"`,
    next: ['Set patroni_service and service_manager in the inventory.'],
  });
}

function otherDirectory({ pgdata }: MemberWish): PitrError {
  return new PitrError({
    kind: 'refused',
    code: 'other-data-directory',
    message: `Patroni's PostgreSQL answers here, and none works in ${pgdata}: its data lies in another directory`,
    details: ['What would be put there would never be opened, and what lies there is not what serves.'],
    next: ["Set pgdata in the inventory to postgresql.data_dir of Patroni's configuration on that host."],
  });
}
