import { isUtf8 } from 'node:buffer';

/**
 * Bytes as text, to be written again with `bytesOf`: what is no UTF-8 (a comment in Latin-1, the name of a role in a database of
 * another encoding) becomes a surrogate that stands alone, U+DC80 to U+DCFF, as with Python's "surrogateescape". A terminal
 * shows it as a replacement character.
 */
export function byteText(content: Uint8Array): string {
  const bytes = Buffer.from(content.buffer, content.byteOffset, content.byteLength);
  if (isUtf8(bytes)) return bytes.toString('utf8');
  let text = '';
  for (let at = 0; at < bytes.length; ) {
    const length = [1, 2, 3, 4].find((many) => isUtf8(bytes.subarray(at, at + many)));
    text +=
      length === undefined
        ? String.fromCharCode(0xdc00 + (bytes[at] ?? 0))
        : bytes.subarray(at, at + length).toString('utf8');
    at += length ?? 1;
  }
  return text;
}

/** The bytes that `byteText` has read; the text itself where there is nothing in it that is no character. */
export function bytesOf(text: string): Uint8Array | string {
  const parts = text.split(/([\udc80-\udcff])/u);
  if (parts.length === 1) return text;
  return Buffer.concat(
    parts.map((part, index) =>
      index % 2 === 0 ? Buffer.from(part) : Buffer.from([part.charCodeAt(0) - 0xdc00]),
    ),
  );
}
