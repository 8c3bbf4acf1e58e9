import { killTheController } from './kill-suite.ts';
import type { KillPoint } from './killed.ts';
import { NO_SPOOL } from './stage.ts';

// The recovery that is killed in a row (kill-in-a-row.long.test.ts) goes on at every boundary, so each is only taken back here.
// `PITR_KILL_BOUNDARIES=5-8` tries these boundaries alone, in both ways; `none` all but boundaries.
const chosen = process.env.PITR_KILL_BOUNDARIES;
const alone = chosen !== undefined && chosen !== 'none';
const MIDDLES: readonly KillPoint[] = [
  { during: 'Restore the base backup beside the live data', afterMs: 700 },
  { during: 'Restore the base backup beside the live data', afterMs: 1500 },
  { during: 'Restore the base backup beside the live data', afterMs: 3000 },
  { during: 'Take the node out of the cluster', afterMs: 300 },
  { during: 'Start PostgreSQL in isolation', afterMs: 300 },
  { during: 'Start PostgreSQL in isolation', afterMs: 800 },
  // What lies beside the data already is replayed at once.
  { during: 'Replay WAL up to the moment', afterMs: 200, with: NO_SPOOL },
];
const CUTOVER: readonly KillPoint[] = [
  { during: 'Promote the recovered node, still isolated', afterMs: 500 },
  { during: 'Clear away the recovery settings', afterMs: 20 },
  { during: 'Start it plainly, closed to clients', afterMs: 400 },
  { during: 'Stop the replicas', afterMs: 500 },
  { during: 'Stop the old leader, last', afterMs: 500 },
  { during: 'Hand the recovered node to Patroni', afterMs: 500 },
  { during: 'Prove that it leads', afterMs: 200 },
  { during: 'Open it to clients', afterMs: 50 },
  { during: 'Start the member; Patroni copies the leader', afterMs: 1500 },
  { during: 'Take a new base backup', afterMs: 1500 },
];

killTheController({
  beforeCutOver: alone ? boundaries(chosen) : MIDDLES,
  // Many more than it has: what lies behind its end costs nothing, and that they were enough is a test of its own.
  onlyUndone: chosen === undefined ? boundaries('1-500') : [],
  inCutOver: alone ? [] : CUTOVER,
  inARow: false,
});

function boundaries(range: string): readonly KillPoint[] {
  const [from = 1, to = from] = range.split('-').map(Number);
  return Array.from({ length: to - from + 1 }, (_, index) => ({ boundary: from + index }));
}
