import { asPitrError, PitrError } from '../../base/errors/pitr-error.ts';
import type { WriteHost } from '../../contract/host.ts';
import type { WorkContext } from '../../contract/module.ts';
import { stopMember } from './member-control.ts';
import type { MemberChange } from './member-plan.ts';

/**
 * Stops a member whose data was seen to be none of the leader's. Throws like `stopMember`, and tells then what speaks against
 * its data, too: it may go on serving them.
 */
export async function stopUnproved(
  host: WriteHost,
  change: MemberChange,
  unproved: PitrError,
  context: Pick<WorkContext, 'runId' | 'signal' | 'progress' | 'warn'>,
): Promise<void> {
  await stopMember(host, change, context).catch((thrown: unknown) => {
    const failed = asPitrError(thrown);
    throw new PitrError({
      ...failed.toJSON(),
      // In the middle of a change nothing is refused any more.
      kind: failed.kind === 'refused' ? 'failed' : failed.kind,
      details: [...failed.details, `Why it was to be stopped: ${unproved.message}`, ...unproved.details],
      state: `Patroni may still run on ${host.name}, and serve data that are not the leader's.`,
      cause: unproved,
    });
  });
}
