import { describe, expect, it } from 'vitest';
import { errorText, exitCodeOf } from '../../../../cli/display/error-text.ts';
import { type ErrorKind, EXIT_CODES, PitrError } from '../../../../lib/base/errors/pitr-error.ts';

function shown(error: PitrError, columns = 80): string {
  const frameOf = () => ['  40 |   tasks:', '> 41 |     - fs.copy:', '     |       ^'];
  return errorText(error.toJSON(), { columns, frameOf }).join('\n');
}

describe('an error for a person', () => {
  it('says the reason first and what to do last', () => {
    const error = new PitrError({
      kind: 'refused',
      code: 'target-before-backup-end',
      message: 'Target time is before backup end time!',
      details: [
        'You can only recover to a time AFTER the backup completed.',
        'Valid recovery times: After: 2026-01-23 12:00:14+00',
      ],
      host: 'barman',
      task: 'Prove that every WAL segment up to the moment is there',
      at: { file: 'playbooks/recover.yml', line: 41, column: 7 },
      state: 'nothing was changed',
      next: ['pitr backups -i inventory/lab-docker.yml'],
    });
    expect(shown(error)).toMatchInlineSnapshot(`
      "Refused: Target time is before backup end time!
        host     barman
        task     Prove that every WAL segment up to the moment is there
        at       playbooks/recover.yml:41:7

        40 |   tasks:
      > 41 |     - fs.copy:
           |       ^

        You can only recover to a time AFTER the backup completed.
        Valid recovery times: After: 2026-01-23 12:00:14+00

        state    nothing was changed
        next     pitr backups -i inventory/lab-docker.yml"
    `);
  });

  it('shows what a command left behind, unwrapped, so that it can be copied', () => {
    const error = new PitrError({
      kind: 'failed',
      code: 'command-timed-out',
      message: 'rsync timed out after 30 s',
      host: 'db2',
      evidence: {
        command:
          "rsync -a --delete '/var/lib/barman/db1/base/20260123T120000/data/' postgres@db2:/var/lib/postgresql/15/patroni2.pitr",
        signal: 'SIGKILL',
        timedOut: true,
        stderr:
          'rsync: [sender] write error: Broken pipe (32)\n\u001b[31mrsync error\u001b[0m: code 12\u0007\n',
      },
      next: ['The copy is kept and will be continued by the next run, so that nothing has to be sent twice.'],
    });
    expect(shown(error)).toMatchInlineSnapshot(`
      "Failed: rsync timed out after 30 s
        host     db2
        command  rsync -a --delete '/var/lib/barman/db1/base/20260123T120000/data/' postgres@db2:/var/lib/postgresql/15/patroni2.pitr
        ended    timed out, killed by SIGKILL
        it said
          | rsync: [sender] write error: Broken pipe (32)
          | rsync error: code 12\\x07
        next     The copy is kept and will be continued by the next run, so that
                 nothing has to be sent twice."
    `);
  });

  it('needs no more than a message', () => {
    expect(shown(new PitrError({ kind: 'usage', code: 'x', message: 'no command was given' }))).toBe(
      'Error: no command was given',
    );
  });

  it('keeps to a narrow terminal', () => {
    const error = new PitrError({
      kind: 'validation',
      code: 'x',
      message: 'the variable "target_tiem" is not defined (did you mean "target_time"?)',
      details: ['it is used by the task "Restore the backup beside the data" of the second play'],
      next: ['pitr play --help'],
    });
    expect(shown(error, 40)).toMatchInlineSnapshot(`
      "Error: the variable "target_tiem" is not
      defined (did you mean "target_time"?)

        it is used by the task "Restore the
        backup beside the data" of the second
        play

        next     pitr play --help"
    `);
  });

  it('keeps tables and frames in details as their author laid them out', () => {
    const details = ['BACKUP           SERVER', '20260123T120000  db1', `  > 41 | ${'x'.repeat(90)}`];
    const error = new PitrError({ kind: 'refused', code: 'x', message: 'no such backup', details });
    expect(shown(error).split('\n').slice(1)).toEqual(details.map((line) => `  ${line}`));
  });

  it('shows no frame twice', () => {
    const at = { file: 'a.yml', line: 41, column: 7 };
    const details = ['> 41 |     - fs.copy:', '     |       ^'];
    const error = new PitrError({ kind: 'validation', code: 'x', message: 'wrong', at, details });
    expect(shown(error).match(/fs\.copy/g)).toHaveLength(1);
  });

  it.each(Object.entries(EXIT_CODES))('kind %s has exit code %i', (kind, code) => {
    expect(exitCodeOf({ kind: kind as ErrorKind })).toBe(code);
  });
});
