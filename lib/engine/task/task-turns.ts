/** Counts how often each task has run on each host, from 1: a handler, or a task of a loop of tasks, runs again. */
export class TaskTurns {
  readonly #counts = new Map<string, number>();

  next(host: string, task: string): number {
    const key = `${host} ${task}`;
    const turn = (this.#counts.get(key) ?? 0) + 1;
    this.#counts.set(key, turn);
    return turn;
  }
}
