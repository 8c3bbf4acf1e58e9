import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { beforeAll, expect, it, onTestFinished } from 'vitest';
import { checkoutRoot } from '../../lab/checkout.ts';
import { needProgram } from '../support/packages.ts';
import { blocksOf } from './pages.ts';

const execute = promisify(execFile);
const PAGE = 'docs/fleet.md';
const NAMES = ['web1', 'web2', 'web3', 'web4', 'web5', 'web6'];
/** One host of the six is not patched. */
const PATCH = `- hosts: all
  tasks:
    - name: Patch the host
      core.shell: 'test {{ inventory_hostname }} != web4'
`;

beforeAll(async () => {
  await needProgram('/usr/bin/jq', 'jq');
}, 300_000);

it('what the page on many hosts types splits a fleet, reports on its parts, and names what failed', async () => {
  const blocks = blocksOf(PAGE).filter(({ language }) => language === 'sh');
  expect(blocks.map(({ notRun }) => notRun)).toEqual(
    blocks.map(() => 'test/docs/fleet.test.ts types it, on a fleet of six'),
  );
  const directory = await mkdtemp(join(tmpdir(), 'pitr-fleet-'));
  onTestFinished(() => rm(directory, { recursive: true, force: true }));
  const bin = join(directory, 'bin');
  await mkdir(bin);
  const main = `'${process.execPath}' --import '${import.meta.resolve('tsx')}' '${checkoutRoot}/cli/main.ts'`;
  await writeFile(join(bin, 'pitr'), `#!/bin/sh\nexec ${main} "$@"\n`, { mode: 0o755 });
  const fleet = {
    all: {
      vars: { ansible_connection: 'local' },
      hosts: Object.fromEntries(NAMES.map((name) => [name, {}])),
    },
  };
  await writeFile(join(directory, 'inventory.yml'), JSON.stringify(fleet));
  await writeFile(join(directory, 'patch.yml'), PATCH);
  const env = {
    ...process.env,
    ...{ PATH: `${bin}:${process.env.PATH}`, PITR_STATE_DIR: join(directory, 'state'), NO_COLOR: '1' },
  };
  const typed = [];
  for (const { text } of blocks)
    typed.push(
      await execute('sh', ['-c', text], { cwd: directory, env }).then(
        ({ stdout }) => ({ code: 0, stdout }),
        ({ code, stdout }: { code: number; stdout: string }) => ({ code, stdout }),
      ),
    );
  const [split, report, failed] = typed;
  const file = (name: string) => readFile(join(directory, name), 'utf8');
  expect((await file('hosts')).trim().split('\n')).toEqual(NAMES);
  expect(split?.code).toBe(123);
  expect(JSON.parse(report?.stdout ?? '')).toEqual({
    runs: [expect.anything(), expect.anything(), expect.anything()],
    ...{ hosts: 6, changed: 5, failed: ['web4'] },
  });
  expect(failed?.code).toBe(0);
  expect(failed?.stdout).toMatch(/^web4: Patch the host: \S/);
  expect(await file('failed')).toBe('web4\n');
});
