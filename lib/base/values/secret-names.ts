/** Words that make a name that of a secret, wherever they stand in it: `pg_password`, `PGPASSWORD`, `authToken`. */
const INSIDE =
  /passw(?:or)?d|passphrase|passcode|passkey|secret|token|credential|(?:api|access|private|encryption|signing|master|account)[_-]?key/i;

/**
 * Words that do so only as words of their own: `ansible_ssh_pass`, `repl_pass1` and `db_pw`, not `bypass`. libpq calls the
 * path of a key `sslkey`, so a key of TLS is one only in two words.
 */
const WHOLE = /(?:^|_)(?:(?:db|pg|su|ssh|sudo)?pass\d*|pwd?|(?:ssh|tls|ssl)_key|bearer)(?:_|$)/;

/** What follows then is about a secret and no secret itself: where it lies, what kind it is, how long it lives. */
const ABOUT =
  /[_-](?:files?|path|dir|directory|name|user|encryption|length|type|kind|method|policy|prompt|age|expir\w*|lifetime|ttl|timeout|enabled|required|mode|owner|group|version|id|command|reload|check(?:ed|ing)?|change[ds]?|exists|status|state|result|valid|count|size|bits|algorithm|fingerprint|comment|public|pub)$|(?:File|Path|Dir|Name|Type)$/;

/** An id that is one half of a login: the secret_id of a role in Vault opens it. */
const SECRET_ID = /(?:secret|passw(?:or)?d|token)\w*[_-]id$/;

/** Half of a pair of keys is for everybody. */
const PUBLIC = /(?:^|_)pub(?:lic)?_/;

/** Whether the name of a variable, key, param or environment variable says that its value is a secret. */
export function isSecretName(name: string): boolean {
  // The working directory of every process.
  if (/^(?:OLD)?PWD$/.test(name)) return false;
  if (ABOUT.test(name) && !SECRET_ID.test(name)) return false;
  if (INSIDE.test(name)) return true;
  const words = wordsOf(name);
  return WHOLE.test(words) && !ABOUT.test(words) && !PUBLIC.test(words);
}

/** Whether it only says yes or no: no secret is that, whatever its name (`md5_password_warnings = on`). */
export function isFlag(value: unknown): boolean {
  return typeof value === 'string' && /^(?:on|off|true|false|yes|no)$/i.test(value);
}

/** `dbPass`, `db-pass` and `DB_PASS` as `db_pass`. */
function wordsOf(name: string): string {
  return name
    .replace(/([a-z\d])([A-Z])/g, '$1_$2')
    .replace(/[.-]/g, '_')
    .toLowerCase();
}

/** For texts: a name like that, and what stands between it and its value (`password = "`, `"token": "`). */
export const NAMED_VALUE =
  /((?:[\w.-]*(?:passw(?:or)?d|passphrase|passcode|passkey|secret|token|credential|[_-]pass|api[_-]?key|private[_-]?key)[\w.-]*)["']?\s*(?:=>?|:)\s*["']?)/i;
