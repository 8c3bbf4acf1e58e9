import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Masker } from '../../../../lib/base/values/masker.ts';
import { MASK, Secret } from '../../../../lib/base/values/secret.ts';
import { formsOf } from '../../../../lib/base/values/secret-forms.ts';
import { isSecretName } from '../../../../lib/base/values/secret-names.ts';
import { Unknown } from '../../../../lib/base/values/unknown.ts';
import { commandLine } from '../../../../lib/transport/quote.ts';

function knowing(...secrets: string[]): Masker {
  const masker = new Masker();
  for (const secret of secrets) masker.add(secret);
  return masker;
}

describe('the name of a secret', () => {
  it.each([
    ...[
      'password',
      'db_password',
      'PGPASSWORD',
      'pg_passwd',
      'adminPassword',
      'old_password_1',
      'dbpassword',
    ],
    ...['ansible_become_password', 'ansible_become_pass', 'ansible_ssh_pass', 'ansible_sudo_pass', 'pgpass'],
    ...[
      'ansible_ssh_private_key_passphrase',
      'passphrase',
      'passcode',
      'db_pwd',
      'su_pass',
      'dbpass',
      'root-pass',
    ],
    ...[
      'secret',
      'client_secret',
      'secrets',
      'token',
      'authToken',
      'vault_token',
      'api_key',
      'apikey',
      'API-KEY',
    ],
    ...[
      'aws_secret_access_key',
      'private_key',
      'ssh_private_key',
      'encryption_key',
      'credentials',
      'masterKey',
    ],
    ...['vault_secret_id', 'secret-id', 'secretId', 'token_id', 'password_id', 'VAULT_SECRET_ID'],
    ...['db_pw', 'pw', 'dbPw', 'DB_PW', 'repl_pass1', 'pass2', 'REPL_PASS1', 'passkey', 'admin_passkey'],
    ...[
      'ssh_key',
      'ssh_key_private',
      'tls_key',
      'tlsKey',
      'ssl-key',
      'SSL_KEY',
      'server_tls_key',
      'key_private_key',
    ],
    ...['jwt_bearer', 'bearer', 'BEARER', 'apiBearer'],
  ])('%s', (name) => expect(isSecretName(name)).toBe(true));

  it.each([
    ...['ansible_ssh_private_key_file', 'password_file', 'token_path', 'secret_name', 'passwordFile'],
    ...['password_encryption', 'ssl_passphrase_command', 'token_ttl', 'PWD', 'OLDPWD', 'bypass', 'compass'],
    ...[
      'user',
      'host',
      'key',
      'primary_key',
      'author',
      'tokenType',
      'password_changed',
      'PGPASSFILE',
      'pass_count',
    ],
    ...[
      'ssh_key_file',
      'ssh_key_path',
      'sslKeyFile',
      'tls_key_dir',
      'SSH_KEY_FILE',
      'ssl_key_name',
      'sslkey',
    ],
    ...[
      'ssh_key_public',
      'ssh_key_pub',
      'public_ssh_key',
      'ssh_key_fingerprint',
      'ssh_key_type',
      'tls_key_bits',
    ],
    ...[
      'ssh_host_key',
      'host_key_checking',
      'ssh_key_checking',
      'primary_key_id',
      'aws_access_key_id',
      'key_id',
    ],
    ...[
      'vault_role_id',
      'client_id',
      'pid',
      'pass1_count',
      'PASS_COUNT',
      'trespass1',
      'encompass',
      'pws',
      'spw',
    ],
    ...[
      'forbearer',
      'bearer_type',
      'db_auth',
      'auth_method',
      'keypass_file',
      'passkey_name',
      'TIMEOUT',
      'bypass2',
    ],
  ])('not %s', (name) => expect(isSecretName(name)).toBe(false));
});

