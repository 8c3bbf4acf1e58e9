import { isRecord } from './answers.ts';
import type { NewerChange } from './module.ts';

/**
 * Whether one of these may touch a path of the host when it is taken back: it was made there or says the name of the host,
 * and it names the path, something below it or a directory above it.
 */
export function mayTouch(newer: readonly NewerChange[], host: string, path: string): boolean {
  return newer.some((one) => {
    const texts = textsOf(one);
    return (one.host === host || texts.includes(host)) && texts.some((text) => namesPath(text, path));
  });
}

/** Whether one of these leaves something behind on that resource of the host. */
export function mayAlter(newer: readonly NewerChange[], host: string, kind: string, id: string): boolean {
  return newer.some(
    (one) => one.host === host && one.effects.some((effect) => effect.kind === kind && effect.id === id),
  );
}

function namesPath(text: string, path: string): boolean {
  for (let at = text.indexOf(path); at >= 0; at = text.indexOf(path, at + 1))
    if (!NAME_GOES_ON.test(text.slice(at + path.length, at + path.length + 2))) return true;
  return [text, ...text.split(WORD_ENDS)].some(
    (word) => word.startsWith('/') && `${path}/`.startsWith(`${word.replace(/\/+$/, '')}/`),
  );
}

/** After a path: it is the beginning of another name (data2, data-old, data.kept). A dot alone ends a sentence. */
const NAME_GOES_ON = /^(?:[\p{L}\p{N}_-]|\.[\p{L}\p{N}_-])/u;
/** Between the words of commands and scripts. */
const WORD_ENDS = /[\s'"`=:;,(){}<>|&]+/;

function textsOf({ change: { summary: _, diff: __, ...change }, effects }: NewerChange): readonly string[] {
  return stringsIn([change, effects]);
}

function stringsIn(value: unknown): readonly string[] {
  if (typeof value === 'string') return [value];
  if (Array.isArray(value)) return value.flatMap(stringsIn);
  return isRecord(value) ? Object.values(value).flatMap(stringsIn) : [];
}
