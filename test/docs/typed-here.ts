/** The id that stands for a run in pages and in the help. */
export const RUN = /20261122T144512-7f3a|<run>/;
/** Recoveries are planned alone (`--dry-run`): other suites carry them out. What only looks is typed as it is written. */
const RECOVERS = /^pitr (?:recover\b|play (?:recover|cutover|rollback|revert)\.yml)/;

/** What the lab has in the place of what examples name. */
export interface LabWords {
  readonly dockerInventory: string;
  readonly sshInventory: string;
  /** A replica, to recover on. */
  readonly target: string;
  /** A moment that a backup reaches. */
  readonly moment: string;
}

/** An example as it is typed on a lab; `run`: the run that it works on. */
export function typedHere(line: string, words: LabWords, run = ''): string {
  const here = line
    .replace(/\s*\\\n\s*/g, ' ')
    .replace(/inventory\/(?:lab-docker|prod|production)\.yml/g, words.dockerInventory)
    .replaceAll('inventory/lab-ssh.yml', words.sshInventory)
    .replace(/\S*journal\.jsonl/g, 'journal.jsonl')
    .replace(new RegExp(RUN, 'g'), run);
  const onlyLooks = / --check\b/.test(here);
  if (RECOVERS.test(here)) {
    if (!onlyLooks) {
      // A dry run asks nobody which node leads.
      const node =
        /^pitr recover [^-]\S* /.test(here) && !/ --(?:target|for)\b/.test(here)
          ? ` --for ${words.target}`
          : '';
      return `${here.replace(/ --dry-run\b/g, '')}${node} --dry-run`;
    }
    return here
      .replace(/\btarget=db\d/g, `target=${words.target}`)
      .replace(/(\btarget_time='?)[^']*/g, `$1${words.moment}`);
  }
  const asks = /^pitr (?:undo|commit|resume) /.test(here) && !onlyLooks && !/ --(?:list|yes)\b/.test(here);
  return `${here}${asks ? ' --yes' : ''}${/^pitr (?:undo|resume) journal/.test(here) ? ' --trust-journal' : ''}`;
}
