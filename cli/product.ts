import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { projectRoot } from '../lib/language/playbook/assets.ts';

/** The version in the product's package.json. */
export function productVersion(): string {
  const manifest: unknown = JSON.parse(readFileSync(join(projectRoot(), 'package.json'), 'utf8'));
  return typeof manifest === 'object' && manifest !== null && 'version' in manifest
    ? String(manifest.version)
    : 'unknown';
}

/** Answers what is asked for the version alone, before anything heavy is loaded; gives whether it was. */
export function saidVersion([first]: readonly string[]): boolean {
  const asked = first === '--version' || first === '-V';
  if (!asked) return false;
  process.stdout.once('error', () => {
    process.exitCode = 1;
  });
  process.stdout.write(`${productVersion()}\n`);
  return true;
}
