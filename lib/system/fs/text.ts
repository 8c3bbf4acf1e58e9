import type { Diff } from '../../contract/module.ts';

/** Content up to this size is kept inside a change (for undo) and shown in diffs. */
export const SMALL_BYTES = 64 * 1024;

/** The text of bytes, when they are text: valid UTF-8 without control characters that no text file has. */
export function asText(bytes: Uint8Array): string | undefined {
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    // Not UTF-8: shown by size and hash.
    return undefined;
  }
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these very characters tell binary from text.
  return /[\u0000-\u0008\u000e-\u001a\u001c-\u001f]/.test(text) ? undefined : text;
}

/** Content as a diff can show it. */
export interface Shown {
  readonly size: number;
  readonly sha256: string | undefined;
  /** Absent when it is too big to be looked at. */
  readonly bytes?: Uint8Array | undefined;
}

/** The difference of two contents: as text where both are small text, otherwise their sizes and hashes. */
export function contentDiff(subject: string, before: Shown | undefined, after: Shown | undefined): Diff {
  const texts = [before, after].map((side) => {
    if (side === undefined) return '';
    return side.bytes === undefined || side.bytes.length > SMALL_BYTES ? undefined : asText(side.bytes);
  });
  const [old, young] = texts;
  if (old !== undefined && young !== undefined) return { subject, before: old, after: young };
  return { subject, before: facts(before), after: facts(after) };
}

function facts(side: Shown | undefined): string {
  if (side === undefined) return '';
  return `(${side.size} bytes${side.sha256 === undefined ? '' : `, sha256 ${side.sha256}`})\n`;
}

/**
 * The old bytes of a file, base64, where the journal may hold them: with a secret in them it would hold a mask, from which
 * nothing could be written again. Then the file itself is kept on its host.
 */
export function forJournal(
  base64: string | undefined,
  holdsSecret: (text: string) => boolean,
): string | undefined {
  if (base64 === undefined) return undefined;
  // In clear first: a secret that its name gives away there is known in the other form, too.
  const isHeld = [Buffer.from(base64, 'base64').toString('utf8'), base64].some(holdsSecret);
  return isHeld ? undefined : base64;
}
