import { PitrError } from '../../base/errors/pitr-error.ts';
import { bytesOf, byteText } from '../../base/values/byte-text.ts';
import type { ReadHost, WriteHost } from '../../contract/host.ts';
import { probeScript } from '../../contract/probe.ts';
import { PRESENCE } from '../../system/fs/presence.ts';
import { evidenceOf } from '../../transport/command-failed.ts';
import {
  AUTO_CONF,
  BEFORE,
  type DataMode,
  type FileSteps,
  type FileWrite,
  isPatronis,
  type RecoveryFiles,
} from './recovery-files.ts';

/** Configuration that a restore may have to change, by its name in the data directory. */
const CONFIGURATION = [
  'postgresql.auto.conf',
  'postgresql.auto.conf.origin',
  `postgresql.auto.conf${BEFORE}`,
  'postgresql.conf',
  'postgresql.base.conf',
];

const LOOK = probeScript(`${PRESENCE}
cd -- "$1" || exit 3
echo "@own $(stat -c '%U %a' .)"
[ -z "$2" ] || echo "@old $(stat -L -c %a -- "$2" 2>/dev/null)"
for file in ${CONFIGURATION.join(' ')}; do
  [ -f "$file" ] || continue
  text=$(base64 -w 0 < "$file") || exit 3
  printf '@file %s %s\\n' "$file" "$text"
done
if [ -n "$2" ] && [ -f "$2/postgresql.conf" ]; then
  text=$(base64 -w 0 < "$2/postgresql.conf") || exit 4
  printf '@node %s\n' "$text"
fi
if [ -n "$4" ]; then
  presence "$4"; case $? in 0) echo @patroni ;; 2) exit 6 ;; esac
fi
if [ -n "$3" ]; then
  text=$(base64 -w 0 < "$3/postgresql.conf") || exit 5
  printf '@outside %s\n' "$text"
fi
echo @names
for file in * .barman-recover.info .pitr-restore.json pg_wal/*.pitr; do
  if [ -e "$file" ] || [ -L "$file" ]; then printf '%s\\n' "$file"; fi
done
exit 0`);

/**
 * What lies in a restored data directory, as far as its recovery is concerned, and how this node's Patroni has configured
 * the data in `pgdata`, of which it will take the place.
 */
export async function readRecoveryFiles(
  host: ReadHost,
  {
    directory,
    pgdata,
    user,
    patroni_config: patroni = '',
  }: {
    readonly directory: string;
    readonly pgdata: string;
    readonly user: string;
    readonly patroni_config?: string;
  },
  outside = '',
): Promise<RecoveryFiles> {
  const answer = await host.query(LOOK([directory, pgdata === directory ? '' : pgdata, outside, patroni]));
  if (answer.exitCode !== 0 || !/^@names$/m.test(answer.stdout)) {
    throw new PitrError({
      kind: 'failed',
      code: 'data-directory-unreadable',
      message:
        answer.exitCode === 4 || answer.exitCode === 5
          ? `cannot read ${answer.exitCode === 4 ? pgdata : outside}/postgresql.conf, with which Patroni starts PostgreSQL on this node`
          : `cannot look into the restored data directory ${directory}`,
      host: host.name,
      evidence: evidenceOf(answer),
      next: ['Restore the backup there first (barman.recover), or let the task become root.'],
    });
  }
  return parseRecoveryFiles(answer.stdout, user, outside, directory === pgdata);
}

