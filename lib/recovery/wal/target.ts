import { z } from 'zod';
import { formatInstant, type Instant } from './instant.ts';
import { formatLsn, type Lsn, parseLsn } from './lsn.ts';
import { parseInstant } from './parse-instant.ts';

/**
 * Where a recovery stops. Inclusive, which is PostgreSQL's default, unless `exclusive` says otherwise: what stands
 * exactly at the target is then not recovered.
 */
export type RecoveryTarget = Stop & {
  /** How far PostgreSQL will have replayed when it stops there, as the WAL in the archive says. */
  readonly stopsAt?: Lsn | undefined;
};

type Stop =
  /** Before the first end of a transaction that is later than this moment; exclusive: that is not earlier. */
  | { readonly kind: 'time'; readonly time: Instant; readonly exclusive?: boolean | undefined }
  /** After the first record that begins at this position or later; exclusive: before it. */
  | { readonly kind: 'lsn'; readonly lsn: Lsn; readonly exclusive?: boolean | undefined }
  /** After the end of this transaction; exclusive: before it. */
  | {
      readonly kind: 'xid';
      readonly xid: number;
      readonly exclusive?: boolean | undefined;
      readonly foundAt?: Lsn | undefined;
    }
  /** At the restore point of this name. */
  | { readonly kind: 'name'; readonly name: string; readonly foundAt?: Lsn | undefined }
  /** As soon as the backup is consistent. */
  | { readonly kind: 'immediate' }
  /** After all WAL that is archived. */
  | { readonly kind: 'latest' };

/**
 * A target as playbooks write it: `latest`, a time, or one of the keys; empty ones count as not given beside another one.
 * Alone, an empty text is a mistake, and not `latest`; a key that is nothing (null) is left out.
 */
export type TargetParam = string | TargetMapping;

const orNothing = <T extends z.ZodType>(schema: T) => schema.nullable().optional();

const mapping = z.strictObject({
  time: orNothing(z.string()),
  lsn: orNothing(z.string()),
  xid: orNothing(z.union([z.string(), z.int()])),
  name: orNothing(z.string()),
  immediate: orNothing(z.union([z.boolean(), z.literal('')])),
  inclusive: orNothing(z.union([z.boolean(), z.literal('')])),
  found_at: orNothing(z.string()),
  stops_at: orNothing(z.string()),
});

type TargetMapping = z.output<typeof mapping>;

interface TargetProblem {
  readonly code: string;
  /** What is wrong, as the rest of a sentence about what was written. */
  readonly reason: string;
  readonly details: readonly string[];
  readonly next: readonly string[];
}

type ParsedTarget =
  | { readonly ok: true; readonly target: RecoveryTarget }
  | { readonly ok: false; readonly written: string; readonly key: string; readonly problem: TargetProblem };

const KINDS = ['time', 'lsn', 'xid', 'name', 'immediate'] as const;

/** Reads a target. A time of `latest` is the default and gives way to any other kind. */
function parseTarget(param: TargetParam): ParsedTarget {
  const parsed = parseStop(param);
  const stopsAt = typeof param === 'string' ? undefined : parseLsn(param.stops_at ?? '');
  return parsed.ok && stopsAt !== undefined ? { ok: true, target: { ...parsed.target, stopsAt } } : parsed;
}

