/** Words that make a name that of a secret, wherever they stand in it: `pg_password`, `PGPASSWORD`, `authToken`. */
const INSIDE =
  /passw(?:or)?d|passphrase|passcode|secret|token|credential|(?:api|access|private|encryption|signing|master|account)[_-]?key/i;

/** Words that do so only as words of their own: `ansible_ssh_pass` and `db_pwd`, not `bypass`. */
const WHOLE = /(?:^|_)(?:(?:db|pg|su|ssh|sudo)?pass|pwd)(?:_|$)/;

/** What follows then is about a secret and no secret itself: where it lies, what kind it is, how long it lives. */
const ABOUT =
  /[_-](?:files?|path|dir|directory|name|user|encryption|length|type|kind|method|policy|prompt|age|expir\w*|lifetime|ttl|timeout|enabled|required|mode|owner|group|version|id|command|reload|check(?:ed)?|change[ds]?|exists|status|state|result|valid|count)$|(?:File|Path|Dir|Name|Type)$/;

/** Whether the name of a variable, key, param or environment variable says that its value is a secret. */
export function isSecretName(name: string): boolean {
  // The working directory of every process.
  if (ABOUT.test(name) || /^(?:OLD)?PWD$/.test(name)) return false;
  return INSIDE.test(name) || WHOLE.test(wordsOf(name));
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
  /((?:[\w.-]*(?:passw(?:or)?d|passphrase|passcode|secret|token|credential|[_-]pass|api[_-]?key|private[_-]?key)[\w.-]*)["']?\s*(?:=>?|:)\s*["']?)/i;
