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