describe('the name of a secret with other words around it', () => {
  const words = fc.constantFrom(
    'password',
    'secret',
    'token',
    'passkey',
    'pw',
    'pass1',
    'tls_key',
    'bearer',
    'private_key',
  );
  const other = fc.constantFrom('db', 'main', 'of', 'x9', 'replica');

  it('is one still', () => {
    fc.assert(
      fc.property(
        words,
        fc.array(other, { maxLength: 2 }),
        fc.array(other, { maxLength: 2 }),
        (word, before, after) => {
          const name = [...before, word, ...after];
          expect(isSecretName(name.join('_')), name.join('_')).toBe(true);
          expect(isSecretName(name.join('_').toUpperCase()), name.join('_')).toBe(true);
          expect(isSecretName(name.join('-')), name.join('-')).toBe(true);
        },
      ),
    );
  });

  it('is not one where it says where the secret lies', () => {
    const place = fc.constantFrom('file', 'path', 'dir', 'name', 'type');
    fc.assert(
      fc.property(fc.array(other, { maxLength: 2 }), words, place, (before, word, end) => {
        const name = [...before, word, end].join('_');
        expect(isSecretName(name), name).toBe(false);
      }),
    );
  });
});

describe('a secret is masked', () => {
  const SECRET = `p"a's\\s w&rd/€+`;

  it.each<[string, string]>([
    ['as it is', SECRET],
    ['encoded for a URL', encodeURIComponent(SECRET)],
    ['encoded as Python and libpq do', encodeURIComponent(SECRET).replaceAll("'", '%27')],
    ['in a form', new URLSearchParams({ a: SECRET }).toString().slice(2)],
    ['in JSON', JSON.stringify({ a: SECRET })],
    ['in JSON in JSON', JSON.stringify(JSON.stringify({ a: SECRET }))],
    ['quoted for a shell', commandLine(['psql', SECRET])],
    ['quoted for a shell twice', commandLine(['sh', '-c', commandLine(['psql', SECRET])])],
    ['in double quotes of a shell', `"${SECRET.replace(/["\\$`]/g, '\\$&')}"`],
    ['as a literal of SQL', `'${SECRET.replaceAll("'", "''")}'`],
    ['as a literal with escapes', `E'${SECRET.replaceAll("'", "''").replaceAll('\\', '\\\\')}'`],
    ['in a connection string', `password='${SECRET.replace(/[\\']/g, '\\$&')}'`],
    ['in base64', Buffer.from(SECRET).toString('base64')],
    ['in base64 for URLs', Buffer.from(SECRET).toString('base64url')],
    ['in base64 with a newline, as echo | base64 gives it', Buffer.from(`${SECRET}\n`).toString('base64')],
    ['in hexadecimal', Buffer.from(SECRET).toString('hex')],
  ])('%s', (_how, text) => {
    const shown = knowing(SECRET).text(`before ${text} after`);
    expect(shown).toContain(MASK);
    for (const form of formsOf(SECRET)) expect(shown).not.toContain(form);
  });

  it('inside a longer text that was encoded as a whole, wherever it falls', () => {
    for (const user of ['a', 'ab', 'abc']) {
      const basic = Buffer.from(`${user}:hunter2-hunter2:x`).toString('base64');
      const shown = knowing('hunter2-hunter2').text(`Authorization: Basic ${basic}`);
      expect(Buffer.from(shown.split(' ')[2] ?? '', 'base64').toString()).not.toMatch(/hunt|nter2-/);
    }
  });

  it('line by line where it has several', () => {
    const key = '-----BEGIN KEY-----\nMC4CAQAwBQYDK2Vw\nBCIEIJ+abcdefghi\n-----END KEY-----\n';
    const shown = knowing(key).text(key.split('\n').join('\n  | '));
    expect(shown).toContain('-----BEGIN KEY-----');
    expect(shown).not.toMatch(/MC4C|BCIE/);
  });

  it('where a text was cut in the middle of it', () => {
    const masker = knowing('correct-horse-battery');
    expect(masker.text('run the script: psql correct-hor ...')).toBe(`run the script: psql ${MASK} ...`);
    expect(masker.text('secret=correct-horse…')).toBe(`secret=${MASK}…`);
    expect(masker.text('...rse-battery failed')).toBe(`...${MASK} failed`);
    expect(masker.text('it goes on ...')).toBe('it goes on ...');
  });

  it('as a number, and in the keys of data', () => {
    const masker = knowing('12345678', 'hunter2');
    expect(masker.data({ list: [12345678, 5432], hunter2: true })).toEqual({
      list: [MASK, 5432],
      [MASK]: true,
    });
  });

  it('by the name that it has in data, whatever its value', () => {
    const data = {
      db_password: 'x',
      nested: [{ token: { a: 'y', n: 1 } }],
      pin_secret: 7,
      md5_password_warnings: 'on',
      ok: { password: '' },
    };
    expect(new Masker().data(data)).toEqual({
      db_password: MASK,
      nested: [{ token: { a: MASK, n: 1 } }],
      pin_secret: MASK,
      md5_password_warnings: 'on',
      ok: { password: '' },
    });
  });

  it('however the text is cut into pieces', () => {
    fc.assert(
      fc.property(
        fc.array(
          fc.constantFrom('abcab', 'abcabd', 'x', ' ', 'abc', 'hunter2', 'hun', '\n', '2xyz', 'dxyz'),
          {
            maxLength: 12,
          },
        ),
        fc.array(fc.nat({ max: 9 }), { minLength: 1, maxLength: 20 }),
        (words, cuts) => {
          const masker = knowing('abcabd', 'hunter2', '2xyz', 'dxyz');
          const text = words.join('');
          const stream = masker.stream();
          let shown = '';
          let at = 0;
          for (let i = 0; at < text.length; i++) {
            const size = (cuts[i % cuts.length] ?? 1) + 1;
            shown += stream.push(text.slice(at, at + size));
            at += size;
          }
          shown += stream.end();
          expect(shown).not.toMatch(/abcabd|hunter2|2xyz|dxyz/);
          expect(shown).toBe(masker.text(text));
        },
      ),
    );
  });
});

