import { readFileSync } from 'node:fs';

/** What a real Barman 3.4.0 printed or wrote (see test/fixtures/barman). */
export function fixture(name: string): string {
  return readFileSync(new URL(`../../../fixtures/barman/${name}`, import.meta.url), 'utf8');
}
