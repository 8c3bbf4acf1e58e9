import { describe, expect, it } from 'vitest';
import { serviceName } from '../../lib/system/service/service-resource.ts';

describe('the name of a service', () => {
  it.each([
    'patroni',
    'postgresql@15-main',
    'pg.socket',
    'group:patroni',
    'dev-disk\\x2d1.mount',
    'all-in-one',
  ])('%s is that of one service', (name) => {
    expect(serviceName.safeParse(name).success).toBe(true);
  });

  it.each([
    'all',
    '*',
    'patroni*',
    'group:*',
    '?atroni',
    'p[a-z]*',
    '-x',
    '--all',
    'a b',
    'a\nb',
    '$(id)',
    '',
  ])('%j is refused: managers would take it for many, for an option or for nothing', (name) => {
    expect(serviceName.safeParse(name).success).toBe(false);
  });
});
