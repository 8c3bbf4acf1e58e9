import { checkoutRoot } from '../../lab/checkout.ts';
import { ailments } from '../../lab/cluster.ts';
import { labDown } from '../../lab/down.ts';
import { reasonOf } from '../../lab/error.ts';
import type { Flavour } from '../../lab/flavour.ts';
import { type Lab, openLab } from '../../lab/lab.ts';
import { ordinaryFlavour } from '../../lab/ordinary.ts';
import type { Report } from '../../lab/progress.ts';
import type { HostName } from '../../lab/topology.ts';
import { labUp } from '../../lab/up.ts';
import { isAlive, isOf, type Use, useBy } from './lab-use.ts';

/** Where a lab keeps how it was when it was made, and who works on it: on a host of its own, for every checkout to see. */
const KEEPER: HostName = 'etcd';
const AS_MADE = '/var/lib/pitr-lab-as-made.json';
const IN_USE = '/var/lib/pitr-lab-in-use.json';

/** Programs, configuration and what lies about, one fact a line: `<what>: <how>`. */
const LOOK = `
supervisorctl status | while read -r name state rest; do echo "program $name: $state"; done
for f in "$3" /etc/barman.conf /etc/barman.d/*.conf "$1/pg_hba.conf" "$1/pg_ident.conf"; do
  [ -f "$f" ] && echo "file $f: $(sha256sum <"$f" | cut -c1-12)"
done
[ -n "$2" ] && echo "dynamic configuration: $(curl -sSk --max-time 3 "$2/config" | sha256sum | cut -c1-12)"
for f in "$1".*; do
  case $f in *.pre-pitr*|*.reverted.*|*.pitr-run|*.foreign.*) ;; *) [ -e "$f" ] && echo "left $f: there" ;; esac
done
for f in "$1"/pg_tblspc/*; do [ -L "$f" ] && echo "tablespace $f: $(readlink "$f")"; done
if [ -d /run/systemd/system ]; then
  for unit in etcd patroni barman-cron; do echo "unit $unit: $(systemctl is-active "$unit")"; done
  systemctl list-units --plain --no-legend 'pitr-*' | while read -r unit state; do echo "left $unit: there"; done
  for f in /etc/postgresql/*/*/pg_*.conf; do [ -f "$f" ] && echo "file $f: $(sha256sum <"$f" | cut -c1-12)"; done
fi
cd /var/lib/barman 2>/dev/null || exit 0
for f in /tmp/kept* /tmp/whole /tmp/0000* /root/spoilt.* /usr/bin/*.hidden */wals/*/*.hidden; do [ -e "$f" ] && echo "put aside $f: there"; done
for f in *; do echo "of Barman $f: there"; done
for f in .pitr/*; do [ -s "$f" ] && echo "claim $f: there"; done
for d in */errors; do
  [ -d "$d" ] && [ -n "$(ls -A "$d")" ] && echo "left in $d: $(ls -A "$d" | wc -l) files"
done
for f in */base/*/backup.info */meta/*-backup.info; do
  [ -f "$f" ] && ! grep -qx 'status=DONE' "$f" && echo "backup $f: $(grep '^status=' "$f")"
done
exit 0
`;

/** What can be seen of a lab that tests may have changed. Data that recoveries have kept, and backups, are no harm. */
async function looks(lab: Lab): Promise<readonly string[]> {
  const found = await Promise.all(
    lab.shape.hosts.map(async (host) => {
      const member = lab.shape.members.find((name) => name === host);
      const [data, url] =
        member === undefined
          ? ['/nonexistent', '']
          : [lab.shape.dataDirectory(member), lab.shape.patroniUrl(member)];
      const said = await lab.mustExec(host, ['sh', '-c', LOOK, 'sh', data, url, lab.shape.patroniConfig]);
      return said
        .split('\n')
        .filter((line) => line !== '')
        .map((line) => `${host}: ${line}`);
    }),
  );
  return found.flat().sort();
}

/** Notes how a lab is right after it was made. */
async function noteAsMade(lab: Lab): Promise<void> {
  await write(lab, AS_MADE, JSON.stringify(await looks(lab)));
}

