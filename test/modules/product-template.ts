import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { checkoutRoot } from '../../lab/checkout.ts';
import { renderFile } from '../../lib/language/template/template.ts';

/** A template of the product, rendered. */
export function productTemplate(path: string, values: Readonly<Record<string, unknown>>): string {
  const text = readFileSync(join(checkoutRoot, 'templates', path), 'utf8');
  return String(renderFile(text, path, values));
}
