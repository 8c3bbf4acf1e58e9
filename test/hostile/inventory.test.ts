import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { asPitrError } from '../../lib/base/errors/pitr-error.ts';
import { connectionSettings } from '../../lib/language/inventory/connection.ts';
import { loadInventory } from '../../lib/language/inventory/load.ts';
import type { InventoryHost } from '../../lib/language/inventory/model.ts';
import { hostileTexts, newCanary, shown } from './values.ts';

const TEXTS = [...hostileTexts(newCanary()), 'a\0b', 'x'.repeat(100_000)];

let directory: string;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'pitr-hostile-'));
});
afterAll(() => rm(directory, { recursive: true }));

const HOST: InventoryHost = { name: 'db1', vars: new Map(), groups: [] };

/** The settings with one variable set, or the error. */
function reached(name: string, value: unknown, more: Readonly<Record<string, unknown>> = {}): unknown {
  try {
    return connectionSettings(HOST, { ...more, [name]: value });
  } catch (error) {
    const { kind, code } = asPitrError(error);
    expect([kind, code]).toEqual(['validation', 'connection-variable']);
    return undefined;
  }
}

describe('a connection variable', () => {
  it.each(TEXTS.map((text) => [shown(text), text] as const))(
    '%s is carried as it is, or refused',
    (_, text) => {
      const fit = !/^-|\p{Cc}/u.test(text) && text.trim() !== '';
      const docker = { ansible_connection: 'docker' };
      for (const [name, field, more] of [
        ['ansible_host', 'container', docker],
        ['ansible_user', 'user', docker],
        ['ansible_host', 'address', {}],
        ['ansible_user', 'user', {}],
      ] as const) {
        const settings = reached(name, text, more);
        if (fit) expect(settings).toMatchObject({ [field]: text });
        else expect([name, text, settings]).toEqual([name, text, undefined]);
      }
      for (const name of [
        'ansible_port',
        'ansible_connection',
        'ansible_become_method',
        'pitr_host_key_checking',
      ])
        expect([name, reached(name, text)]).toEqual([name, undefined]);
    },
  );

  it('of any text makes no option of a client', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: 'binary' }),
        fc.constantFrom('ansible_host', 'ansible_user'),
        (text, name) => {
          const settings = reached(name, text, { ansible_connection: 'docker' });
          if (settings !== undefined) expect(JSON.stringify(settings)).not.toMatch(/:"-|\\u00[01]/);
        },
      ),
    );
  });
});

describe('an inventory', () => {
  it.each(TEXTS.map((text) => [shown(text), text] as const))(
    'with a host called %s has it, or refuses it',
    async (_, text) => {
      const file = join(directory, 'hosts.yml');
      await writeFile(
        file,
        `all: { hosts: { ${JSON.stringify(text)}: { pgdata: ${JSON.stringify(text)} } } }\n`,
      );
      try {
        const { hosts } = await loadInventory([file]);
        expect(hosts.get(text)?.vars.get('pgdata')?.value).toBe(text);
        expect(text).toMatch(/^[\p{L}\p{N}_][\p{L}\p{N}_.@-]*$/u);
      } catch (error) {
        expect(asPitrError(error).kind).toBe('validation');
      }
    },
  );
});
