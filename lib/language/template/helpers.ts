import type { Helper } from './helper.ts';
import { LIST_HELPERS } from './helpers/lists.ts';
import { LOGIC_HELPERS } from './helpers/logic.ts';
import { NUMBER_HELPERS } from './helpers/numbers.ts';
import { QUOTING_HELPERS } from './helpers/quoting.ts';
import { TEXT_HELPERS } from './helpers/text.ts';

/** Every helper of the template language by name: what templates may call, what the docs list, what the tests run. */
export const HELPERS: ReadonlyMap<string, Helper> = new Map(
  [...LOGIC_HELPERS, ...LIST_HELPERS, ...TEXT_HELPERS, ...QUOTING_HELPERS, ...NUMBER_HELPERS].map(
    (helper) => [helper.name, helper],
  ),
);
