import { userInfo } from 'node:os';

let known: string | undefined;

/**
 * The name of the user that pitr runs as. The system is asked once: a directory of users may be slow, or be gone in the middle of a
 * run.
 */
export function ownUser(): string {
  known ??= nameOfUser();
  return known;
}

/** The same as the system says it now; else as the environment does: a container's user may have a number alone. */
export function nameOfUser(): string {
  try {
    return userInfo().username;
  } catch {
    // No entry for the number, or nobody who answers: there is nothing to do but to take another word for it.
    const { USER, LOGNAME } = process.env;
    return USER || LOGNAME || `uid ${process.geteuid?.() ?? 'unknown'}`;
  }
}
