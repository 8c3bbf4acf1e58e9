import type { CommandEvidence, PitrError } from '../../base/errors/pitr-error.ts';
import { type ReportPart, reportIn } from '../../contract/script-report.ts';
import { evidenceOf } from '../../transport/command-failed.ts';
import type { RunResult } from '../../transport/types.ts';

/** What a script said of the checksums of WAL segments. Throws what `unproved` gives where it could not read them. */
export function checksumsOf(
  answer: RunResult,
  unproved: (evidence: CommandEvidence) => PitrError,
): readonly ReportPart[] {
  const parts = reportIn(answer);
  if (parts !== undefined) return parts;
  throw unproved(evidenceOf({ ...answer, argv: ['sh', '(checksums of WAL segments)'] }));
}
