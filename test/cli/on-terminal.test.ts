import { spawnSync } from 'node:child_process';
import { expect, it } from 'vitest';
import { quote } from '../../lib/transport/quote.ts';
import { commandLineFile, operatorEnvironment } from '../support/command-line.ts';
import { onTerminal } from '../support/terminal.ts';
import { folder } from '../unit/language/playbook/support/folder.ts';

/** Longer than the display waits before it draws anything. */
const LASTS = 'core.command: sleep 0.4';

it('a play on a terminal draws tasks that last, asks between them, and prints what comes after', async () => {
  await using place = await folder({
    'hosts.yml': 'all: { hosts: { here: { ansible_connection: local } } }\n',
    'play.yml': `- name: First
  hosts: here
  tasks:
    - { name: lasts, ${LASTS} }
    - { name: says, core.debug: one }
    - { name: asks, core.confirm: { text: "Go on?" } }
- name: Second
  hosts: here
  tasks:
    - { name: lasts again, ${LASTS} }
    - { name: says more, core.debug: two }
`,
  });
  const { exitCode, screen, typed } = await onTerminal(
    ['play', place.file('play.yml'), '-i', place.file('hosts.yml')],
    [['Go on? [y/N] ', 'y\r']],
  );
  expect([exitCode, typed]).toEqual([0, 1]);
  for (const words of ['lasts  changed here', 'one', 'lasts again  changed here', 'two', 'Done in'])
    expect(screen).toContain(words);
});

it('an inventory that goes into a pipe is found out without questions, which nobody would see', () => {
  const words = [process.execPath, commandLineFile(), 'init', '--from', 'root@127.0.0.1:1', '-o', '-'];
  const line = `{ ${words.map(quote).join(' ')}; echo "exit $?"; } 2>&1 | cat`;
  const { stdout } = spawnSync('script', ['-qefc', line, '/dev/null'], {
    encoding: 'utf8',
    env: { ...operatorEnvironment(), SHELL: '/bin/sh' },
  });
  expect(stdout).toMatch(/127\.0\.0\.1[\s\S]*exit 4/);
  expect(stdout).not.toContain('pitr recover');
});
