import { refusal } from '../../base/errors/refusal.ts';
import { Unknown } from '../../base/values/unknown.ts';
import { type Allowed, allowedOf } from './allowed-roles.ts';
import { type AccessMode, type InstanceState, isOrphaned } from './instance.ts';

/** What a start is asked for. */
export interface StartWish {
  readonly mode: AccessMode;
  readonly pgdata: string;
  readonly bin?: string | undefined;
  readonly user: string;
  readonly roles: readonly string[];
  readonly superuser?: string | undefined;
  readonly patroni_config?: string | undefined;
  readonly settings: Readonly<Record<string, string | number | boolean>>;
  readonly socket_dir?: string | undefined;
  readonly service?: string | undefined;
  readonly open_files?: string | undefined;
  readonly shutdown_timeout: number;
}

/** A start as it goes into the journal; also what a stop must know to be taken back. */
export interface StartSpec extends Allowed {
  readonly mode: AccessMode;
  readonly pgdata: string;
  readonly bin?: string;
  readonly user: string;
  readonly settings: Readonly<Record<string, string>>;
  readonly socketDirectory?: string;
  readonly service?: string;
  readonly openFiles?: string;
}

export interface StartChange extends StartSpec {
  readonly summary: string;
  /** An isolated instance runs and is stopped first. */
  readonly restart: boolean;
  readonly shutdownMs: number;
}

const WORDS: Readonly<Record<AccessMode, string>> = {
  isolated: 'isolated',
  closed: 'closed to everybody but this host',
  open: 'as configured',
};

/** The start that leads from this state to the wanted one, or nothing. Throws kind `refused`. */
export function planStart(state: InstanceState | Unknown, wish: StartWish): StartChange | undefined {
  if (!(state instanceof Unknown)) {
    const again = wish.mode === 'isolated' && state.mode === 'isolated' && state.pausedBySettings === true;
    if (!again) refuseStandbyForPrimary(state, wish);
    if (state.running && !isOrphaned(state) && state.mode === wish.mode && !again) return undefined;
    if (!again) refuseDangers(state, wish);
  }
  const known = state instanceof Unknown ? undefined : state;
  const bin = wish.bin ?? known?.programs;
  return {
    summary: `start PostgreSQL on ${wish.pgdata}, ${WORDS[wish.mode]}`,
    mode: wish.mode,
    pgdata: wish.pgdata,
    ...(bin === undefined ? {} : { bin }),
    user: wish.user,
    ...allowedOf(wish),
    settings: Object.fromEntries(Object.entries(wish.settings).map(([name, value]) => [name, String(value)])),
    ...(wish.socket_dir === undefined ? {} : { socketDirectory: wish.socket_dir }),
    ...(wish.service === undefined ? {} : { service: wish.service }),
    ...(wish.open_files === undefined ? {} : { openFiles: wish.open_files }),
    restart: known?.running === true && !isOrphaned(known),
    shutdownMs: wish.shutdown_timeout * 1000,
  };
}

/** The instance as a start leaves it, for check mode. */
export function instanceAfterStart(state: InstanceState | Unknown, change: StartChange): InstanceState {
  const role = state instanceof Unknown ? undefined : state.role;
  return {
    data: 'present',
    running: true,
    mode: change.mode,
    ...(role === undefined ? (change.mode === 'isolated' ? { role: 'recovering' } : {}) : { role }),
    ...(change.bin === undefined ? {} : { programs: change.bin }),
  };
}

/** What is closed waits to lead. The rules that are kept aside stay when Patroni makes a standby of it. */
function refuseStandbyForPrimary(state: InstanceState, { mode, pgdata }: StartWish): void {
  if (mode !== 'closed' || state.mode !== 'closed') return;
  const standby = state.signal !== undefined || state.role === 'recovering';
  if (!standby && (!state.running || state.role === 'primary')) return;
  throw refusal(
    'closed-no-primary',
    standby
      ? `the PostgreSQL on ${pgdata} was started closed, to lead, and is a standby by now`
      : `PostgreSQL runs closed on ${pgdata}, and nobody can tell whether it is still a primary`,
    [
      'Patroni, most often: it was started on this node, and has made a standby of the data.',
      'Where members were stopped already, start them again first (pitr undo with --from): pitr runs names the command.',
      'Nothing leads on from here: take the recovery back (rollback.yml), and recover again.',
    ],
  );
}

function refuseDangers(state: InstanceState, { mode, pgdata }: StartWish): void {
  if (state.data === 'absent') {
    throw refusal('no-data-directory', `there is no PostgreSQL data in ${pgdata} to start`, [
      'Restore a backup there first (barman.recover, fs.move).',
    ]);
  }
  // A start waits until what a killed postmaster has left is gone.
  if (state.running && !isOrphaned(state) && (state.mode !== 'isolated' || mode === 'isolated')) {
    throw refusal(
      'postgres-runs-already',
      `PostgreSQL runs on ${pgdata} already, ${WORDS[state.mode]}${state.pid === undefined ? '' : ` (pid ${state.pid})`}`,
      [
        mode === 'isolated'
          ? 'Stop what runs there first: patroni.member with state: stopped, or postgres.stop. In a recovery that Patroni has broken into, nothing leads on: take it back (pitr undo, or rollback.yml).'
          : mode === 'closed'
            ? 'In a cut-over that Patroni has broken into, nothing leads on: take the recovery back (rollback.yml), and recover again.'
            : 'postgres.access opens an instance that runs closed.',
      ],
    );
  }
  if (mode === 'isolated' && state.opened === true) {
    throw refusal(
      'opened-meanwhile',
      `the data in ${pgdata} was started by something else since pitr started it isolated: its recovery settings are gone`,
      [
        'Patroni, most often: the data has become a replica, which replays past the moment.',
        'Take the recovery back (pitr undo, or rollback.yml), and recover again.',
      ],
    );
  }
  if (mode === 'isolated' && state.prepared === false && state.backupLabel !== true) {
    throw refusal('not-prepared', `the data in ${pgdata} is no backup prepared for recovery`, [
      'Prepare it with postgres.recovery. The old data of a member must never be started beside its cluster.',
    ]);
  }
  if (mode === 'closed' && (state.signal !== undefined || state.role === 'recovering')) {
    throw refusal('still-in-recovery', `the instance on ${pgdata} is still in recovery`, [
      'Promote it first (postgres.promote): what is opened before that cannot become the primary.',
    ]);
  }
}