/** Reads the answer of the look above. */
export function parseRecoveryFiles(
  answer: string,
  user: string,
  outside = '',
  inPlace = false,
): RecoveryFiles {
  const texts = new Map<string, string>();
  const names = new Set<string>();
  let own = '';
  let old = '';
  let nodeConf: string | undefined;
  let outsideConf: string | undefined;
  let patroni = false;
  let listing = false;
  for (const line of answer.split('\n')) {
    const head = listing ? null : /^@(own|old|file|node|outside|patroni|names) ?(.*)$/.exec(line);
    if (head === null) {
      if (listing && line !== '') names.add(line);
    } else if (head[1] === 'own') own = head[2] ?? '';
    else if (head[1] === 'old') old = head[2] ?? '';
    else if (head[1] === 'names') listing = true;
    else if (head[1] === 'outside') outsideConf = decoded(head[2]);
    else if (head[1] === 'patroni') patroni = true;
    else if (head[1] === 'node') nodeConf = decoded(head[2]);
    else {
      const [name = '', encoded = ''] = (head[2] ?? '').split(' ');
      texts.set(name, decoded(encoded));
    }
  }
  const mode = dataMode(old) ?? dataMode(own.slice(own.lastIndexOf(' ') + 1)) ?? '0700';
  return {
    texts,
    names,
    owned: own === `${user} ${mode.slice(1)}`,
    mode,
    ...(outsideConf === undefined ? {} : { outside: { directory: outside, text: outsideConf } }),
    ...(isPatronis(nodeConf ?? '') ? { nodeConf } : {}),
    patroniElsewhere: patroni && !isPatronis((inPlace ? texts.get('postgresql.conf') : nodeConf) ?? ''),
  };
}

function dataMode(bits: string): DataMode | undefined {
  return bits === '700' ? '0700' : bits === '750' ? '0750' : undefined;
}

function decoded(base64 = ''): string {
  return byteText(Buffer.from(base64, 'base64'));
}

/** A change to the files of a restored directory. */
interface RecoveryFileChange {
  readonly directory: string;
  readonly user: string;
  readonly steps: FileSteps;
  readonly prepares: boolean;
}

// Half a copy would be taken for the whole the next time.
const KEEP = `cd -- "$1" || exit 1; shift
for file in "$@"; do
  { [ -e "$file" ] || [ -L "$file" ]; } && [ ! -e "$file${BEFORE}" ] || continue
  new="$file${BEFORE}.new"
  cp -p -- "$file" "$new" && mv -f -- "$new" "$file${BEFORE}" || { rm -f -- "$new"; exit 1; }
done`;

/** Carries the steps out. What is changed or removed is kept beside as it was (`prepares`), once. */
export async function changeRecoveryFiles(
  host: WriteHost,
  { directory, user, steps, prepares }: RecoveryFileChange,
): Promise<void> {
  if (steps.own) {
    await host.must(['chown', '-R', `${user}:`, directory]);
    await host.must(['chmod', steps.mode ?? '0700', directory]);
  }
  const as = { user, cwd: '/' };
  const touched = [...steps.write.map(({ name }) => name), ...steps.remove];
  if (prepares && touched.length > 0) await host.must(['sh', '-c', KEEP, 'sh', directory, ...touched], as);
  for (const { name, text } of steps.write) {
    // As PostgreSQL itself would: a group that may read the data backs up all of it.
    const own = { mode: steps.mode === '0750' ? 0o640 : 0o600 };
    const mode = name === AUTO_CONF || name.endsWith('.signal') ? own : {};
    await host.writeFile(`${directory}/${name}`, bytesOf(text), { user, ...mode });
  }
  if (steps.remove.length > 0) {
    await host.must(['rm', '-rf', '--', ...steps.remove.map((name) => `${directory}/${name}`)], as);
  }
}

const PUT_BACK = `cd -- "$1" 2>/dev/null || exit 0; shift
for file in "$@"; do
  if [ -e "$file${BEFORE}" ]; then mv -f -- "$file${BEFORE}" "$file" || exit 1
  else case "$file" in *.signal) rm -f -- "$file";; esac
  fi
done`;

/** What the journal has of it. Older journals have the texts, too. */
type TouchedFiles = Pick<RecoveryFileChange, 'directory' | 'user'> & {
  readonly steps: { readonly write: readonly Pick<FileWrite, 'name'>[]; readonly remove: readonly string[] };
};

/** Puts all files back as they were kept. Safe to repeat; nothing happens where the directory is gone. */
export async function putRecoveryFilesBack(
  host: WriteHost,
  { directory, user, steps }: TouchedFiles,
): Promise<void> {
  const touched = [...steps.write.map(({ name }) => name), ...steps.remove];
  await host.must(['sh', '-c', PUT_BACK, 'sh', directory, ...touched], { user, cwd: '/' });
}
