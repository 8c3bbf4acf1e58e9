import { existsSync } from 'node:fs';
import { cp, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { checkoutRoot } from '../../lab/checkout.ts';
import { reasonOf } from '../../lab/error.ts';
import type { Lab } from '../../lab/lab.ts';

/** The logs of PostgreSQL, of Patroni, of Barman and of what starts them, wherever a host of a lab has them. */
const LOGS = `
for f in /var/log/postgresql/* /var/log/patroni/* /var/log/barman/* /var/log/supervisor/* /var/log/sshd.log \\
  /var/lib/postgresql/*/*.pitr-run/postgresql.log
do
  [ -f "$f" ] || continue
  echo "==> $f"
  tail -c 1000000 "$f"
done
[ ! -d /run/systemd/system ] || { echo '==> journal'; journalctl --no-pager -o short-precise -n 5000; }
ls -la /var/lib/postgresql/* /var/lib/barman /var/lib/barman/.pitr 2>/dev/null
ps -eo pid,ppid,user,etime,args
`;

/** Where a run of the suites keeps what tells of a failure; test/run.mjs names it in its last line. */
const EVIDENCE = process.env.PITR_EVIDENCE ?? join(checkoutRoot, '.lab', 'failed', 'last');

/**
 * Keeps the journals of the lab's runs and the logs of its hosts, for somebody who wants to know what happened. What was
 * kept of an earlier failure stays: the lab may have been made anew since.
 */
export async function keepEvidence(lab: Lab): Promise<string> {
  const folder = freeName(join(EVIDENCE, lab.prefix));
  await mkdir(folder, { recursive: true });
  const journals = join(lab.files.folder, 'state');
  if (existsSync(journals)) await cp(journals, join(folder, 'journals'), { recursive: true });
  await Promise.all(
    lab.shape.hosts.map(async (host) => {
      const said = await lab
        .exec(host, ['sh', '-c', LOGS], { deadlineMs: 60_000 })
        .then(({ stdout }) => stdout, reasonOf);
      await writeFile(join(folder, `${host}.log`), said);
    }),
  );
  return folder;
}

function freeName(path: string): string {
  // A person has started vitest: it is about the last run alone.
  if (process.env.PITR_EVIDENCE === undefined) return path;
  let free = path;
  for (let number = 2; existsSync(free); number += 1) free = `${path}.${number}`;
  return free;
}
