import { z } from 'zod';

/**
 * What a change leaves behind on a resource of its host. Plain JSON: effects go into the journal with the change, and all
 * that is decided later (what a resumed run looks at again, what an undo makes true first, what is kept and may be let
 * go, from where on nothing leads back) is decided by them, whichever module made the change.
 */
export interface Effect {
  /** What it is about, as in `ResourceRef`: `postgres` and a data directory, `path`, `lock`. */
  readonly kind: string;
  readonly id: string;
  /** How it is afterwards, in a word or two, for people. */
  readonly state: string;
  readonly lasts: Lasting;
  /**
   * What an earlier change gave of this resource is not to be looked after any more: it was ended on purpose, is somewhere
   * else, or is somebody else's to keep up.
   */
  readonly supersedes?: true | undefined;
  /** It has another name now. */
  readonly movedTo?: MovedTo | undefined;
  /**
   * Beside it something was left that `pitr commit` lets go. `old file`: one file, whose name belongs to the run alone; never
   * a directory.
   */
  readonly leaves?:
    | { readonly path: string; readonly as: 'log' | 'note' | 'old data' | 'old file' }
    | undefined;
  /** What it means to the cluster that the resource belongs to. */
  readonly cluster?: ClusterStep | undefined;
  /** Of what is held for the run: which other runs the run is about, and what it does with them. */
  readonly about?: RunsAbout | undefined;
}

interface MovedTo {
  readonly id: string;
  /** Device and inode, where it can be known again by them. */
  readonly identity?: string | undefined;
  /**
   * Of a path: why it is kept there until `pitr commit` lets it go. `old data`: what the data was; `note`: something small
   * that belongs to it. Without it nothing is kept there (older journals of pitr's own modules are read by names).
   */
  readonly as?: 'old data' | 'note' | undefined;
}

/**
 * `for good`: until another change changes it. `until it ends`: it can end by itself (a server): a resumed run looks
 * whether it is there. `while pitr holds it`: it ends with the process (a lock): every process of the run makes it anew.
 * `until commit`: it is held for as long as the recovery can be taken back, and `pitr commit` undoes it (a backup that is
 * kept against its retention policy).
 */
export type Lasting = 'for good' | 'until it ends' | 'while pitr holds it' | 'until commit';

/**
 * `begins a history`: it takes writes that no other member has (a promotion). `joins`: the cluster has it from now on, and
 * follows it where it has begun a history. `leaves`: the cluster does without it; `leaves as leader`: it had the newest
 * data of the cluster.
 */
export type ClusterStep = 'begins a history' | 'joins' | 'leaves' | 'leaves as leader';

export interface RunsAbout {
  readonly runs: readonly string[];
  /** It takes back what they have done; else it goes on with it. */
  readonly takesBack: boolean;
  /** What leads on from there, line by line, for people. */
  readonly ways: readonly string[];
}

/** Effects as they come from somebody else's module, or from a journal. */
export const effectsSchema: z.ZodType<readonly Effect[]> = z.array(
  z.strictObject({
    kind: z.string().min(1),
    id: z.string(),
    state: z.string(),
    lasts: z.enum(['for good', 'until it ends', 'while pitr holds it', 'until commit']),
    supersedes: z.literal(true).optional(),
    movedTo: z
      .strictObject({
        id: z.string().min(1),
        identity: z.string().optional(),
        as: z.enum(['old data', 'note']).optional(),
      })
      .optional(),
    leaves: z
      .strictObject({ path: z.string().min(1), as: z.enum(['log', 'note', 'old data', 'old file']) })
      .optional(),
    cluster: z.enum(['begins a history', 'joins', 'leaves', 'leaves as leader']).optional(),
    about: z
      .strictObject({ runs: z.array(z.string()), takesBack: z.boolean(), ways: z.array(z.string()) })
      .optional(),
  }),
);
