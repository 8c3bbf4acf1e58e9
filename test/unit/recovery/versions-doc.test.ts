import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { formatVersion, type VersionSpan } from '../../../lib/base/values/version.ts';
import { BARMAN_DIFFERENCES } from '../../../lib/recovery/barman/version.ts';
import { PATRONI_DIFFERENCES } from '../../../lib/recovery/patroni/version.ts';
import { POSTGRES_DIFFERENCES } from '../../../lib/recovery/postgres/version.ts';

const page = readFileSync(new URL('../../../docs/recovery.md', import.meta.url), 'utf8');
const section = /^## Versions\n([\s\S]*?)^## /m.exec(page)?.[1] ?? '';
const [barman = '', patroni = '', postgres = ''] = section.split(/^\| (?=(?:Patroni|PostgreSQL) )/m);

it.each([
  ['Barman', barman, BARMAN_DIFFERENCES],
  ['Patroni', patroni, PATRONI_DIFFERENCES],
  ['PostgreSQL', postgres, POSTGRES_DIFFERENCES],
])('docs/recovery.md tells of each version with which something of %s is different', (tool, told, table) => {
  for (const [name, { since, until }] of Object.entries<VersionSpan>(table)) {
    for (const version of [since, until]) {
      if (version === undefined) continue;
      const words = tool === 'PostgreSQL' ? `${version}` : formatVersion(version).replace(/\.0$/, '');
      expect(told, `${name}: ${words}`).toMatch(new RegExp(`\\b${words.replaceAll('.', '\\.')}\\b`));
    }
  }
});
