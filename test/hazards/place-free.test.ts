import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { asPitrError } from '../../lib/base/errors/pitr-error.ts';
import { productPlaybooks } from '../../lib/language/playbook/assets.ts';
import { markerBeside, renderMarker } from '../../lib/recovery/barman/marker.ts';
import { play } from '../engine/support.ts';

/** A copy that broke off is gone on with by the run that began it: what is looked at before must not end in front of it. */

const ID = '20261122T155813';
/** As the play fills it in: the run that finds the note has written it before it was resumed. */
const RUN = '{{ run_id }}';

/** What a run is refused with that finds this note beside the place. */
async function refusal(file: string, noted: string | undefined, there = true) {
  const vars = {
    ...{ pgdata: 'DIR/data', staging: 'DIR/data', target: 'two', barman_host: 'two', restore_ssh: 'ssh two' },
    ...{ pg_user: 'x', layout: {}, tablespaces: { fast: 'DIR/fast' } },
    base: { id: ID, server: 'db1', restored_bytes: 1, packed: false, tablespaces: [{ name: 'fast' }] },
    wal: { bytes: 1, servers_used: ['db1'] },
  };
  const left =
    noted === undefined
      ? ''
      : `    - fs.copy: { dest: ${markerBeside('DIR/data')}, content: ${JSON.stringify(noted)} }\n`;
  const data = ['DIR/data', 'DIR/fast'].map((path) => `    - fs.directory: { path: ${path} }\n`).join('');
  const yaml = `- hosts: one
  defaults_files: [${join(productPlaybooks(), 'vars/recovery.yml')}]
  vars: ${JSON.stringify(vars)}
  tasks:
${there ? data : ''}${left}    - import_tasks: ${join(productPlaybooks(), 'tasks', file)}
    - core.fail: the end
`;
  const { error } = await play(yaml).then(
    ({ outcome }) => outcome,
    (thrown) => ({ error: asPitrError(thrown) }),
  );
  return { code: error?.code, words: [error?.message, ...(error?.next ?? [])].join('\n') };
}

const copyOf = (backup: string, run = RUN) =>
  renderMarker({ state: 'copying', server: 'db1', emptyBefore: false, backup, run });

describe('the place of data outside the cluster', () => {
  it.each([
    ['that is free', undefined, false],
    ['with a copy that this run has begun', copyOf(ID), true],
  ])('is taken: one %s', async (_, noted, there) => {
    expect((await refusal('place-free.yml', noted, there)).code).toBe('failed-by-playbook');
  });

  it.each([
    [
      'with a copy that another run has begun',
      copyOf(ID, 'other-1'),
      'pitr resume other-1\nOr take it back: pitr undo other-1',
    ],
    ['with a copy of another backup', copyOf('20261122T000000'), 'Or take it back: pitr undo 2'],
    ['beside which something else lies under that name', '[]', 'ls -la'],
    ['beside which the name of a run is none', copyOf(ID, 'x; reboot'), 'ls -la'],
    ['with anything else', undefined, 'pitr runs'],
  ])('is in use: one %s', async (_, noted, words) => {
    const refused = await refusal('place-free.yml', noted);
    expect(refused.code).toBe('place-in-use');
    expect(refused.words).toContain(words);
  });
});

it.each([
  ['are in use where nobody has begun a copy', undefined, true],
  ['are its own where its copy broke off', copyOf(ID), false],
])('the places of its tablespaces %s', async (_, noted, refused) => {
  const { code } = await refusal('can-restore.yml', noted);
  expect(code === 'tablespace-place-in-use').toBe(refused);
});
