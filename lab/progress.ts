/** Receives one line for a person; where it goes is the caller's business. */
export type Report = (line: string) => void;

export const silent: Report = () => {};

/** A report whose lines carry the seconds since it was made: `[ 12.3 s] db1 leads`. */
export function timedReport(write: (line: string) => void): Report {
  const started = performance.now();
  return (line) => write(`[${seconds(performance.now() - started).padStart(7)}] ${line}`);
}

export function seconds(milliseconds: number): string {
  return `${(milliseconds / 1000).toFixed(1)} s`;
}
