/** Fewer characters of base64 than this stand in too many other texts. */
const LEAST_BASE64 = 8;
/** A line of a secret that has several is looked for by itself from this length on. */
const LEAST_LINE = 8;
const ENCODERS = [
  forUrl,
  strictForUrl,
  inForm,
  (text: string) => lowerEscapes(forUrl(text)),
  (text: string) => lowerEscapes(strictForUrl(text)),
  inJson,
  inShell,
  inDoubleQuotes,
  inSql,
  inEscapes,
  inEscapedSql,
];
/** What is done again with a text that is encoded already. */
const NESTING = [inJson, inShell, inSql];
/** How `base64` and PEM break their lines. */
const LINE_WIDTHS = [76, 64];

/**
 * A secret in every form in which a module, a template or a program carries it on: as it is, its single lines, and
 * encoded for URLs, JSON, a shell, SQL, base64 and hexadecimal.
 */
export function formsOf(secret: string): ReadonlySet<string> {
  const plain = new Set([secret, secret.trim(), ...linesOf(secret)]);
  const forms = new Set<string>();
  for (const text of plain) {
    const once = ENCODERS.map((encode) => encode(text));
    // A script that is quoted again to be shown, a connection string inside JSON.
    const twice = once.flatMap((form) => NESTING.map((encode) => encode(form)));
    for (const form of [text, ...once, ...twice]) forms.add(form);
  }
  for (const text of [secret, secret.trim(), `${secret.trim()}\n`])
    for (const form of inBase64(text)) forms.add(form);
  const hex = Buffer.from(secret.trim()).toString('hex');
  if (hex.length >= LEAST_BASE64) forms.add(hex).add(hex.toUpperCase());
  forms.delete('');
  return forms;
}

/** The lines of a private key and the like, which outputs are split into. */
function linesOf(secret: string): readonly string[] {
  if (!secret.trim().includes('\n')) return [];
  return secret
    .split(/\r?\n/)
    .map((line) => line.trim())
    .filter((line) => line.length >= LEAST_LINE && !line.startsWith('-----'));
}

function forUrl(text: string): string {
  try {
    return encodeURIComponent(text);
  } catch {
    // A lone surrogate cannot be encoded, and stands in no URL.
    return text;
  }
}

/** As RFC 3986 has it, and Python's and libpq's encoders: `!'()*` too. */
function strictForUrl(text: string): string {
  return forUrl(text).replace(/[!'()*]/g, (sign) => `%${sign.charCodeAt(0).toString(16).toUpperCase()}`);
}

function inForm(text: string): string {
  return strictForUrl(text).replaceAll('%20', '+');
}

function lowerEscapes(encoded: string): string {
  return encoded.replace(/%[0-9A-F]{2}/g, (code) => code.toLowerCase());
}

function inJson(text: string): string {
  return JSON.stringify(text).slice(1, -1);
}

/** Inside single quotes of a shell. */
function inShell(text: string): string {
  return text.replaceAll("'", "'\\''");
}

/** Inside double quotes of a shell. */
function inDoubleQuotes(text: string): string {
  return text.replace(/["\\$`]/g, '\\$&');
}

function inSql(text: string): string {
  return text.replaceAll("'", "''");
}

/** In a literal E'' of PostgreSQL. */
function inEscapedSql(text: string): string {
  return inSql(text).replaceAll('\\', '\\\\');
}

/** Backslash and single quote escaped: connection strings of libpq, Python. */
function inEscapes(text: string): string {
  return text.replace(/[\\']/g, '\\$&');
}

/**
 * In base64 and its form for URLs: alone, and inside a longer text that was encoded as a whole, at each of the three
 * places in which it can fall there.
 */
function inBase64(text: string): readonly string[] {
  const bytes = Buffer.from(text);
  const whole = bytes.toString('base64');
  const inside = [0, 1, 2].map((shift) => {
    const encoded = Buffer.concat([Buffer.alloc(shift), bytes]).toString('base64');
    return encoded.slice(shift === 0 ? 0 : shift + 1, Math.floor(((bytes.length + shift) * 8) / 6));
  });
  const broken = LINE_WIDTHS.flatMap((width) => whole.match(new RegExp(`.{${width}}`, 'g')) ?? []);
  const all = [whole, ...inside, ...broken].filter((form) => form.length >= LEAST_BASE64);
  return all.flatMap((form) => [form, form.replaceAll('+', '-').replaceAll('/', '_').replace(/=+$/, '')]);
}
