import type { Lab } from '../../lab/lab.ts';
import type { Mend } from './inject-process.ts';

const BARMAN = '/usr/bin/barman';

/** Barman's command is not there. */
export async function hideBarman(lab: Lab): Promise<Mend> {
  await lab.mustExec('barman', ['mv', '-n', BARMAN, `${BARMAN}.real`]);
  return () => bringBack(lab);
}

/** `barman get-wal` waits before it gives a segment. Other commands, and history files, are as they were. */
export async function slowWal(lab: Lab, seconds: number): Promise<Mend> {
  return wrapBarman(lab, `case "$*" in *--peek*|*.history*) ;; *get-wal*) sleep ${seconds};; esac`);
}

/** A number of seconds that no other process of the lab sleeps. */
const HELD = 3601;

/**
 * Ends the waits, and waits itself until what has waited is over: who asked for it may be gone, and another one is to ask
 * for it anew.
 */
const LET_GO = `asked=$(pgrep -f '[g]et-wal')
pkill -x -f 'sleep ${HELD}'
for pid in $asked; do
  round=0
  while kill -0 "$pid" 2>/dev/null && [ $round -lt 300 ]; do sleep 0.1; round=$((round + 1)); done
done`;

/** `barman get-wal` gives no segment until it is mended. Other commands, and history files, are as they were. */
export async function holdWal(lab: Lab): Promise<Mend> {
  const mend = await slowWal(lab, HELD);
  return async () => {
    await mend();
    await lab.exec('barman', ['sh', '-c', LET_GO]);
  };
}

/** Puts shell commands before each call of barman. */
export async function wrapBarman(lab: Lab, before: string): Promise<Mend> {
  await lab.mustExec('barman', ['mv', '-n', BARMAN, `${BARMAN}.real`]);
  // What waits still is to find Barman's command also when the fault has been taken away meanwhile.
  const real = `barman=${BARMAN}\nif [ -e "$barman.real" ]; then barman=$barman.real; fi`;
  const script = `#!/bin/sh\n${before}\n${real}\nexec "$barman" "$@"\n`;
  await lab.mustExec(
    'barman',
    ['sh', '-c', `cat >"$1.new" && chmod 755 "$1.new" && mv "$1.new" "$1"`, 'sh', BARMAN],
    {
      stdin: script,
    },
  );
  return () => bringBack(lab);
}

/** Barman's command as it was. */
export async function bringBack(lab: Lab): Promise<void> {
  const script = 'if [ -e "$1.real" ]; then mv -f "$1.real" "$1"; fi';
  await lab.mustExec('barman', ['sh', '-c', script, 'sh', BARMAN]);
}
