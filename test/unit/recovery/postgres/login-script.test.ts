import { spawnSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { LET_IN, wordsForMissing } from '../../../../lib/recovery/postgres/login-script.ts';

/** Asks with a driver that answers each connection with these words. */
function letIn(told: string, missing: string): string | null {
  const program = `${LET_IN}
import json, sys
class Driver:
    class Error(Exception):
        pass
    def connect(self, **way):
        raise Driver.Error(sys.argv[1])
print(json.dumps(let_in(Driver(), {"host": "db2"}, "postgres", sys.argv[2])))
`;
  const asked = spawnSync('python3', ['-c', program, told, missing], { encoding: 'utf8' });
  expect(asked.stderr).toBe('');
  return JSON.parse(asked.stdout) as string | null;
}

const MISSING = 'database "pitr_login_proof" does not exist';
const server = (words: string): string =>
  `connection to server at "db2" (10.0.0.2), port 5432 failed: FATAL:  ${words}`;

describe('a login that asks for a database that is not there', () => {
  it.each([
    ['is let in', server(MISSING), MISSING],
    [
      'is let in by a server of another language',
      server('Datenbank »pitr_login_proof« existiert nicht'),
      'Datenbank »pitr_login_proof« existiert nicht',
    ],
    [
      'whose words came broken',
      server('Datenbank \ufffd\ufffdpitr_login_proof\ufffd\ufffd existiert nicht'),
      'Datenbank »pitr_login_proof« existiert nicht',
    ],
  ])('%s', (_what, told, missing) => {
    expect(letIn(told, missing)).toBeNull();
  });

  it.each([
    ['for its password', server('password authentication failed for user "barman"')],
    [
      'for its password, after which libpq tries without TLS',
      `${server('password authentication failed for user "barman"')}\n${server('no pg_hba.conf entry for host "10.0.0.9", user "barman", database "pitr_login_proof", no encryption')}`,
    ],
    [
      'without a rule',
      server('no pg_hba.conf entry for host "10.0.0.9", user "barman", database "pitr_login_proof"'),
    ],
    [
      'by a rule',
      server(
        'pg_hba.conf rejects connection for host "10.0.0.9", user "barman", database "pitr_login_proof"',
      ),
    ],
  ])('is refused %s, and the words name its own database', (_what, told) => {
    expect(letIn(told, MISSING)).toBe(told.replaceAll('pitr_login_proof', 'postgres'));
  });
});

describe("a server's words for a database that is not there", () => {
  it.each([
    [
      'psql: error: connection to server on socket "/run/.s.PGSQL.5432" failed: FATAL:  database "pitr_login_proof" does not exist\n',
      MISSING,
    ],
    [
      'psql: error: could not connect to server: FATAL:  database "pitr_login_proof" does not exist\n',
      MISSING,
    ],
    [
      'psql: error: FATAL:  3D000: Datenbank »pitr_login_proof« existiert nicht\nORT: InitPostgres\n',
      'Datenbank »pitr_login_proof« existiert nicht',
    ],
    ['psql: error: connection refused\n', undefined],
  ])('%j', (stderr, words) => {
    expect(wordsForMissing(stderr)).toBe(words);
  });
});
