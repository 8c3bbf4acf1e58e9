import { configurationFile } from '../client-words.ts';
import { parseJump } from '../jump-words.ts';
import type { SshSettings } from '../types.ts';

/** A way that is longer leads in a circle. */
export const MOST_JUMPS = 8;

/** A jump host is reached with the same keys and the same care as the host behind it, but never given its password. */
export function jumpSettings(settings: SshSettings, jump: string): SshSettings {
  const { host, port, user } = parseJump(jump);
  return {
    ...settings,
    address: host,
    port,
    user,
    password: undefined,
    // What is said of the way to the host behind it says nothing of the way to it, but which configuration is read.
    jumps: undefined,
    clientOptions: configurationFile(settings.clientOptions),
    become: undefined,
  };
}
