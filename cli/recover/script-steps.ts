import { z } from 'zod';
import { formatBytes } from '../../lib/base/values/bytes.ts';
import type { PitrEvent } from '../../lib/engine/events/events.ts';
import type { HostResult } from '../display/words.ts';
import { oneLine, plural } from '../text.ts';
import { type RecoverOrder, wayOf } from './order.ts';

const text = z.string().catch('?');
const backupSchema = z.looseObject({
  id: text,
  server: text,
  begin_time: text,
  end_time: text,
  begin_wal: text,
  end_wal: text,
  size_bytes: z.number().optional().catch(undefined),
});
const walSchema = z.looseObject({
  target_time: text,
  latest: z.boolean().catch(false),
  timeline: z.number().catch(0),
  segments: z.number().catch(0),
  words: text,
  gap: z.unknown().optional(),
  archived_until: z.looseObject({ wal: text, time: text }),
});
const copySchema = z.looseObject({
  destination: text,
  bytes: z.number().optional().catch(undefined),
  files: z.number().optional().catch(undefined),
});
const spaceSchema = z.looseObject({
  free_bytes: z.number().catch(0),
  needed_bytes: z.number().catch(0),
  mount: text,
});
const moveSchema = z.looseObject({ dest: text });
const serviceSchema = z.looseObject({ service: text });
const rewindSchema = z.looseObject({ rewound: z.boolean().catch(false) });
const replaySchema = z.looseObject({
  reached: z.string().optional().catch(undefined),
  lsn: text,
  last_commit: z.string().optional().catch(undefined),
});
const promotionSchema = z.looseObject({ timeline: z.number().catch(0) });
const streamingSchema = z.looseObject({
  member: z.string().optional().catch(undefined),
  leader: text,
  timeline: z.number().optional().catch(undefined),
});

/** A line of the script's output, and what sort it is. */
export interface ScriptLine {
  readonly kind: 'heading' | 'done' | 'plain';
  readonly text: string;
}

const heading = (title: string): ScriptLine => ({ kind: 'heading', text: title });
const done = (words: string): ScriptLine => ({ kind: 'done', text: words });
const plain = (words: string): ScriptLine => ({ kind: 'plain', text: words });

/**
 * Tells a recovery in the steps, the order and the words of the script's manual, from the stages that recover.yml and
 * its parts give their tasks. A step is told when its task is, and a tick is given for what was done and proved, never
 * before. What pitr does earlier than the script did (the copy goes straight to the node) is told at the step that it had
 * there.
 */
export class ScriptSteps {
  readonly #order: RecoverOrder;
  readonly #told = new Set<string>();
  /** Where the recovery ends with an accepted gap. */
  #beforeGap: string | undefined;

  constructor(order: RecoverOrder) {
    this.#order = order;
  }

  /** What an event adds; undefined where the steps have no words for it. */
  lines(event: PitrEvent): readonly ScriptLine[] | undefined {
    if (event.type === 'task.started') return this.#begin(event.task.stage);
    if (event.type !== 'host.result') return undefined;
    if (event.status !== 'ok' && event.status !== 'changed') return undefined;
    return this.#result(event);
  }

  /** A heading once; nothing when it stands already. */
  #once(title: string): readonly ScriptLine[] {
    if (this.#told.has(title)) return [];
    this.#told.add(title);
    return [heading(title)];
  }

  #begin(stage: string | undefined): readonly ScriptLine[] | undefined {
    const { target } = this.#order;
    switch (stage) {
      case 'backup':
        return this.#once('[1/8] Verifying backup exists...');
      case 'wal':
        return this.#once('[3/8] Checking WAL archiving status...');
      case 'space':
        return this.#once(
          `[4/8] Creating recovery directory${target === undefined ? '' : ` on ${target}`}...`,
        );
      case 'restore':
        return [...this.#once('[5/8] Performing PITR recovery...'), plain(this.#aim())];
      case 'leave':
        return this.#once(`[7.1/10] Stopping Patroni on ${target}...`);
      case 'keep-data':
        return this.#once('[7.3/10] Backing up current data directory...');
      case 'place-data':
        return this.#once('[7.4/10] Copying recovered data...');
      case 'start':
        return this.#once('[7.7/10] Starting PostgreSQL recovery...');
      case 'replay':
        return [...this.#once('[7.8/10] Monitoring recovery progress...'), plain('Recovery in progress...')];
      case 'promote':
        return this.#once('[7.9/10] Promoting node...');
      case 'rejoin-stop':
      case 'rejoin':
        return this.#once('[7.10/10] Reinitializing other nodes...');
      default:
        return undefined;
    }
  }

  #aim(): string {
    if (this.#beforeGap !== undefined) return `Recovering to ${this.#beforeGap}...`;
    return this.#order.targetTime === 'latest'
      ? 'Recovering to latest available state (end of WAL)...'
      : `Recovering to ${oneLine(this.#order.targetTime)}...`;
  }

