import { z } from 'zod';
import { PitrError } from '../../lib/base/errors/pitr-error.ts';
import type { Masker } from '../../lib/base/values/masker.ts';
import type { Question } from '../../lib/contract/module.ts';
import { wordToType } from '../../lib/engine/back/masked.ts';
import { targetSchema } from '../../lib/recovery/wal/target.ts';
import { commandLine } from '../../lib/transport/quote.ts';
import { maskNotes, typedWords } from '../common-options.ts';
import { usageError } from '../usage-error.ts';

export const WAL_METHODS = ['barman-wal-restore', 'barman-get-wal'] as const;
export type WalMethod = (typeof WAL_METHODS)[number];

/** What is asked of `pitr recover`, from the command line or the wizard. */
export interface RecoverOrder {
  /** An id, `latest` or `auto`. */
  readonly backup: string;
  /** A time with its offset, `latest`, `immediate`, or `xid:`, `lsn:` or `name:` with a value. */
  readonly targetTime: string;
  readonly server?: string | undefined;
  /** Where more than one timeline was alive at the target. */
  readonly timeline?: number | undefined;
  /** The node to recover on; without one the files are prepared and the steps printed. */
  readonly target?: string | undefined;
  readonly restore: boolean;
  readonly autoStart: boolean;
  readonly walMethod?: WalMethod | undefined;
  /** The operator accepts to lose what was written after a gap in the WAL. */
  readonly acceptGap: boolean;
  readonly allowLeader: boolean;
}

type Environment = Readonly<Record<string, string | undefined>>;

/** What the order means: the manual's three ways, and the one without a target. */
export type RecoverWay = 'manual' | 'prepare' | 'inspect' | 'take-over';

export function wayOf({ target, restore, autoStart }: RecoverOrder): RecoverWay {
  if (target === undefined) return 'manual';
  if (!restore) return 'prepare';
  return autoStart ? 'take-over' : 'inspect';
}

/**
 * What the options say that has no effect: told, never silently ignored. Throws kind `usage` for what can only be a
 * mistake: `--auto-start` on a target without `--restore` would take over a cluster with data that nobody replayed.
 */
export function remarksOn(order: RecoverOrder): readonly string[] {
  const { target, restore, autoStart } = order;
  if (target === undefined) {
    const idle = [...(restore ? ['--restore'] : []), ...(autoStart ? ['--auto-start'] : [])];
    return idle.length === 0
      ? []
      : [`Without --target there is no node to start on: ${idle.join(' and ')} has no effect.`];
  }
  if (autoStart && !restore) {
    throw usageError('auto-start-without-restore', '--auto-start needs --restore', {
      details: ['--auto-start makes the cluster follow what --restore has replayed.'],
      next: ['To recover and take over the cluster: --restore --auto-start'],
    });
  }
  return [];
}

const TARGETS = { xid: 'target_xid', lsn: 'target_lsn', name: 'target_name' } as const;

/** `xid:731`, `lsn:0/5000060`, `name:before-release`: a kind of target and its value; nothing for times. */
function otherTarget(text: string): readonly [kind: keyof typeof TARGETS, value: string] | undefined {
  const match = /^(xid|lsn|name):(.*)$/s.exec(text);
  if (match?.[1] === 'xid' || match?.[1] === 'lsn' || match?.[1] === 'name')
    return [match[1], match[2] ?? ''];
  return undefined;
}

/** The target as the modules take it. */
export function targetOf(text: string): Readonly<Record<string, unknown>> {
  if (text === 'immediate') return { immediate: true };
  const other = otherTarget(text);
  return other === undefined ? { time: text } : { [other[0]]: other[1] };
}

/** What the text names, in the words of whoever typed it. */
function namedBy(text: string): string {
  const kinds = { xid: 'transaction', lsn: 'position', name: 'restore point' };
  const other = otherTarget(text);
  return other === undefined ? 'target time' : kinds[other[0]];
}

const problemSchema = z.object({
  code: z.string(),
  details: z.array(z.string()),
  next: z.array(z.string()),
});

/** Throws kind `validation` for a target that is none, before any host is contacted. */
export function checkTarget(text: string): void {
  const issue = targetSchema.safeParse(targetOf(text)).error?.issues[0];
  if (issue === undefined) return;
  const kind = namedBy(text);
  const problem = problemSchema.safeParse('params' in issue ? issue.params : undefined).data;
  throw new PitrError({
    kind: 'validation',
    code: problem?.code ?? 'target-unparsable',
    message: `the ${kind} ${JSON.stringify(text)} ${issue.message}`,
    details: problem?.details,
    next: problem?.next,
  });
}

/** The target as the playbooks take it. */
export function targetVariables(text: string): Readonly<Record<string, unknown>> {
  if (text === 'immediate') return { target_time: 'latest', target_immediate: true };
  const other = otherTarget(text);
  return other === undefined
    ? { target_time: text }
    : { target_time: 'latest', [TARGETS[other[0]]]: other[1] };
}

