import { chmod, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { listRuns } from '../../lib/engine/journal/read.ts';
import { keepRunsIn, newDirectory } from '../engine/support.ts';
import { runHere } from '../support/run-here.ts';

const SECRET = 'hunter2hunter2';

/** A controller with a file of secrets, and what it says of this text: without where it lies. */
async function controller() {
  const directory = await newDirectory();
  keepRunsIn(join(directory, 'state'));
  await writeFile(join(directory, 'hosts.yml'), 'all: { hosts: { one: { ansible_connection: local } } }\n');
  await writeFile(
    join(directory, 'play.yml'),
    `- hosts: one\n  tasks:\n    - core.debug: "{{ db_password }}"\n    - fs.copy: { dest: ${directory}/made, content: x }\n`,
  );
  const file = join(directory, "the site's.yml");
  await writeFile(file, `db_password: ${SECRET}\n`);
  return async (mode: number, ...words: string[]): Promise<string> => {
    await chmod(file, mode);
    const { code, stdout, stderr } = await runHere(directory, ...words, '-i', 'hosts.yml', '-e', `@${file}`);
    const text = `${stdout}${stderr}`.replaceAll(directory, 'DIR').replace(/\s+/g, ' ');
    expect(code, text).toBe(0);
    expect(text).not.toContain(SECRET);
    return text.replaceAll('\\\\', '\\');
  };
}

const COMMANDS = [
  ['play', ['play', 'play.yml']],
  ['play --check', ['play', 'play.yml', '--check']],
  ['play --output json', ['play', 'play.yml', '--output', 'json']],
] as const;

const WARNING =
  /DIR\/the site's\.yml holds secrets \(db_password\), and others than its owner may read it \(mode 0\d{3}\)\. Close it: chmod go= /g;

function expectWarning(text: string, mode: number): void {
  expect(text.match(WARNING)).toEqual([expect.stringContaining(`(mode 0${mode.toString(8)})`)]);
  expect(text).toContain(`chmod go= 'DIR/the site'\\''s.yml'`);
}

it.each(COMMANDS)(
  '%s warns once of a file of secrets that others may read, and says how it is closed',
  async (_, words) => {
    const said = await controller();
    for (const mode of [0o666, 0o644, 0o640]) expectWarning(await said(mode, ...words), mode);
    expect(await said(0o600, ...words)).not.toContain('holds secrets');
  },
);

it('undo, which plays nothing, warns of it too', async () => {
  for (const mode of [0o644, 0o600]) {
    const said = await controller();
    await said(0o600, 'play', 'play.yml');
    const [run = ''] = await listRuns();
    const text = await said(mode, 'undo', run, '--yes');
    if (mode === 0o600) expect(text).not.toContain('holds secrets');
    else expectWarning(text, mode);
  }
});
