import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { asPitrError, type PitrError } from '../../lib/base/errors/pitr-error.ts';
import type { PitrEvent } from '../../lib/engine/events/events.ts';
import { runPlaybook } from '../../lib/engine/run/run.ts';
import { productPlaybooks, projectRoot } from '../../lib/language/playbook/assets.ts';
import { hostileTexts, newCanary } from './values.ts';
import { loadVarNames } from './variable-names.ts';

const TEXTS = [...hostileTexts(newCanary()), 'a\0b', 'y'.repeat(100_000)];

/** recover.yml gone through with one variable of the operator's set to a text; no host is contacted. */
async function planWith(
  name: string,
  value: unknown,
): Promise<{ readonly error: PitrError | undefined; readonly events: readonly PitrEvent[] }> {
  const events: PitrEvent[] = [];
  try {
    const { error } = await runPlaybook(
      {
        playbook: join(productPlaybooks(), 'recover.yml'),
        inventories: [join(projectRoot(), 'inventory', 'lab-docker.yml')],
        extraVars: { target: 'db2', auto_start: true, [name]: value },
        mode: 'dry-run',
        tags: [],
        skipTags: [],
        forks: 10,
      },
      {
        emit: (event) => events.push(event),
        ask: () => Promise.resolve({ answer: true, by: '--yes' }),
        signal: new AbortController().signal,
      },
    );
    return { error, events };
  } catch (error) {
    return { error: asPitrError(error), events };
  }
}

describe('a variable of a recovery', () => {
  it.each(loadVarNames().map((name, index) => [name, index] as const))(
    '%s is refused before any host is contacted, or carried as it is',
    async (name, index) => {
      // One text for each, another one for the next: each of them several times over all variables.
      const text = TEXTS[(index * 5) % TEXTS.length] ?? '';
      const { error } = await planWith(name, text);
      expect([name, text.slice(0, 80), error?.kind === 'bug' ? error.message : 'ok']).toEqual([
        name,
        text.slice(0, 80),
        'ok',
      ]);
      if (error !== undefined) expect(['validation', 'refused']).toContain(error.kind);
    },
  );

  it('is never rendered, whatever looks like a template in it', async () => {
    const { error, events } = await planWith('staging', '/srv/{{ run_id }}/{{ lookup groups "all" }}');
    expect(error).toBeUndefined();
    expect(JSON.stringify(events)).toContain('/srv/{{ run_id }}');
  });
});