  #result(event: HostResult): readonly ScriptLine[] | undefined {
    const { host, result, task } = event;
    switch (task.stage) {
      case 'backup':
        return this.#backup(event);
      case 'wal':
        return this.#wal(event);
      case 'wal-again':
        return [lastArchived(event)];
      case 'space': {
        const space = spaceSchema.parse(result);
        return [
          done(
            `Room for it: ${formatBytes(space.needed_bytes)} needed, ${formatBytes(space.free_bytes)} free on ${space.mount}`,
          ),
        ];
      }
      case 'restore':
        return this.#restored(event);
      case 'aim':
        // On a node that is told where its files are in place.
        return this.#order.target === undefined ? [CONFIGURED] : [];
      case 'leave':
        return [
          done('Patroni stopped'),
          ...this.#once(`[7.2/10] Verifying ${host} is not in cluster...`),
          done(`${host} is not in cluster: no PostgreSQL works on its data`),
        ];
      case 'keep-data':
        return [done(`Data backed up to ${moveSchema.parse(result).dest}`)];
      case 'place-data':
        return [
          done(`Files in place: ${moveSchema.parse(result).dest}`),
          ...this.#once('[7.5/10] Setting permissions...'),
          done('Permissions set: proved in step 6'),
          ...this.#once('[7.6/10] Configuring recovery settings...'),
          CONFIGURED,
        ];
      case 'start':
        return [done('PostgreSQL started in recovery mode, isolated')];
      case 'replay':
        return [replayed(event)];
      case 'verify':
        return [done('The verify queries answer as expected')];
      case 'promote':
        return [done(`Promoted, still isolated: timeline ${promotionSchema.parse(result).timeline}`)];
      case 'stop-member':
      case 'hand-over':
      case 'rejoin-stop': {
        const { service } = serviceSchema.parse(result);
        return [plain(`${host}: Patroni ${service === 'running' ? 'started' : 'stopped'}`)];
      }
      case 'lead':
        return [done(`${host} is now the leader!`)];
      case 'rejoin-keep':
        return [plain(`${host}: old data kept in ${moveSchema.parse(result).dest}`)];
      case 'rejoin-rewind':
        return rewindSchema.parse(result).rewound
          ? [plain(`${host}: a copy of its old data is rewound to the new history`)]
          : [];
      case 'rejoin-copy':
        // One that ran already was not rebuilt: what comes next proves it.
        return event.status === 'changed' ? [streams(event)] : [];
      case 'rejoin':
        return [streams(event)];
      default:
        return undefined;
    }
  }

  #backup({ result }: HostResult): readonly ScriptLine[] {
    const backup = backupSchema.parse(result);
    return [
      done(`Backup found on server: ${backup.server}`),
      ...this.#once('[2/8] Backup details:'),
      plain(`Backup ${backup.id}`),
      plain(`Begin time: ${backup.begin_time}`),
      plain(`End time: ${backup.end_time}`),
      plain(`Begin WAL: ${backup.begin_wal}`),
      plain(`End WAL: ${backup.end_wal}`),
      ...(backup.size_bytes === undefined ? [] : [plain(`Size: ${formatBytes(backup.size_bytes)}`)]),
      ...(this.#order.targetTime === 'latest'
        ? []
        : [plain(`Target time: ${oneLine(this.#order.targetTime)}`)]),
    ];
  }

  #wal(event: HostResult): readonly ScriptLine[] {
    const { segments, timeline, gap, words } = walSchema.parse(event.result);
    if (gap !== undefined) this.#beforeGap = words;
    const complete =
      gap === undefined ? 'WAL sequence is complete' : `WAL sequence is complete up to ${words}`;
    return [
      lastArchived(event),
      done(`${complete}: ${plural(segments, 'segment')} on timeline ${timeline}, all on disk`),
    ];
  }

  #restored({ host, delegatedTo, result }: HostResult): readonly ScriptLine[] {
    const copy = copySchema.parse(result);
    const place = wayOf(this.#order) === 'manual' ? (delegatedTo ?? host) : this.#order.target;
    return [
      done('Base backup restored; WAL is not replayed yet'),
      ...this.#once('[6/8] Verifying recovery files...'),
      done(`Recovery files created on ${place}: ${copy.destination}`),
      ...(copy.bytes === undefined
        ? []
        : [
            plain(
              `Recovery directory size: ${formatBytes(copy.bytes)} in ${plural(copy.files ?? 0, 'file')}`,
            ),
          ]),
    ];
  }
}

const CONFIGURED = done('Recovery configured');

function lastArchived({ result }: HostResult): ScriptLine {
  const { archived_until } = walSchema.parse(result);
  return plain(`Last archived: ${archived_until.wal} at ${archived_until.time}`);
}

function streams({ host, result }: HostResult): ScriptLine {
  // The journal of an older version does not say the first and the last of a member that was rebuilt.
  const { member = host, leader, timeline } = streamingSchema.parse(result);
  return done(`${member} streams from ${leader}${timeline === undefined ? '' : ` on timeline ${timeline}`}`);
}

function replayed({ result }: HostResult): ScriptLine {
  const replay = replaySchema.parse(result);
  const stop = replay.reached === 'target' ? 'paused at the target' : 'at the end of the archived WAL';
  return done(
    `Recovery completed at ${replay.last_commit ?? 'the end of the backup'} (${replay.lsn}, ${stop})`,
  );
}
