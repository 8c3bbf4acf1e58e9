import { z } from 'zod';
import { formatBytes } from '../../base/values/bytes.ts';
import { Unknown } from '../../base/values/unknown.ts';
import { type Change, defineModule } from '../../contract/module.ts';
import { predicted } from '../../contract/resource.ts';
import { patroniParams } from '../../recovery/patroni/params.ts';
import { walToFetch, whyTooMuchWal } from '../../recovery/patroni/rewind-wal.ts';
import { lookAtOldData, type OldData, removeCopy, rewindCopy } from '../../recovery/patroni/rewound-copy.ts';
import { postgresResource } from '../../recovery/postgres/instance-resource.ts';
import { absolutePath, instanceParams, seconds } from '../../recovery/postgres/params.ts';
import { recoveryParams } from '../../recovery/postgres/recovery-params.ts';
import { restoreCommandHere } from '../../recovery/postgres/restore-command-here.ts';
import { programsOf } from '../../recovery/postgres/sql.ts';
import { pastPromotionsSchema } from '../../recovery/wal/past-promotions.ts';
import { pathResource } from '../../system/fs/path-resource.ts';

const { wal_method, server, servers, ssh, wal_directories } = recoveryParams.shape;

const params = z.strictObject({
  from: absolutePath.describe('where the old data of this node is kept; it is read, and stays as it is'),
  leader_host: z.string().min(1).describe('where the leader is reached'),
  leader_port: z.int().min(1).max(65535).default(5432).describe("its PostgreSQL's port"),
  clone: z
    .enum(['copy-on-write', 'any'])
    .default('copy-on-write')
    .describe('copy-on-write: only where the file system can; any: else all of the old data is copied'),
  history: pastPromotionsSchema
    .optional()
    .describe(
      'what postgres.history tells of the leader: how much WAL would have to be fetched is counted by it beforehand',
    ),
  stall: seconds
    .default(90)
    .describe('seconds without any progress after which the replay has failed')
    .meta({ variable: 'streaming_stall' }),
  config: patroniParams.config,
  wal_method,
  server,
  servers,
  ssh,
  wal_directories,
  ...instanceParams,
});

type Params = z.output<typeof params>;

interface State {
  readonly data: 'present' | 'absent' | 'unknown';
  /** Absent where a check cannot know it. */
  readonly old?: OldData;
  readonly bin?: string;
  readonly restoreCommand?: string;
}

interface RewindChange extends Change {
  readonly pgdata: string;
  readonly user: string;
  readonly forApply: { readonly bin: string; readonly restoreCommand: string };
}

type Outcome = {
  readonly rewound: boolean;
  readonly why?: string | undefined;
  readonly how?: string;
  readonly copy_on_write?: boolean;
};

/** File systems of which files can share blocks until one is written. */
const COPIES_ON_WRITE = ['xfs', 'btrfs', 'zfs', 'bcachefs', 'ocfs2'];

