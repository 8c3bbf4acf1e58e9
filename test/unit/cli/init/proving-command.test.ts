import { expect, it, onTestFinished } from 'vitest';
import { provingCommand } from '../../../../cli/init/proving-command.ts';

it.each([
  ['lab.yml', [], 'pitr doctor -i lab.yml'],
  ['my lab.yml', ['pitr_become_password'], "pitr doctor -i 'my lab.yml' -K"],
  ['lab.yml', ['ansible_password'], "pitr doctor -i lab.yml -e 'ansible_password=...'"],
])('an inventory is proved by a command that runs: %s %j', (path, secrets, command) => {
  expect(provingCommand(path, secrets)).toBe(command);
});

it('a password that a file gives is not asked for', () => {
  process.env.PITR_BECOME_PASSWORD_FILE = '/root/become';
  onTestFinished(() => {
    delete process.env.PITR_BECOME_PASSWORD_FILE;
  });
  expect(provingCommand('lab.yml', ['pitr_become_password'])).toBe('pitr doctor -i lab.yml');
});
