import type { ReadHost } from '../contract/module.ts';
import { probeScript } from '../contract/probe.ts';
import { PitrError } from '../errors/pitr-error.ts';
import type { RecoveryFiles } from '../postgres/recovery-files.ts';
import { evidenceOf } from '../transport/command-failed.ts';

/** Configuration that a restore may have to change, by its name in the data directory. */
const CONFIGURATION = [
  'postgresql.auto.conf',
  'postgresql.auto.conf.origin',
  'postgresql.conf',
  'postgresql.base.conf',
];

const LOOK = probeScript(`
cd -- "$1" || exit 3
echo "@own $(stat -c '%U %a' .)"
for file in ${CONFIGURATION.join(' ')}; do
  [ -f "$file" ] || continue
  text=$(base64 -w 0 < "$file") || exit 3
  printf '@file %s %s\\n' "$file" "$text"
done
echo @names
for file in * .barman-recover.info pg_wal/*.pitr; do
  if [ -e "$file" ] || [ -L "$file" ]; then printf '%s\\n' "$file"; fi
done
exit 0`);

/** What lies in a restored data directory, as far as its recovery is concerned. */
export async function readRecoveryFiles(
  host: ReadHost,
  directory: string,
  user: string,
): Promise<RecoveryFiles> {
  const answer = await host.query(LOOK([directory]));
  if (answer.exitCode !== 0) {
    throw new PitrError({
      kind: 'failed',
      code: 'data-directory-unreadable',
      message: `cannot look into the restored data directory ${directory}`,
      host: host.name,
      evidence: evidenceOf(answer),
      next: ['Restore the backup there first (barman.recover), or let the task become root.'],
    });
  }
  return parseRecoveryFiles(answer.stdout, user);
}

/** Reads the answer of the look above. */
export function parseRecoveryFiles(answer: string, user: string): RecoveryFiles {
  const texts = new Map<string, string>();
  const names = new Set<string>();
  let own = '';
  let listing = false;
  for (const line of answer.split('\n')) {
    const head = listing ? null : /^@(own|file|names) ?(.*)$/.exec(line);
    if (head === null) {
      if (listing && line !== '') names.add(line);
    } else if (head[1] === 'own') own = head[2] ?? '';
    else if (head[1] === 'names') listing = true;
    else {
      const [name = '', encoded = ''] = (head[2] ?? '').split(' ');
      texts.set(name, Buffer.from(encoded, 'base64').toString('utf8'));
    }
  }
  return { texts, names, owned: own === `${user} 700` };
}