export const module = defineModule({
  summary: "Brings a copy of a member's old data to the leader's history, instead of copying the leader.",
  description:
    'The old data is cloned (at once and without room where the file system copies on write), rewound with pg_rewind and ' +
    "Patroni's login for that, and replayed until it is consistent, with WAL from Barman. It then lies in `pgdata`, shut down " +
    'as a standby. The kept data is only read. Where it cannot be done (a server that was killed, tablespaces, pg_wal on ' +
    'another volume, no checksums, PostgreSQL before 14, WAL that is nowhere any more, or more of it to fetch than the data is large), nothing is left of the try, the result says why, and the ' +
    'member is to be copied from the leader as ever (patroni.rebuild).',
  examples: `- postgres.rewind:
    from: "{{ pgdata }}.pre-pitr"
    leader_host: "{{ cluster.members.db2.host }}"
- patroni.rebuild: {}`,
  params,
  returns: {
    rewound: 'whether it is there now',
    why: 'why not',
    how: 'what pg_rewind says: where the histories part',
    copy_on_write: 'whether the clone shares its blocks with the old data',
  },
  read: async (host, p: Params, context): Promise<State> => {
    const [instance, from] = await Promise.all([
      host.look(postgresResource, p.pgdata),
      host.look(pathResource, p.from),
    ]);
    const data = instance instanceof Unknown ? 'unknown' : instance.data;
    if (data === 'present') return { data };
    if (!(from instanceof Unknown) && from.kind !== 'directory')
      return { data, old: { why: `there is no directory ${p.from}` } };
    // In a check it lies where it lives as yet.
    const live = (await postgresResource.read(host, p.from)).data === 'absent';
    const directory = live ? p.pgdata : p.from;
    const kept = await postgresResource.read(host, directory);
    const bin = programsOf({ pgdata: directory, bin: p.bin }, kept.programs);
    const old = await lookAtOldData(host, { from: directory, bin, user: p.user, live });
    if (old.why !== undefined) return { data, old };
    if (kept.control === undefined) return { data, old: { why: 'its control file cannot be read' } };
    const wal = p.history === undefined ? 0 : walToFetch(kept.control, old.wal ?? [], p.history);
    const why = whyTooMuchWal(wal, old);
    if (why !== undefined) return { data, old: { ...old, why } };
    const restoreCommand = await restoreCommandHere(
      { ...p, signal: 'standby' },
      { directory: p.from, segmentSize: kept.control.segmentSize, systemId: kept.control.systemId },
      context,
    );
    return { data, old, bin, restoreCommand };
  },
  plan: (state, p): RewindChange | undefined => {
    const { data, old, bin, restoreCommand } = state;
    if (data === 'present' || whyNot(state, p) !== undefined) return undefined;
    const copied = COPIES_ON_WRITE.includes(old?.fileSystem ?? '')
      ? 'a clone'
      : `a copy${old?.bytes === undefined ? '' : ` (${formatBytes(old.bytes)})`}`;
    return {
      summary: `rewind ${copied} of ${p.from} to the leader's history, and put it into ${p.pgdata}`,
      pgdata: p.pgdata,
      user: p.user,
      forApply: { bin: bin ?? '', restoreCommand: restoreCommand ?? '' },
    };
  },
  unchanged: (state, p): Outcome => ({
    rewound: false,
    // What lies there already may be what this task has made before it was cut off.
    ...(state.data === 'present' ? {} : { why: whyNot(state, p) }),
  }),
  effects: ({ pgdata }) => [
    {
      kind: postgresResource.kind,
      id: pgdata,
      state: 'a standby that is shut down',
      lasts: 'for good',
      supersedes: true,
    },
  ],
  orphans: 'end',
  predict: ({ pgdata }) => ({
    resources: [
      predicted(postgresResource, pgdata, {
        data: 'present',
        running: false,
        mode: 'open',
        role: 'recovering',
      }),
    ],
  }),
  apply: async (host, { forApply }, p, context): Promise<Outcome> => {
    const rewound = await rewindCopy(
      host,
      {
        ...p,
        bin: forApply.bin,
        leader: { host: p.leader_host, port: p.leader_port },
        restoreCommand: forApply.restoreCommand,
      },
      context,
    );
    if (rewound.rewound) return { rewound: true, how: rewound.how, copy_on_write: rewound.copyOnWrite };
    context.warn(`a copy of ${p.from} could not be brought to the leader's history: ${rewound.why}`);
    return rewound;
  },
  // What lies in pgdata goes with the move that is taken back after this.
  undo: (host, { pgdata, user }) => removeCopy(host, pgdata, user),
});

function whyNot({ old }: State, { clone }: Params): string | undefined {
  if (old === undefined || old.why !== undefined) return old?.why;
  if (clone === 'any' || COPIES_ON_WRITE.includes(old.fileSystem ?? '')) return undefined;
  return `its file system (${old.fileSystem ?? 'unknown'}) cannot copy on write`;
}
