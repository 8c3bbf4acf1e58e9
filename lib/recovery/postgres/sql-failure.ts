/** Why a statement failed, in words. */
export interface SqlFailure {
  readonly sqlState?: string;
  /** The server's own message, else psql's. */
  readonly message: string;
  readonly explanation: readonly string[];
  readonly next: readonly string[];
}

interface Known {
  readonly explanation: readonly string[];
  readonly next: readonly string[];
}

const LOCKED: Known = {
  explanation: [
    'Another transaction holds a lock on what the query reads. At the pause of a recovery that is a transaction that',
    'was replayed but has not committed yet: a DROP TABLE or TRUNCATE right after the target keeps its table locked.',
  ],
  next: [
    'Aim at a moment before that transaction began, or look again after the promotion: it is rolled back then.',
  ],
};

const KNOWN: Readonly<Record<string, Known>> = {
  '55P03': LOCKED,
  '57014': {
    explanation: ['The query did not end within its statement timeout.'],
    next: [
      'Look for a lock that it waits for, or for what keeps its host busy. postgres.query gives it more time (timeout).',
    ],
  },
  '25006': {
    explanation: ['Queries run in read-only sessions; this one wants to write.'],
    next: ['Use core.command with psql for what is meant to write.'],
  },
  '57P03': {
    explanation: ['PostgreSQL is starting up, or has not replayed enough WAL yet to let anybody in.'],
    next: ['Wait for it with postgres.replay.'],
  },
};

/**
 * Reads psql's stderr (with VERBOSITY=verbose: `ERROR:  55P03: canceling statement due to lock timeout`). The state
 * decides, not the words: they may be in any language.
 */
export function sqlFailure(stderr: string): SqlFailure {
  const match = /(?:^|\s)(?:\S+):\s+(?!FATAL|ERROR|PANIC)([0-9A-Z]{5}):\s+(.+)$/m.exec(stderr);
  const first = stderr.trim().split('\n')[0] ?? '';
  const message = match?.[2] ?? (first === '' ? 'psql ended without a word' : first);
  const sqlState = match?.[1];
  const known = sqlState === undefined ? undefined : KNOWN[sqlState];
  return {
    ...(sqlState === undefined ? {} : { sqlState }),
    message: `the database said no: ${message}`,
    explanation: known?.explanation ?? [],
    next: known?.next ?? [],
  };
}
