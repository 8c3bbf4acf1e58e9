import { PitrError } from '../../base/errors/pitr-error.ts';
import type { TaskContext } from '../../contract/module.ts';
import { quote } from '../../transport/quote.ts';
import type { WalMethod } from './params.ts';
import type { SignalKind } from './recovery-settings.ts';
import {
  inOrder,
  oneLine,
  parseLogin,
  restoreCommandTemplate,
  restoreCommandValues,
} from './restore-command.ts';

/** How this host fetches WAL: as the inventory says, and what the task adds to that. */
export interface WalSource {
  readonly wal_method: WalMethod;
  readonly server?: string | undefined;
  readonly servers: readonly string[];
  readonly ssh: string;
  readonly wal_directories: readonly string[];
  readonly signal: SignalKind;
  /** The backup's first segment. */
  readonly begin_wal?: string | undefined;
  readonly partial?: { readonly segment: string; readonly server: string } | undefined;
  readonly spool?: string | undefined;
  /** The last segment that is known to be archived. */
  readonly last_wal?: string | undefined;
}

/** What the data itself says. */
export interface WalOfData {
  readonly directory: string;
  readonly segmentSize: number | undefined;
  readonly systemId: string | undefined;
}

/** The `restore_command` for data on this host, in one line. Throws kind `failed` (`segment-size-unknown`). */
export async function restoreCommandHere(
  p: WalSource,
  { directory, segmentSize, systemId }: WalOfData,
  context: Pick<TaskContext, 'render'>,
): Promise<string> {
  const parsed = parseLogin(p.ssh);
  if (parsed === undefined || segmentSize === undefined) {
    throw new PitrError({
      kind: 'failed',
      code: 'segment-size-unknown',
      message: `the WAL segment size of the data in ${directory} cannot be read`,
      next: [
        'Install the PostgreSQL programs of its version on this host, and set pg_bin in the inventory to their directory.',
      ],
    });
  }
  const facts = {
    method: p.wal_method,
    login: parsed,
    servers: inOrder(p.server, p.servers),
    directories: p.wal_directories,
    segmentSize,
    signal: p.signal,
    anchor:
      p.begin_wal === undefined || p.server === undefined
        ? undefined
        : { server: p.server, segment: p.begin_wal },
    partial: p.partial,
    last: p.last_wal,
    spool: p.spool === undefined || systemId === undefined ? undefined : { directory: p.spool, systemId },
  };
  return oneLine(
    await context.render(restoreCommandTemplate(p.wal_method), { ...restoreCommandValues(facts, quote) }),
  );
}
