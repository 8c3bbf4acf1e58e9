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
const replaySchema = z.looseObject({
  reached: z.string().optional().catch(undefined),
  lsn: text,
  last_commit: z.string().optional().catch(undefined),
});
const promotionSchema = z.looseObject({ timeline: z.number().catch(0) });
const streamingSchema = z.looseObject({ member: text, leader: text, timeline: z.number().catch(0) });

/** A line of the script's output, and what sort it is. */
export interface ScriptLine {
  readonly kind: 'heading' | 'done' | 'plain';
  readonly text: string;
}

const heading = (title: string): ScriptLine => ({ kind: 'heading', text: title });
const done = (words: string): ScriptLine => ({ kind: 'done', text: words });
const plain = (words: string): ScriptLine => ({ kind: 'plain', text: words });

/**
 * Tells a recovery in the steps, the order and the words of the script's manual, from the events of recover.yml.
 * A step is told when its task is, and a tick is given for what was done and proved, never before. What pitr does
 * earlier than the script did (the copy goes straight to the node) is told at the step that it had there.
 */
export class ScriptSteps {
  readonly #order: RecoverOrder;
  readonly #told = new Set<string>();
  #moves = 0;
  #promoted = false;
  #leads = false;
  #configured: string | undefined;

  constructor(order: RecoverOrder) {
    this.#order = order;
  }

  /** What an event adds; undefined where the steps have no words for it. */
  lines(event: PitrEvent): readonly ScriptLine[] | undefined {
    if (event.type === 'task.started') return this.#begin(event.task.module, event.hosts);
    if (event.type !== 'host.result') return undefined;
    if (event.status !== 'ok' && event.status !== 'changed') return undefined;
    return this.#result(event);
  }

  /** A heading once; nothing when it stands already. */
  #once(title: string): readonly ScriptLine[] {
    const number = title.slice(0, title.indexOf(' '));
    if (this.#told.has(number)) return [];
    this.#told.add(number);
    return [heading(title)];
  }

