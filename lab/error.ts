/** What stops a lab command: the message names the reason first and ends with the way on. */
export class LabError extends Error {
  override readonly name = 'LabError';
}

/** The words of whatever was thrown. */
export function reasonOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}

/** What is told of it. Anything but a LabError is a fault of ours or of the engine: its origin helps. */
export function told(thrown: unknown): string {
  if (thrown instanceof LabError) return thrown.message;
  return thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown);
}
