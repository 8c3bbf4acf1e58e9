import { SETTINGS_OF_PRIMARY } from './control-data.ts';

/** Settings by name, from a control file (numbers) or a configuration file (text). */
type Settings = Readonly<Record<string, string | number>> | ReadonlyMap<string, string>;

/**
 * The highest value that any of them gives to each setting in which a standby must not be below the primary that wrote
 * the WAL. Replay stops at the record that says that the primary has raised one: after a backup that knew nothing of it.
 */
export function highestSettings(sources: readonly Settings[]): Readonly<Record<string, number>> {
  const highest: Record<string, number> = {};
  for (const source of sources) {
    const settings = source instanceof Map ? Object.fromEntries<string>(source) : source;
    for (const [name, text] of Object.entries(settings)) {
      const value = Number(text);
      if (!SETTINGS_OF_PRIMARY.has(name) || text === '' || !Number.isInteger(value)) continue;
      highest[name] = Math.max(value, highest[name] ?? 0);
    }
  }
  return highest;
}
