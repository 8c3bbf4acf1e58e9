import { expect, it } from 'vitest';
import { z } from 'zod';
import { type Change, defineModule } from '../../../lib/contract/module.ts';

interface Written extends Change {
  readonly path: string;
  readonly forApply: { readonly text: string };
}

/** What is held here is held by the compiler: `npm test` fails where one of these lines does not. */
it('an undo is given neither what only apply needs, nor files, templates or somebody to ask', () => {
  const module = defineModule({
    summary: 'Writes.',
    examples: '- a.b: {}',
    params: z.strictObject({ path: z.string() }),
    read: async () => '',
    plan: (_now, { path }): Written => ({ summary: `write ${path}`, path, forApply: { text: 'secret' } }),
    effects: (change) => {
      // @ts-expect-error: effects are of what the journal holds
      expect(change.forApply).toBeUndefined();
      return [];
    },
    apply: async (_host, change) => ({ text: change.forApply.text }),
    undo: async (_host, change, context) => {
      // @ts-expect-error: it is in no journal
      change.forApply;
      // @ts-expect-error: nobody is there to be asked
      context.ask;
      // @ts-expect-error: the template may be gone
      context.render;
      // @ts-expect-error: and so may be the file
      context.file;
      context.warn(change.path);
    },
  });
  expect(module.effects?.({ summary: 'write', path: '/a' })).toEqual([]);
});