/** What is not as it was when the lab was made, and what ails the cluster, in words; nothing where the lab is proved clean. */
export async function whatIsSpoilt(lab: Lab): Promise<readonly string[]> {
  try {
    const noted = await lab.exec(KEEPER, ['cat', AS_MADE]);
    if (noted.exitCode !== 0) return ['nobody has noted how it was when it was made'];
    const made: readonly string[] = JSON.parse(noted.stdout);
    const ails = await ailments(lab);
    const now = await looks(lab);
    return [
      ...ails,
      ...now.filter((line) => !made.includes(line)),
      ...made.filter((line) => !now.includes(line)).map((line) => `${line}: not any more`),
    ];
  } catch (thrown) {
    return [reasonOf(thrown).split('\n')[0] ?? ''];
  }
}

async function useOf(lab: Lab): Promise<Use | undefined> {
  const said = await lab.exec(KEEPER, ['cat', IN_USE]).catch(() => undefined);
  return said?.exitCode === 0 ? JSON.parse(said.stdout) : undefined;
}

/** The lab is this run's own, in whichever of its processes. */
function isOurs(use: Use): boolean {
  return isOf(use, Number(process.env.PITR_SUITES_PID));
}

/** Who else works on the lab: a run that is under way, or one that failed or was killed and has never given it back. */
async function userOf(lab: Lab): Promise<(Use & { readonly alive: boolean }) | undefined> {
  const use = await useOf(lab);
  if (use === undefined || isOurs(use)) return undefined;
  return { ...use, alive: use.pid !== process.pid && isAlive(use) };
}

/** Says on the lab that this run of suites has it; `PITR_SUITES_PID` is the run's process, for its workers. */
async function take(lab: Lab): Promise<void> {
  process.env.PITR_SUITES_PID ??= String(process.pid);
  const use = useBy(Number(process.env.PITR_SUITES_PID), checkoutRoot);
  await write(lab, IN_USE, JSON.stringify(use));
}

/** Does nothing where this run has not got so far as to take the lab. */
export async function giveBack(lab: Lab): Promise<void> {
  const use = await useOf(lab);
  if (use !== undefined && isOurs(use)) await lab.mustExec(KEEPER, ['rm', '-f', IN_USE]);
}

/**
 * The lab of a prefix and of a kind, up, as it is when it has just been made, and taken for this run of suites. Throws
 * where another run is at work on it.
 */
export async function cleanLab(
  prefix: string,
  report: Report,
  flavour: Flavour = ordinaryFlavour,
): Promise<Lab> {
  const user = await openLab(prefix).then(userOf, () => undefined);
  if (user?.alive === true)
    throw new Error(
      `the lab ${prefix} is in use by process ${user.pid} (${user.checkout}): wait until it has ended, or take another lab, PITR_LAB=${prefix}-2`,
    );
  if (user === undefined) {
    const { lab, outcome } = await labUp(prefix, report, flavour);
    if (outcome === 'created') await noteAsMade(lab);
    const spoilt = outcome === 'created' ? [] : await whatIsSpoilt(lab);
    if (spoilt.length === 0) {
      await take(lab);
      return lab;
    }
    report(`the lab is not clean (${spoilt.join('; ')}): making it anew`);
  } else {
    report(`the last run on the lab failed or was killed (${user.checkout}): making it anew`);
  }
  return madeAnew(prefix, report, flavour);
}

/** A new lab in the place of one that is not clean, for this run of suites. */
export async function madeAnew(
  prefix: string,
  report: Report,
  flavour: Flavour = ordinaryFlavour,
): Promise<Lab> {
  await labDown(prefix);
  const { lab } = await labUp(prefix, report, flavour);
  await noteAsMade(lab);
  await take(lab);
  return lab;
}

async function write(lab: Lab, file: string, text: string): Promise<void> {
  await lab.mustExec(KEEPER, ['sh', '-c', 'cat >"$1.new" && mv "$1.new" "$1"', 'sh', file], { stdin: text });
}
