import { describe, expect, it } from 'vitest';
import { MODULE_PARTS } from '../../lib/contract/module-parts.ts';
import * as kit from '../../lib/modules/kit.ts';
import { spansOf } from './pages.ts';

const words = new Set(spansOf('docs/writing-modules.md').flatMap((span) => span.match(/\w+/g) ?? []));

describe('docs/writing-modules.md', () => {
  it.each(Object.keys(MODULE_PARTS))('tells every part of a module of the kind %s', (kind) => {
    const parts = Object.keys(MODULE_PARTS[kind] ?? {}).filter((part) => part !== 'kind');
    expect(parts.filter((part) => !words.has(part))).toEqual([]);
  });

  it('tells everything that pitr/module exports', () => {
    expect(Object.keys(kit).filter((name) => !words.has(name))).toEqual([]);
  });
});
