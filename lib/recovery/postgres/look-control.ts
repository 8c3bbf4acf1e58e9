import type { ReadHost } from '../../contract/host.ts';
import { probeScript } from '../../contract/probe.ts';
import { type ControlData, parseControlData } from './control-data.ts';
import type { InstanceState } from './instance.ts';
import { parseVersion } from './version.ts';

const LOOK = probeScript(
  '"$1/pg_controldata" --version && echo @control && LC_ALL=C exec "$1/pg_controldata" "$2"',
);

/**
 * What the control file of data says: as the look at its instance has found it, else by the programs in `bin`. Data that was
 * restored has no `postmaster.opts`, which names its programs wherever they are. Those of another version do not understand the
 * file. Undefined where neither can read it.
 */
export async function controlOf(
  host: ReadHost,
  directory: string,
  { control, version }: Pick<InstanceState, 'control' | 'version'>,
  bin: string | undefined,
): Promise<ControlData | undefined> {
  if (control !== undefined || version === undefined || bin === undefined) return control;
  const { exitCode, stdout } = await host.query(LOOK([bin, directory]));
  const [said = '', told = ''] = stdout.split('@control\n');
  return exitCode === 0 && parseVersion(said)?.major === version ? parseControlData(told) : undefined;
}
