import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

const HOUR_MS = 3_600_000;

/** The environment of a pitr whose clock is that many hours ahead of everybody's, or behind; made by a file in `folder`. */
export async function clockOff(folder: string, hours: number): Promise<{ readonly NODE_OPTIONS: string }> {
  const file = join(folder, `clock${hours}.mjs`);
  await writeFile(
    file,
    `const off = ${hours * HOUR_MS};
globalThis.Date = new Proxy(Date, {
  construct: (date, words, as) => Reflect.construct(date, words.length === 0 ? [date.now() + off] : words, as),
  apply: (date) => new date(date.now() + off).toString(),
  get: (date, name, as) => (name === 'now' ? () => date.now() + off : Reflect.get(date, name, as)),
});
`,
  );
  return { NODE_OPTIONS: `--import ${pathToFileURL(file).href}` };
}
