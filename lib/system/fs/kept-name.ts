/** The ending of what a playbook keeps of a run beside the data: its id; and that of a note which belongs to it. */
const OF_A_RUN = /\.\d{8}T\d{6}-[0-9a-f]{4}(\.json)?$/;

/**
 * What something is by the name that it is given: old data that is kept until it is let go, a note beside such data, or
 * neither. The id is that of any run: a cut-over puts the note of a recovery beside the old data that the recovery has kept.
 */
export function keptAs(path: string): 'old data' | 'note' | undefined {
  const match = OF_A_RUN.exec(path);
  if (match === null) return undefined;
  return match[1] === undefined ? 'old data' : 'note';
}