describe('a secret that is a common word', () => {
  it.each(['postgres', 'abc', '5432', 'db1', 'replicator'])('%s is masked beside its name alone', (word) => {
    const masker = new Masker();
    masker.addCommon(['db1']);
    masker.learn({ db_password: word });
    const text = `${word} runs as ${word}; PGPASSWORD=${word} psql; {"password": "${word}"}; password: '${word}'`;
    expect(masker.text(text)).toBe(
      `${word} runs as ${word}; PGPASSWORD=${MASK} psql; {"password": "${MASK}"}; password: '${MASK}'`,
    );
    expect(masker.weak()).toEqual(['db_password']);
    expect(masker.secretsIn(`PGPASSWORD=${word} psql`)).toEqual(['db_password']);
  });

  it('an empty value, true and false are no secrets', () => {
    const masker = new Masker();
    masker.learn({ password: '', token: true, secret: null });
    expect(masker.text('true null')).toBe('true null');
    expect(masker.weak()).toEqual([]);
  });
});

describe('what a masker learns', () => {
  it('what is shown as another value as that value, and what is not known not at all', () => {
    const masker = new Masker();
    masker.learn({ at: new URL('http://u:of-the-url@h/'), of: { password: new Unknown('no-secret') } });
    expect(masker.text('of-the-url no-secret')).toBe('******** no-secret');
  });

  it('values of secret names at any depth, and passwords of connection strings, not templates', () => {
    const masker = new Masker();
    masker.learn({
      users: [{ name: 'alice', password: 'wonderland' }],
      conninfo: "host=db1 password='it''s me' user=x",
      url: 'postgres://app:p%40ss-word@db1/shop',
      token: '{{ other }}',
      sealed: new Secret('sealed-value'),
      note: 'nothing here',
    });
    expect(
      masker.text("alice wonderland it's me p@ss-word p%40ss-word sealed-value nothing here {{ other }}"),
    ).toBe(`alice ${MASK} ${MASK} ${MASK} ${MASK} ${MASK} nothing here {{ other }}`);
  });

  it('what nobody renders any more, in which {{ stands for itself', () => {
    const masker = new Masker();
    const hook = "PGPASSWORD=of-the-hook psql; docker ps --format '{{.Names}}'";
    masker.learn({ hook, token: 'of-{{ another }}' });
    expect(masker.text(`${hook} of-{{ another }}`)).toBe(`${hook} of-{{ another }}`);
    masker.learnRendered({ hook, token: 'of-{{ another }}' });
    expect(masker.text(`${hook} of-{{ another }}`)).toBe(`${hook.replace('of-the-hook', MASK)} ${MASK}`);
  });

  it.each([
    ["primary_conninfo = 'user=rep password=''s3-cret!'' host=db1'", 's3-cret!'],
    ["primary_conninfo = 'password=''s3-cret!'''", 's3-cret!'],
    ["primary_conninfo = 'password=''it''''s me'' host=db1'", "it's me"],
    ["primary_conninfo = 'password=''it\\''s me'' host=db1'", "it's me"],
    ["host=db1 password='it''s me'", "it's me"],
    ["host=db1 password='it\\'s me'", "it's me"],
  ])('the password in %s', (conninfo, secret) => {
    const masker = new Masker();
    masker.learn({ conninfo });
    expect(masker.text(`<${secret}>`)).toBe(`<${MASK}>`);
    expect(masker.text(conninfo)).not.toMatch(/s3|s me/);
  });

  it('nothing where a connection string has an empty password', () => {
    const masker = new Masker();
    const conninfo =
      "password='' host=db1 options='' primary_conninfo = 'password='''' host=db1 options='''''";
    masker.learn({ conninfo });
    expect(masker.text(conninfo)).toBe(conninfo);
  });

  it.each([
    [
      'host all all 10.0.0.0/8 ldap ldapserver=l ldapbindpasswd="of the ldap" ldapbasedn="dc=x"',
      'of the ldap',
    ],
    ['host all all 10.0.0.0/8 radius radiusservers=r radiussecrets=of-radius', 'of-radius'],
    ['PGPASSWORD=of-libpq barman-wal-archive b main %p', 'of-libpq'],
    ['cd /x && AWS_SECRET_ACCESS_KEY=wJalrXUtnFEMI/K7 aws s3 cp %p s3://b/', 'wJalrXUtnFEMI/K7'],
    ['RESTIC_PASSWORD="of restic" VAULT_ADDR=https://v push %p', 'of restic'],
    ["archive_command = 'PGPASSWORD=''of it''; push %p'", 'of it'],
    ["env VAULT_TOKEN='hvs.sealed' push", 'hvs.sealed'],
    ['sslpassword=of-the-key host=db1', 'of-the-key'],
    ['password = of-libpq host=db1', 'of-libpq'],
    ['[db]\nadmin_password = of-the-ini\n', 'of-the-ini'],
    ['PATRONI_RESTAPI_PASSWORD=\nPATRONI_REPLICATION_PASSWORD=of-a-file\n', 'of-a-file'],
    ['[db]\ndb_password= of-the-ini\nuser = x\n', 'of-the-ini'],
    ['db_password=\tof-the-ini\r\nuser = x\r\n', 'of-the-ini'],
    ['spring.datasource.Password= of-java', 'of-java'],
    ["PASSWORD= 'of the app'", 'of the app'],
    ['DB_PASSWORD= "of the app" # for now\n', 'of the app'],
    ['const dbPassword= "of the app";', 'of the app'],
    ['Password= of-windows;', 'of-windows'],
  ])('what follows its name in %s', (command, secret) => {
    const masker = new Masker();
    masker.learn({ command });
    expect(masker.text(`<${secret}>`)).toBe(`<${MASK}>`);
    expect(masker.text(command)).toBe(command.replace(secret, MASK));
  });

  it.each([
    'password_encryption = scram-sha-256',
    'md5_password_warnings = on',
    'credcheck.password_min_length = 8',
    'PGPASSWORD=$PW PGPASSFILE=/root/.pgpass psql',
    'TOKEN="$(cat /run/token)" push',
    'PGPASSWORD=$(cat /run/pw) dropdb x; export TOKEN=$(cat /t)',
    'export PGPASSWORD=; (PGPASSWORD=) && echo "PGPASSWORD=", "x"',
    'PGPASSWORD= psql -h db1',
    'PGPASSWORD= "/usr/bin/psql" -h db1',
    'PGPASSWORD= "$@"\nPGPASSWORD= "$PSQL"\nPGPASSWORD= $PSQL',
    'PGPASSWORD= \\\n  psql -h db1',
    'echo "DB_PASSWORD= "; echo "; done"',
    "echo 'DB_PASSWORD= '\necho 'DB_PASSWORD= '\n",
    'PATRONI_RESTAPI_PASSWORD=\nPATRONI_SCOPE=main\n',
    'PATRONI_RESTAPI_PASSWORD=\r\nPATRONI_SCOPE=main\r\n',
    'admin_password =\nuser = x\npassword =\nhost = db1',
    'token = next_token(); secret_key = settings.key',
    'pitr resume x -e ansible_password=... -e db_password=<password>',
    'if password == "x" or user_password => other',
    'PATH=/usr/bin:/bin HOME=/root',
  ])('nothing in %s', (text) => {
    const masker = new Masker();
    masker.learn({ text });
    expect(masker.secretsIn(text)).toEqual([]);
    expect(masker.text(text)).toBe(text);
  });
});
