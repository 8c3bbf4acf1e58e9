/** What a PostgreSQL prints that is asked for all of itself: one in which nothing is wrong, but for `more`. */
export function sqlAnswer(more: Readonly<Record<string, unknown>> = {}): string {
  return JSON.stringify({
    in_recovery: false,
    replay_paused: false,
    receiving: null,
    wal: null,
    version: 150_018,
    system_id: '1',
    settings: {},
    pending: [],
    restart: {},
    archived: { last: null, seconds_ago: null, failed: null, failing: false },
    ready: 0,
    slots: [],
    hba_errors: [],
    file_errors: [],
    tablespaces: [],
    ...more,
  });
}