  #begin(module: string, hosts: readonly string[]): readonly ScriptLine[] | undefined {
    const target = this.#order.target ?? '';
    const where = this.#order.target === undefined ? '' : ` on ${target}`;
    switch (module) {
      case 'barman.backup':
        return this.#once('[1/8] Verifying backup exists...');
      case 'barman.wal':
        return this.#once('[3/8] Checking WAL archiving status...');
      case 'fs.space':
        return this.#once(`[4/8] Creating recovery directory${where}...`);
      case 'barman.recover':
        return [...this.#once('[5/8] Performing PITR recovery...'), plain(this.#aim())];
      case 'patroni.member':
        if (this.#promoted) return this.#leads ? this.#rejoin() : [];
        return this.#moves === 0 && hosts.includes(target)
          ? this.#once(`[7.1/10] Stopping Patroni on ${target}...`)
          : undefined;
      case 'fs.move':
        if (this.#promoted) return undefined;
        return this.#moves === 0
          ? this.#once('[7.3/10] Backing up current data directory...')
          : this.#once('[7.4/10] Copying recovered data...');
      case 'postgres.start':
        return this.#promoted ? undefined : this.#once('[7.7/10] Starting PostgreSQL recovery...');
      case 'postgres.replay':
        return [...this.#once('[7.8/10] Monitoring recovery progress...'), plain('Recovery in progress...')];
      case 'postgres.promote':
        return this.#once('[7.9/10] Promoting node...');
      case 'patroni.streaming':
        return this.#leads ? this.#rejoin() : undefined;
      default:
        return undefined;
    }
  }

  #rejoin(): readonly ScriptLine[] {
    return this.#once('[7.10/10] Reinitializing other nodes...');
  }

  #aim(): string {
    return this.#order.targetTime === 'latest'
      ? 'Recovering to latest available state (end of WAL)...'
      : `Recovering to ${oneLine(this.#order.targetTime)}...`;
  }

  #result(event: HostResult): readonly ScriptLine[] | undefined {
    const { host, task } = event;
    const target = this.#order.target ?? '';
    switch (task.module) {
      case 'barman.backup':
        return this.#backup(event);
      case 'barman.wal':
        return this.#wal(event);
      case 'fs.space': {
        const space = spaceSchema.parse(event.result);
        return [
          done(
            `Room for it: ${formatBytes(space.needed_bytes)} needed, ${formatBytes(space.free_bytes)} free on ${space.mount}`,
          ),
        ];
      }
      case 'barman.recover': {
        const copy = copySchema.parse(event.result);
        const place = wayOf(this.#order) === 'manual' ? (event.delegatedTo ?? host) : target;
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
      case 'postgres.recovery':
        if (this.#promoted) return undefined;
        this.#configured = 'Recovery configured';
        return this.#order.target === undefined ? [done(this.#configured)] : [];
      case 'patroni.member':
        return this.#member(event, target);
      case 'fs.move':
        return this.#move(event);
      case 'postgres.start':
        return this.#promoted ? undefined : [done('PostgreSQL started in recovery mode, isolated')];
      case 'postgres.replay': {
        const replay = replaySchema.parse(event.result);
        const stop = replay.reached === 'target' ? 'paused at the target' : 'at the end of the archived WAL';
        return [
          done(
            `Recovery completed at ${replay.last_commit ?? 'the end of the backup'} (${replay.lsn}, ${stop})`,
          ),
        ];
      }
      case 'postgres.promote':
        this.#promoted = true;
        return [done(`Promoted, still isolated: timeline ${promotionSchema.parse(event.result).timeline}`)];
      case 'patroni.leader':
        this.#leads = true;
        return [done(`${host} is now the leader!`)];
      case 'patroni.streaming': {
        const seen = streamingSchema.parse(event.result);
        return [done(`${seen.member} streams from ${seen.leader} on timeline ${seen.timeline}`)];
      }
      case 'postgres.query':
        return [done('The verify queries answer as expected')];
      case 'core.set_fact':
      case 'core.assert':
      case 'fs.stat':
      case 'fs.read':
      case 'patroni.cluster':
        return [];
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

  #wal({ result }: HostResult): readonly ScriptLine[] {
    const wal = walSchema.parse(result);
    // looked at once more after the leader's last segment was archived
    const again = this.#told.has('wal');
    this.#told.add('wal');
    const sequence = `WAL sequence is complete: ${plural(wal.segments, 'segment')} on timeline ${wal.timeline}, all on disk`;
    return [
      plain(`Last archived: ${wal.archived_until.wal} at ${wal.archived_until.time}`),
      ...(again ? [] : [done(sequence)]),
    ];
  }

  #member({ host, result }: HostResult, target: string): readonly ScriptLine[] {
    if (this.#promoted) {
      const { service } = serviceSchema.parse(result);
      return [plain(`${host}: Patroni ${service === 'running' ? 'started' : 'stopped'}`)];
    }
    if (host !== target) return [];
    return [
      done('Patroni stopped'),
      ...this.#once(`[7.2/10] Verifying ${target} is not in cluster...`),
      done(`${target} is not in cluster: no PostgreSQL works on its data`),
    ];
  }

  #move({ host, result }: HostResult): readonly ScriptLine[] | undefined {
    const { dest } = moveSchema.parse(result);
    if (this.#promoted) return this.#leads ? [plain(`${host}: old data kept in ${dest}`)] : undefined;
    this.#moves++;
    if (this.#moves === 1) return [done(`Data backed up to ${dest}`)];
    return [
      done(`Files in place: ${dest}`),
      ...this.#once('[7.5/10] Setting permissions...'),
      done('Permissions set: proved in step 6'),
      ...this.#once('[7.6/10] Configuring recovery settings...'),
      done(this.#configured ?? 'Recovery configured'),
    ];
  }
}