/**
 * The variables of recover.yml for this order. `PATRONI_CLUSTER_NAME` names the cluster, as it did for the script;
 * what was given with -e wins over all.
 */
export function variablesOf(
  order: RecoverOrder,
  env: Environment,
  given: Readonly<Record<string, unknown>>,
): Readonly<Record<string, unknown>> {
  return {
    ...clusterNamed(env),
    backup: order.backup,
    ...targetVariables(order.targetTime),
    ...(order.server === undefined ? {} : { server: order.server }),
    ...(order.timeline === undefined ? {} : { timeline: order.timeline }),
    ...(order.walMethod === undefined ? {} : { wal_method: order.walMethod }),
    ...(order.acceptGap ? { accept_gap: true } : {}),
    ...(order.target === undefined
      ? {}
      : { target: order.target, restore: order.restore, auto_start: order.restore && order.autoStart }),
    ...(order.allowLeader ? { allow_leader: true } : {}),
    ...given,
  };
}

/**
 * Throws kind `usage` where `-e` (a file of an earlier recovery, say) has another node, moment or extent than the order:
 * what is shown and asked would be of the one, and what is done of the other.
 */
export function refuseContradiction(order: RecoverOrder, given: Readonly<Record<string, unknown>>): void {
  const own = variablesOf(order, {}, {});
  const elsewhere = ['target_immediate', ...Object.values(TARGETS)].filter(
    (name) => !Object.hasOwn(own, name) && ![false, null, ''].some((none) => given[name] === none),
  );
  for (const name of [...Object.keys(own), ...elsewhere]) {
    const asked = Object.hasOwn(own, name) ? name : 'target_time';
    refuseOther(name, `${asked}=${String(own[asked])}`, own[name], given);
  }
}

/** The same for the place of files that are prepared: the node that the steps are for, and where the files are. */
export function refuseOtherPlace(
  place: Readonly<Record<string, unknown>>,
  given: Readonly<Record<string, unknown>>,
): void {
  for (const name of ['prepare_for', 'prepare_on'])
    refuseOther(name, `${name}=${String(place[name])}`, place[name], given);
}

function refuseOther(
  name: string,
  asked: string,
  value: unknown,
  given: Readonly<Record<string, unknown>>,
): void {
  if (!Object.hasOwn(given, name) || String(given[name]) === String(value)) return;
  throw usageError(
    'order-contradicted',
    `-e says ${name}=${String(given[name])}, and the recovery that was asked for has ${asked}`,
    { next: [`Leave ${name} out of what is given with -e, or ask for what it says.`] },
  );
}

/** `PATRONI_CLUSTER_NAME` as a variable; nothing where it is not set. */
export function clusterNamed(env: Environment): { readonly patroni_cluster?: string } {
  const cluster = env.PATRONI_CLUSTER_NAME ?? '';
  return cluster === '' ? {} : { patroni_cluster: cluster };
}

/** What was said beside the order, as it is typed again, also in a shell that does not know `PATRONI_CLUSTER_NAME`. */
export function wordsBeside(
  options: Parameters<typeof typedWords>[0] & {
    readonly limit: string | undefined;
    readonly forks: string | undefined;
  },
  env: Environment,
): readonly string[] {
  const { patroni_cluster: cluster } = clusterNamed(env);
  return [
    // before the others: what was given with -e wins over it
    ...(cluster === undefined ? [] : ['-e', wordToType('patroni_cluster', cluster)]),
    ...typedWords(options),
    ...(options.limit === undefined ? [] : ['--limit', options.limit]),
    ...(options.forks === undefined ? [] : ['--forks', options.forks]),
  ];
}

/** An order as a command, and what whoever types it must know. */
export function commandAgain(
  order: RecoverOrder,
  beside: readonly string[],
  masker: Pick<Masker, 'text'>,
): { readonly command: string; readonly notes: readonly string[] } {
  const command = commandLine(['pitr', ...wordsOf(order, beside)]);
  return { command, notes: maskNotes(command, masker) };
}

/** The words that follow `pitr` for this very order; `beside` is what was said beside it. */
export function wordsOf(order: RecoverOrder, beside: readonly string[]): readonly string[] {
  return [
    'recover',
    order.backup,
    order.targetTime,
    ...(order.server === undefined ? [] : ['--server', order.server]),
    ...(order.target === undefined ? [] : ['--target', order.target]),
    ...(order.restore && order.target !== undefined ? ['--restore'] : []),
    ...(order.walMethod === undefined ? [] : ['--wal-method', order.walMethod]),
    ...(order.autoStart && order.target !== undefined ? ['--auto-start'] : []),
    ...(order.acceptGap ? ['--accept-gap'] : []),
    ...(order.allowLeader ? ['--allow-leader'] : []),
    ...(order.timeline === undefined ? [] : ['-e', `timeline=${order.timeline}`]),
    ...beside,
  ];
}

/** The manual's question at a gap. */
export function gapQuestion(until: string): Question {
  return {
    text: `Continue anyway, and recover to ${until}? What was written after that is lost.`,
    unanswered: 'nothing was changed',
  };
}
