import { formatDuration } from '../../base/wait/duration.ts';
import { patientTimeout } from '../../base/wait/patient-timeout.ts';
import { loginTimeoutMs } from '../../transport/connect.ts';
import type { ConnectionSettings, HostConnection } from '../../transport/types.ts';

/** So short a silence says nothing to anybody: a login over a slow line takes a second. */
const MOMENT_MS = 2_000;

/** Says whom one waits for, and when that ends, as soon as `work` on a host takes longer than a moment. */
export async function tellingWait<T>(
  { name, address }: Pick<HostConnection, 'name' | 'address'>,
  settings: ConnectionSettings,
  tell: (text: string) => void,
  work: () => Promise<T>,
): Promise<T> {
  let over = false;
  const say = async (): Promise<void> => {
    const ms = await loginTimeoutMs(settings);
    const end = ms === undefined ? '' : `: after ${formatDuration(ms)} a login is given up`;
    if (!over) tell(`${name} does not answer yet (${address})${end}`);
  };
  const callOff = patientTimeout(() => void say(), MOMENT_MS);
  try {
    return await work();
  } finally {
    over = true;
    callOff();
  }
}
