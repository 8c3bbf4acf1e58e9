import { z } from 'zod';
import { PitrError } from '../../base/errors/pitr-error.ts';
import { defineLook } from '../../contract/module.ts';
import { probeScript } from '../../contract/probe.ts';
import { reportIn } from '../../contract/script-report.ts';
import { instanceParams } from '../../recovery/postgres/params.ts';
import { evidenceOf } from '../../transport/command-failed.ts';
import { quote } from '../../transport/quote.ts';
import type { RunResult } from '../../transport/types.ts';

const params = z.strictObject({
  pgdata: instanceParams.pgdata,
  user: instanceParams.user,
  ways: z
    .array(z.string())
    .default([])
    .describe('what else can be done where it cannot be told, line by line'),
});

interface Size {
  readonly bytes: number;
  readonly wal_bytes: number;
  readonly tablespaces: readonly { readonly place: string; readonly bytes: number }[];
}

/** Millions of files on a slow disk. */
const TIMEOUT_MS = 1_800_000;

// Files come and go while a server works: one that has gone meanwhile has no size. Anything else that du cannot look at
// makes the sum too small. In bytes of the files, as they are copied, and not of blocks.
const MEASURE = probeScript(`
size() (
  cd -- "$1" || exit 3
  LC_ALL=C du -sb . 2>&1 | awk '
    /: No such file or directory$/ { next }
    /^[0-9]+\\t\\.$/ { bytes = $1; next }
    { print | "cat >&2"; blind = 1 }
    END { if (blind || bytes == "") exit 3; print bytes }'
)
cd -- "$1" || exit 3
data=$(size .) && wal=$(size pg_wal) || exit 3
echo "@data $data"
if [ -L pg_wal ]; then echo "@outside $wal"; else echo "@inside $wal"; fi
for link in pg_tblspc/*; do
  [ -L "$link" ] || continue
  place=$(readlink -- "$link") && bytes=$(size "$link/") || exit 3
  echo "@tablespace $bytes $place"
done
echo @end`);

export const module = defineLook({
  summary: 'Tells how many bytes a data directory has, with its WAL and its tablespaces.',
  description: 'What a copy of it takes. Works while PostgreSQL runs on it, and without.',
  examples: `- postgres.size: {}
  register: size`,
  params,
  returns: {
    bytes: 'of the data with its WAL, wherever that lies, without tablespaces',
    data_bytes: 'of the data without its WAL',
    wal_bytes: 'of its WAL alone',
    tablespaces: 'each one: place, bytes',
  },
  dependsOn: ({ pgdata }) => [
    { kind: 'postgres', id: pgdata },
    { kind: 'path', id: pgdata },
  ],
  read: async (host, { pgdata, user, ways }) => {
    const answer = await host.query(MEASURE([pgdata], { user, timeoutMs: TIMEOUT_MS }));
    const size = sizeIn(answer);
    if (size !== undefined) return { ...size, data_bytes: size.bytes - size.wal_bytes };
    throw new PitrError({
      kind: 'refused',
      code: 'data-size-unknown',
      message: `cannot tell how large the data in ${pgdata} is`,
      host: host.name,
      evidence: { ...evidenceOf(answer), command: `du -sb ${quote(pgdata)}` },
      next: ['Check pg_user in the inventory: the OS user that owns the data.', ...ways],
    });
  },
});

/** Nothing where the answer is not whole. */
function sizeIn(answer: RunResult): Size | undefined {
  const parts = reportIn(answer);
  if (parts === undefined) return undefined;
  const number = (kind: string): number => Number(parts.find((part) => part.kind === kind)?.rest ?? 0);
  return {
    bytes: number('data') + number('outside'),
    wal_bytes: number('inside') + number('outside'),
    tablespaces: parts.flatMap(({ kind, rest }) => {
      const [, bytes = '', place = ''] = /^(\d+) (.*)$/.exec(rest) ?? [];
      return kind === 'tablespace' ? [{ place, bytes: Number(bytes) }] : [];
    }),
  };
}
