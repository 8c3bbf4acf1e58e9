/** What stops a lab command: the message names the reason first and ends with the way on. */
export class LabError extends Error {
  override readonly name = 'LabError';
}

/** The words of whatever was thrown. */
export function reasonOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}
