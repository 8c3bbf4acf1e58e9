import { PitrError } from '../../base/errors/pitr-error.ts';
import type { ReadHost, WriteHost } from '../../contract/host.ts';
import { probeScript } from '../../contract/probe.ts';
import { reportIn } from '../../contract/script-report.ts';
import { evidenceOf } from '../../transport/command-failed.ts';
import type { RunResult } from '../../transport/types.ts';
import { type BackupInfo, chainOfBackup } from './backup-info.ts';

/** A backup that is held, and for which run. */
export interface Hold {
  readonly server: string;
  readonly backup: string;
  /** Where Barman notes that it is kept, and pitr for which runs. */
  readonly directory: string;
  readonly run: string;
}

interface KeepState {
  /** As Barman says: `nokeep`, `full`, `standalone`. */
  readonly target: string;
  /** The runs that hold it. */
  readonly runs: readonly string[];
}

// The mark of each run that holds it. Where writing one was cut off, older versions have left it as *.new: nobody's hold.
const EACH_MARK = `for one in "$3"/pitr.*; do case $one in *.new) continue ;; esac; [ -f "$one" ] || continue`;

// Arguments: server, backup, directory of annotations.
const READ = probeScript(`
echo @keep
barman keep --status "$1" "$2" 2>&1 | sed 's/^/ /'
echo @runs
${EACH_MARK}; echo " \${one##*/pitr.}"; done
echo @end`);

// Arguments: server, backup, directory of annotations, run. The mark comes first and goes last: a keep without one is
// somebody else's. What a mark holds is how the backup was kept before the first one: it is put back only where the backup
// is kept as that one has left it, in full. Somebody has decided otherwise where it is not, and that stands.
const STATUS = `
status() { barman keep --status "$1" "$2" | sed -n 's/^[[:space:]]*Keep: *//p'; }
now=$(status "$1" "$2"); case $now in nokeep|full|standalone) ;; *) echo "barman keep --status says: $now" >&2; exit 9 ;; esac
mark="$3/pitr.$4"
new="$3/new-pitr.$4"`;

const HOLD = `${STATUS}
note() { printf %s "$before" >"$new" && mv -f "$new" "$1" || { rm -f "$new"; exit 1; }; }
before=
[ "$now" != full ] || { ${EACH_MARK}; before=$(cat "$one") && break; done; }
[ -n "$before" ] || before=$now
mkdir -p "$3" && note "$mark" || exit 1
[ "$now" = full ] || { ${EACH_MARK}; note "$one"; done; }
[ "$now" = full ] || barman keep --target full "$1" "$2" || exit
echo "$before"`;

const LET_GO = `[ -d "$3" ] || exit 0${STATUS}
rm -f "$new" "$mark.new"
[ -f "$mark" ] || { rmdir "$3" 2>/dev/null; exit 0; }
before=$(cat "$mark")
[ "$now" = full ] || before=$now
${EACH_MARK}; [ "$one" = "$mark" ] || { rm -f "$mark"; exit; }; done
case $before in
  nokeep) [ "$now" = nokeep ] || barman keep --release "$1" "$2" || exit ;;
  standalone) [ "$now" = standalone ] || barman keep --target standalone "$1" "$2" || exit ;;
esac
rm -f "$mark"; rmdir "$3" 2>/dev/null
echo "$before"`;

/**
 * The backup that keeps a backup: what is a difference to others stays as long as the whole one that all of them rest on,
 * and Barman lets only that one be kept.
 */
export function backupToHold(backup: BackupInfo, all: readonly BackupInfo[]): BackupInfo {
  return chainOfBackup(backup, all)?.at(-1) ?? backup;
}

/** Throws kind `failed` where Barman does not say whether the backup is kept. */
export async function readKeep(host: ReadHost, hold: Hold, user: string): Promise<KeepState> {
  const answer = await host.query(READ([hold.server, hold.backup, hold.directory], { user }));
  const parts = reportIn(answer) ?? [];
  const lines = (kind: string): readonly string[] => parts.find((part) => part.kind === kind)?.lines ?? [];
  const target = lines('keep').flatMap((line) => /^\s*Keep:\s*(\S+)/.exec(line)?.[1] ?? [])[0];
  if (target === undefined) {
    const said = lines('keep').join('\n');
    throw keepFailed(hold, host.name, { ...answer, stderr: said === '' ? answer.stderr : said });
  }
  return { target, runs: lines('runs') };
}

/** Holds the backup for the run. Gives how it was kept before. Throws kind `failed`. */
export function hold(host: WriteHost, place: Hold, user: string): Promise<string> {
  return change(host, HOLD, place, user);
}

/** Lets go of the backup for the run: the last one puts back what was there. Can be repeated. Throws kind `failed`. */
export function letGo(host: WriteHost, place: Hold, user: string): Promise<string> {
  return change(host, LET_GO, place, user);
}

async function change(host: WriteHost, script: string, place: Hold, user: string): Promise<string> {
  const { server, backup, directory, run } = place;
  const result = await host.run(['sh', '-c', script, 'sh', server, backup, directory, run], { user });
  if (result.exitCode !== 0) throw keepFailed(place, host.name, result);
  return result.stdout.trim().split('\n').at(-1) ?? '';
}

function keepFailed({ server, backup }: Hold, host: string, result: RunResult): PitrError {
  return new PitrError({
    kind: 'failed',
    code: 'backup-not-held',
    message: `backup ${backup} of ${server} cannot be held against retention policies (barman keep)`,
    host,
    evidence: { ...evidenceOf(result), command: `barman keep --target full ${server} ${backup}` },
    next: [`Try it on ${host} as Barman's user: barman keep --status ${server} ${backup}`],
  });
}
