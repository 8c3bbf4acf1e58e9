import { EventEmitter } from 'node:events';
import { PassThrough } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { runCommandLine } from '../../cli/run.ts';

const INVENTORY = ['-i', 'inventory/lab-docker.yml'];

/** The command line in this process, without a terminal; no host can be meant by what is wrong here. */
async function pitr(...words: string[]): Promise<{ readonly code: number; readonly said: string }> {
  let said = '';
  const write = (text: string): boolean => {
    said += text;
    return true;
  };
  const code = await runCommandLine(words, {
    stdout: { write },
    stderr: { write },
    stdin: new PassThrough(),
    env: { NO_COLOR: '1' },
    cwd: process.cwd(),
    signals: new EventEmitter(),
    leaveNow: () => {},
  });
  return { code, said };
}

describe('what pitr recover does not begin with', () => {
  it.each([
    [['recover'], 'there is no terminal'],
    [['recover', '20260123T120000'], 'needs <target-time>'],
    [['recover', '--target', 'db2'], 'needs <backup-id>'],
    [['recover', 'a', 'latest', 'db2'], 'too much: "db2"'],
    [['recover', 'a', 'latest', '--dryrun'], 'did you mean "--dry-run"'],
    [['recover', 'a', 'latest', '--target'], '--target needs a value'],
    [['recover', 'a', 'latest', '--target', '--restore'], 'the next word is the option --restore'],
    [
      ['recover', 'a', 'latest', '--wal-method', 'rsync'],
      '--wal-method is one of barman-wal-restore, barman-get-wal',
    ],
    [['recover', 'a', 'latest', '--target', 'db2', '--auto-start'], '--auto-start needs --restore'],
    [['recover', 'a', 'latest', '--target', 'db2', '--for', 'db3'], '--for has no meaning with --target'],
    [['recover', 'a', 'latest', '--check', '--dry-run'], 'exclude each other'],
    [['peek', 'db2', '--to', 'latest', '-At'], 'takes no words for psql'],
  ])('%j', async (words, said) => {
    const result = await pitr(...words, ...INVENTORY);
    expect(result, result.said).toMatchObject({ code: 64 });
    expect(result.said.replace(/\s+/g, ' ')).toContain(said);
  });

  it('a time without a zone is refused by the name under which it was typed', async () => {
    const words = ['play', 'recover.yml', '-e', 'target=db2', '-e', 'target_time=2026-01-23 12:30:00'];
    const result = await pitr(...words, '--dry-run', ...INVENTORY);
    expect(result.said).toContain('Error: -e target_time does not say in which time zone');
    expect(result.code).toBe(3);
  });

  it('a time without a zone is refused before any host is contacted', async () => {
    const result = await pitr(
      'recover',
      'a',
      '2026-01-23 12:30:00',
      '--target',
      'db2',
      '--dry-run',
      ...INVENTORY,
    );
    expect(result.said).toContain('does not say in which time zone');
    expect(result.code).toBe(3);
  });
});
