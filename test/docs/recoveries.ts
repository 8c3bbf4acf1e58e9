/** The recoveries that pages and help show, by the state that each of them needs and leads to. */
export const RECOVERIES = {
  /** A node waits at the moment, isolated. */
  waits: /^pitr (?:play recover\.yml (?!.*break_lock)|recover \d.* --restore$)/s,
  /** The same, over the claim of a run that has died. */
  overClaim: /^pitr play recover\.yml .*break_lock/,
  cutOver: /^pitr play cutover\.yml/,
  backFromWaiting: /^pitr play rollback\.yml/,
  /** Recovery and cut-over in one run. */
  whole: /^pitr recover .*--auto-start/s,
  backFromCutOver: /^pitr play revert\.yml/,
  /** No node is touched. */
  prepared: /^pitr recover (?!.*--target)/s,
} as const;
