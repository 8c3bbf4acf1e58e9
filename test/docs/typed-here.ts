import type { Lab } from '../../lab/lab.ts';
import type { Scene } from '../support/lab.ts';

/** The id that stands for a run in pages and in the help. */
export const RUN = /20261122T144512-7f3a|<run>/;
/** Where commands are typed one by one, recoveries are planned alone (`--dry-run`): recoveries.long.test.ts carries them out. */
const RECOVERS = /^pitr (?:recover\b|play (?:recover|cutover|rollback|revert)\.yml)/;

/** What the lab has in the place of what examples name. */
export interface LabWords {
  readonly dockerInventory: string;
  readonly sshInventory: string;
  readonly leader: string;
  /** A replica, to recover on. */
  readonly target: string;
  /** A moment that a backup reaches. */
  readonly moment: string;
  /** That backup, and its Barman server. */
  readonly backup: string;
  readonly server: string;
}

export function labWords(lab: Lab, { leader, target, accident }: Scene): LabWords {
  const { dockerInventory, sshInventory } = lab.files;
  const { id: backup, server } = accident.backup;
  return { dockerInventory, sshInventory, leader, target, moment: accident.before, backup, server };
}

/** An example of a recovery that somebody carries out, as it stands on the page. */
export function carriesOut(line: string): boolean {
  return RECOVERS.test(line) && !/ --(?:check|dry-run)\b/.test(line);
}

/** An example with the lab's own names; `run`: the run that it works on. */
export function inLabWords(line: string, words: LabWords, run = ''): string {
  const here = line
    .replace(/\s*\\\n\s*/g, ' ')
    .replace(/inventory\/(?:lab-docker|prod|production)\.yml/g, words.dockerInventory)
    .replaceAll('inventory/lab-ssh.yml', words.sshInventory)
    .replace(/\S*journal\.jsonl/g, 'journal.jsonl')
    .replace(new RegExp(RUN, 'g'), run);
  if (!RECOVERS.test(here)) return here;
  return here
    .replace(/(\btarget[= ])db\d/g, `$1${words.target}`)
    .replace(/\bleader=db\d/g, `leader=${words.leader}`)
    .replace(/--server db\d/g, `--server ${words.server}`)
    .replaceAll('20260123T120000', words.backup)
    .replace(/'(target_time=)?\d[^']*'/g, (_, name = '') => `'${name}${words.moment}'`);
}

/** An example as it is typed on a lab beside others. What only looks is typed as it is written. */
export function typedHere(line: string, words: LabWords, run = ''): string {
  const here = inLabWords(line, words, run);
  if (carriesOut(here)) {
    // A dry run asks nobody which node leads.
    const node = /^pitr recover [^-](?!.*--(?:target|for)\b)/.test(here) ? ` --for ${words.target}` : '';
    return `${here}${node} --dry-run`;
  }
  const asks = /^pitr (?:undo|commit|resume) /.test(here) && !/ --(?:check|list|yes)\b/.test(here);
  return `${here}${asks ? ' --yes' : ''}${/^pitr (?:undo|resume) journal/.test(here) ? ' --trust-journal' : ''}`;
}
