import { z } from 'zod';
import type { ClusterStep, Effect, Lasting } from './effects.ts';

const text = z.string().min(1);

const lasts = z.enum({
  'for good': 'for good',
  'until it ends': 'until it ends',
  'while pitr holds it': 'while pitr holds it',
} as const satisfies { readonly [K in Lasting]: K });

const cluster = z.enum({
  'begins a history': 'begins a history',
  joins: 'joins',
  leaves: 'leaves',
  'leaves as leader': 'leaves as leader',
} as const satisfies { readonly [K in ClusterStep]: K });

/** What `effects` of a module has to give. Every decision of an undo rests on it, so what is not so is refused. */
const effects = z.array(
  z.strictObject({
    kind: text,
    id: text,
    state: text,
    lasts,
    supersedes: z.literal(true).optional(),
    movedTo: z.strictObject({ id: text, identity: text.optional() }).optional(),
    leaves: z.strictObject({ path: text, as: z.enum(['log', 'note', 'old data']) }).optional(),
    cluster: cluster.optional(),
    about: z
      .strictObject({ runs: z.array(text), takesBack: z.boolean(), ways: z.array(z.string()) })
      .optional(),
  } satisfies Readonly<Record<keyof Effect, z.ZodType>>),
);

/** What is wrong with what should be the effects of a change: `effects[0].lasts: Invalid option ...`. */
export function effectsFlaw(value: unknown): string | undefined {
  const outcome = effects.safeParse(value);
  if (outcome.success) return undefined;
  const [issue] = outcome.error.issues;
  const where = (issue?.path ?? []).map((part) =>
    typeof part === 'number' ? `[${part}]` : `.${String(part)}`,
  );
  return `effects${where.join('')}, which is wrong: ${issue?.message ?? ''}`;
}
