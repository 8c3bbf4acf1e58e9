/**
 * Splits an ssh command as a shell would (`ssh -q -i "/a b/key" postgres@db2`): white space, quotes and backslashes.
 * Throws when a quote is left open.
 */
export function shellWords(text: string): readonly string[] {
  const words: string[] = [];
  let word: string | undefined;
  for (const [part, single, double, escaped] of text.matchAll(
    /'([^']*)'|"((?:[^"\\]|\\.)*)"|\\(.)|\s+|[^\s'"\\]+|['"\\]/gs,
  )) {
    if (/^\s+$/.test(part)) {
      if (word !== undefined) words.push(word);
      word = undefined;
      continue;
    }
    if (/^['"\\]$/.test(part)) throw new Error(`a quote is not closed in: ${text}`);
    word = (word ?? '') + (single ?? double?.replace(/\\(["\\$`])/g, '$1') ?? escaped ?? part);
  }
  return word === undefined ? words : [...words, word];
}

/**
 * An ssh command made fit for a test: it never asks, gives up after 10 s, and says why (`-q` would hide that). Commands
 * that are not ssh itself are left as they are.
 */
export function testedSsh(words: readonly string[]): readonly string[] {
  const [program = '', ...rest] = words;
  if (program.replace(/^.*\//, '') !== 'ssh') return words;
  const options = ['BatchMode=yes', 'ConnectTimeout=10', 'LogLevel=ERROR'].flatMap((option) => [
    '-o',
    option,
  ]);
  return [program, ...options, ...rest.filter((word) => word !== '-q')];
}