function parseStop(param: TargetParam): ParsedTarget {
  const given: TargetMapping = typeof param === 'string' ? { time: param } : param;
  const present = (value: unknown): boolean =>
    value !== undefined && value !== null && value !== '' && value !== false;
  const isLatest = typeof given.time === 'string' && given.time.trim() === 'latest';
  const named = KINDS.filter((kind) => present(given[kind]) && !(kind === 'time' && isLatest));
  const [kind, second] = named;
  if (second !== undefined) {
    const what = named.map((name) => `${name} ${String(given[name])}`).join(', ');
    return bad(
      second,
      what,
      'name more than one target',
      ['Give one of them alone.'],
      /* More than one kind of target was given. */ 'target-ambiguous',
    );
  }
  const exclusive = given.inclusive === false ? { exclusive: true } : {};
  if (given.inclusive === false && (kind === undefined || kind === 'name' || kind === 'immediate')) {
    const next = ['It is for a time, a position or a transaction; leave it out.'];
    return bad(
      'inclusive',
      'inclusive: false',
      'has no meaning for that target',
      next,
      // inclusive is for a time, a position or a transaction.
      'inclusive-not-possible',
    );
  }
  switch (kind) {
    case 'lsn':
      return parsedLsn(String(given.lsn), exclusive);
    case 'xid':
      return parsedXid(String(given.xid), { ...exclusive, ...foundAt(given) });
    case 'name':
      return parsedName(String(given.name), foundAt(given));
    case 'immediate':
      return { ok: true, target: { kind: 'immediate' } };
    default: {
      const empty = (['lsn', 'xid', 'name', 'time'] as const).find((key) => given[key] === '');
      if (kind === undefined && typeof param !== 'string' && empty !== undefined)
        return nothingSaid(empty, isLatest);
      if (isLatest || !present(given.time)) {
        return typeof param === 'string' && !isLatest ? parsedTime(param, {}) : LATEST;
      }
      return parsedTime(String(given.time), exclusive);
    }
  }
}

/**
 * Whoever typed `lsn:$L` with a variable that is not set has meant some position, and least of all the newest one. Where
 * `latest` is said beside it (which is the default, too), only leaving it out says so.
 */
function nothingSaid(key: 'time' | 'lsn' | 'xid' | 'name', isLatest: boolean): ParsedTarget {
  const next = [
    isLatest
      ? `Give the value (is a variable of the shell not set?), or leave target_${key} out altogether: given and empty it is not taken for latest.`
      : 'Give the value (is a variable of the shell not set?), or say that all that is archived is meant: latest',
  ];
  return bad(
    key,
    '',
    'is empty',
    next,
    // A target was given that has no value.
    'target-empty',
  );
}

const LATEST: ParsedTarget = { ok: true, target: { kind: 'latest' } };

type Exclusive = { readonly exclusive?: boolean };

function parsedTime(text: string, exclusive: Exclusive): ParsedTarget {
  const parsed = parseInstant(text);
  if (parsed.ok) return { ok: true, target: { kind: 'time', time: parsed.instant, ...exclusive } };
  return { ok: false, written: text.trim(), key: 'time', problem: parsed.problem };
}

function parsedLsn(text: string, exclusive: Exclusive): ParsedTarget {
  const lsn = parseLsn(text);
  if (lsn !== undefined && lsn > 0n) return { ok: true, target: { kind: 'lsn', lsn, ...exclusive } };
  const next = ['Write it as PostgreSQL does: 16/B374D848 (select pg_current_wal_lsn())'];
  return bad(
    'lsn',
    text,
    'is no position of WAL',
    next,
    /* A position in the WAL is written as PostgreSQL writes it. */ 'lsn-unparsable',
  );
}

function parsedXid(text: string, rest: Exclusive & { readonly foundAt?: Lsn }): ParsedTarget {
  const digits = /^\d{1,20}$/.test(text.trim()) ? BigInt(text.trim()) : 0n;
  // pg_current_xact_id() has the epoch in its upper half; recovery compares the lower one.
  const xid = Number(digits & 0xffff_ffffn);
  if (digits <= 0xffff_ffff_ffff_ffffn && xid >= 3)
    return { ok: true, target: { kind: 'xid', xid, ...rest } };
  const next = ['It is a whole number from 3 on: select pg_current_xact_id()'];
  return bad(
    'xid',
    text,
    'is no transaction id',
    next,
    /* The target is no transaction id. */ 'xid-unparsable',
  );
}

/** PostgreSQL keeps 64 bytes of a restore point's name, the last one a NUL. */
const NAME_BYTES = 63;

function parsedName(name: string, rest: { readonly foundAt?: Lsn }): ParsedTarget {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what a name in a setting must not hold
  if (Buffer.byteLength(name) <= NAME_BYTES && !/[\u0000-\u001f\u007f]/.test(name))
    return { ok: true, target: { kind: 'name', name, ...rest } };
  const next = [`It has at most ${NAME_BYTES} bytes and no control characters.`];
  return bad(
    'name',
    name.slice(0, 80),
    'cannot be the name of a restore point',
    next,
    /* The target cannot be the name of a restore point. */ 'name-unparsable',
  );
}

