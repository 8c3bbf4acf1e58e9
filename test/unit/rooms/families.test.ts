import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { checkoutRoot } from '../../../lab/checkout.ts';

/** What a family of modules works with. */
const folderOf = (family: string): string | undefined =>
  ['lib/recovery', 'lib/system']
    .map((room) => `${room}/${family}`)
    .find((folder) => existsSync(path.join(checkoutRoot, folder)));

const FAMILIES = readdirSync(path.join(checkoutRoot, 'lib/modules'), { withFileTypes: true })
  .filter((entry) => entry.isDirectory())
  .map(({ name }) => name);

/** From the ground up: none knows of a later one. */
const TRADE = ['wal', 'postgres', 'barman', 'patroni'];

/** Each file of cli/ and lib/ with those that import it. */
function importers(): ReadonlyMap<string, readonly string[]> {
  const found = new Map<string, string[]>();
  for (const room of ['cli', 'lib']) {
    for (const name of readdirSync(path.join(checkoutRoot, room), { recursive: true, encoding: 'utf8' })) {
      if (!name.endsWith('.ts')) continue;
      const file = `${room}/${name}`;
      for (const [, from = ''] of readFileSync(path.join(checkoutRoot, file), 'utf8').matchAll(
        /(?:from|import\() ?'(\.[^']+)'/g,
      )) {
        const to = path.posix.join(path.posix.dirname(file), from);
        found.set(to, [...(found.get(to) ?? []), file]);
      }
    }
  }
  return found;
}

const familyOfModule = (file: string): string | undefined => /^lib\/modules\/([^/]+)\//.exec(file)?.[1];

/** The families whose modules use a file that lies with another family, which does not use it itself. */
function elsewhere(): readonly string[] {
  return [...importers()].flatMap(([file, users]) => {
    const owner = FAMILIES.find((family) => file.startsWith(`${folderOf(family)}/`));
    const families = new Set(users.flatMap((user) => familyOfModule(user) ?? []));
    const home = users.some((user) => owner !== undefined && user.startsWith(`${folderOf(owner)}/`));
    return owner === undefined || families.size === 0 || families.has(owner) || home
      ? []
      : [`${file}: ${[...families].sort().join(', ')}`];
  });
}

/** The exceptions that docs/architecture.md names, each with its reason. */
function told(): readonly string[] {
  const page = readFileSync(path.join(checkoutRoot, 'docs/architecture.md'), 'utf8');
  return [...page.matchAll(/^\| \[(\S+)\]\(\.\.\/\1\) \| ([a-z, ]+) \| \S.+ \|$/gm)].map(
    ([, file, families]) => `${file}: ${families}`,
  );
}

describe('what a module of a family works with', () => {
  it('has a folder with the name of the family', () => {
    expect(FAMILIES.filter((family) => folderOf(family) === undefined)).toEqual([]);
  });

  it('lies there, but for what docs/architecture.md names with its reason', () => {
    expect(told()).toEqual([...elsewhere()].sort());
  });

  it('knows nothing of what stands above it in the trade', () => {
    const up = [...importers()].flatMap(([file, users]) => {
      const floor = TRADE.findIndex((folder) => file.startsWith(`lib/recovery/${folder}/`));
      return users
        .filter((user) =>
          TRADE.slice(0, Math.max(floor, 0)).some((below) => user.startsWith(`lib/recovery/${below}/`)),
        )
        .map((user) => `${user} imports ${file}`);
    });
    expect(up).toEqual([]);
  });
});
