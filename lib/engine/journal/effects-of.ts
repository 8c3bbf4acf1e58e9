import { z } from 'zod';
import type { Effect } from '../../contract/effects.ts';
import type { JournalRecord } from './records.ts';

type Intent = Extract<JournalRecord, { readonly type: 'change.intended' }>;

interface ChangesOfRun {
  readonly started: { readonly runId: string };
  readonly changes: readonly { readonly intent: Intent }[];
}

/** What a journalled change leaves behind. Journals of 0.1.0 do not say it, and are read by what they do say. */
export function effectsOf(intent: Intent): readonly Effect[] {
  return intent.effects ?? effectsOfOld(intent);
}

/** The runs that a run says it is about, itself left out: a cut-over is about the run that recovered. */
export function runsNamedBy({ started, changes }: ChangesOfRun): readonly string[] {
  return changes
    .flatMap(({ intent }) => effectsOf(intent).flatMap(({ about }) => about?.runs ?? []))
    .filter((one) => one !== started.runId);
}

/** Whether `pitr commit` is to undo the change: what it gave is held only until then. */
export function isUntilCommit(intent: Intent): boolean {
  return effectsOf(intent).some(({ lasts }) => lasts === 'until commit');
}

/** Whether what the change gave ends with the process that made it. */
export function isHeld(intent: Intent): boolean {
  return effectsOf(intent).some(({ lasts }) => lasts === 'while pitr holds it');
}

const lock = z.looseObject({
  run: z.string(),
  allow: z.array(z.string()),
  ways: z.array(z.string()).default([]),
  takesBack: z.boolean().default(false),
});
const move = z.looseObject({ src: z.string(), dest: z.string(), identity: z.string().optional() });
const start = z.looseObject({ pgdata: z.string(), mode: z.string() });
const promotion = z.looseObject({ pgdata: z.string() });
const member = z.looseObject({
  pgdata: z.string(),
  state: z.string(),
  ranBefore: z.boolean().optional(),
  replicaOf: z.unknown().optional(),
  config: z.string().optional(),
  led: z.boolean().optional(),
});

/** The modules of 0.1.0 whose changes meant something to others, as they wrote them down. */
function effectsOfOld({ module, change, everyRun, mayEnd, handsOn }: Intent): readonly Effect[] {
  switch (module) {
    case 'core.lock': {
      const { data } = lock.safeParse(change);
      if (data === undefined) break;
      const runs = data.allow.filter((one) => one !== '' && one !== data.run);
      const about = { runs, takesBack: data.takesBack, ways: data.ways };
      return [{ kind: 'lock', id: '', state: 'held', lasts: 'while pitr holds it', about }];
    }
    case 'fs.move': {
      const { data } = move.safeParse(change);
      if (data === undefined) break;
      const { src, dest, identity } = data;
      const movedTo = { id: dest, ...(identity === undefined ? {} : { identity }) };
      return ['path', 'postgres'].map((kind) => ({
        kind,
        id: src,
        state: `moved to ${dest}`,
        lasts: 'for good',
        supersedes: true,
        movedTo,
      }));
    }
    case 'postgres.start': {
      const { data } = start.safeParse(change);
      if (data === undefined) break;
      const { pgdata, mode } = data;
      const leaves = { path: `${pgdata}.pitr-run`, as: 'log' } as const;
      return [
        {
          kind: 'postgres',
          id: pgdata,
          state: `running, ${mode}`,
          lasts: 'until it ends',
          ...(mode === 'open' ? {} : { leaves }),
        },
      ];
    }
    case 'postgres.promote': {
      const id = promotion.safeParse(change).data?.pgdata;
      if (id === undefined) break;
      return [{ kind: 'postgres', id, state: 'primary', lasts: 'for good', cluster: 'begins a history' }];
    }
    case 'patroni.member': {
      const { data } = member.safeParse(change);
      if (data === undefined) break;
      // Of a replica it was written down that it was one.
      const led =
        data.led ?? (data.ranBefore === true && data.config !== undefined && data.replicaOf === undefined);
      const cluster = data.state === 'running' ? 'joins' : led ? 'leaves as leader' : 'leaves';
      return [
        {
          kind: 'postgres',
          id: data.pgdata,
          state: data.state,
          lasts: 'for good',
          supersedes: true,
          cluster,
        },
      ];
    }
    default:
      break;
  }
  return [
    ...(everyRun === true ? [held(module)] : []),
    ...(mayEnd === undefined ? [] : [ending(mayEnd)]),
    ...(handsOn === undefined ? [] : [superseding(handsOn)]),
  ];
}

function held(id: string): Effect {
  return { kind: 'held', id, state: 'held', lasts: 'while pitr holds it' };
}

function ending(id: string): Effect {
  return { kind: 'postgres', id, state: 'running', lasts: 'until it ends' };
}

function superseding(id: string): Effect {
  return { kind: 'postgres', id, state: 'handed on', lasts: 'for good', supersedes: true };
}
