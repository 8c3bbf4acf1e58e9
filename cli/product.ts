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