function foundAt(given: TargetMapping): { readonly foundAt?: Lsn } {
  const lsn = parseLsn(given.found_at ?? '');
  return lsn === undefined ? {} : { foundAt: lsn };
}

function bad(
  key: string,
  written: string,
  reason: string,
  next: readonly string[],
  code: string,
): ParsedTarget {
  return { ok: false, written, key, problem: { code, reason, details: [], next } };
}

/** The target of a param that one of the schemas below has accepted. Throws otherwise. */
export function checkedTarget(param: TargetParam): RecoveryTarget {
  const parsed = parseTarget(param);
  if (!parsed.ok) throw new RangeError(`"${parsed.written}" ${parsed.problem.reason}`);
  return parsed.target;
}

/**
 * The schema of a `target_time` param: `latest`, or a time with an explicit offset. An issue's `params` hold the
 * problem's `code`, `details` and `next` for the reader of the error.
 */
export const targetTimeSchema = z.string().superRefine((text, context) => {
  const parsed = parseTarget(text);
  if (parsed.ok) return;
  const { code, reason, details, next } = parsed.problem;
  context.addIssue({ code: 'custom', message: reason, params: { code, details, next } });
});

/** The schema of a `target` param: `latest`, a time, or a mapping with one of time, lsn, xid, name, immediate. */
export const targetSchema = z.union([z.string(), mapping]).superRefine((param, context) => {
  const parsed = parseTarget(param);
  if (parsed.ok) return;
  const { code, reason, details, next } = parsed.problem;
  context.addIssue({
    code: 'custom',
    message: reason,
    path: typeof param === 'string' ? [] : [parsed.key],
    params: { code, details, next },
  });
});

/** A target as playbooks, the journal and notes carry it: plain data that `targetSchema` reads again. */
export function targetData(target: RecoveryTarget): Readonly<Record<string, string | number | boolean>> {
  const stops = target.stopsAt === undefined ? {} : { stops_at: formatLsn(target.stopsAt) };
  return { ...stopData(target), ...stops };
}

function stopData(target: RecoveryTarget): Readonly<Record<string, string | number | boolean>> {
  const inclusive = 'exclusive' in target && target.exclusive === true ? { inclusive: false } : {};
  switch (target.kind) {
    case 'time':
      return { time: formatInstant(target.time), ...inclusive };
    case 'lsn':
      return { lsn: formatLsn(target.lsn), ...inclusive };
    case 'xid':
      return { xid: target.xid, ...inclusive, ...found(target.foundAt) };
    case 'name':
      return { name: target.name, ...found(target.foundAt) };
    case 'immediate':
      return { immediate: true };
    case 'latest':
      return { time: 'latest' };
  }
}

function found(at: Lsn | undefined): { readonly found_at?: string } {
  return at === undefined ? {} : { found_at: formatLsn(at) };
}

/** The position of a target, where it is one or is known; nothing for times, and for what has to be looked for. */
export function lsnOfTarget(target: RecoveryTarget): Lsn | undefined {
  if (target.kind === 'lsn') return target.lsn;
  return target.kind === 'xid' || target.kind === 'name' ? target.foundAt : undefined;
}

/** A target in words: `2026-11-22 09:34:43+00`, `before transaction 731`, `restore point "before-release"`. */
export function targetWords(target: RecoveryTarget): string {
  switch (target.kind) {
    case 'time':
      return `${formatInstant(target.time)}${target.exclusive === true ? ' (what was committed at that very microsecond left out)' : ''}`;
    case 'lsn':
      return `${target.exclusive === true ? 'before' : 'after'} the record at position ${formatLsn(target.lsn)}`;
    case 'xid':
      return `${target.exclusive === true ? 'before' : 'after'} the end of transaction ${target.xid}`;
    case 'name':
      return `restore point "${target.name}"`;
    case 'immediate':
      return 'the end of the base backup';
    case 'latest':
      return 'the end of what is archived';
  }
}
