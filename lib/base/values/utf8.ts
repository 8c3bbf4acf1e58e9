import { isUtf8 } from 'node:buffer';
import { PitrError } from '../errors/pitr-error.ts';

/** The text of a file. Throws kind `validation`, code `not-utf8`, with the place of the first byte that is none. */
export function utf8Text(content: Uint8Array, file: string): string {
  const bytes = Buffer.from(content.buffer, content.byteOffset, content.byteLength);
  const text = bytes.toString('utf8');
  if (isUtf8(bytes)) return text;
  const again = Buffer.from(text);
  let offset = 0;
  while (bytes[offset] === again[offset]) offset++;
  const before = bytes.subarray(0, offset);
  const line = before.filter((byte) => byte === 0x0a).length + 1;
  const column = before.subarray(before.lastIndexOf(0x0a) + 1).toString('utf8').length + 1;
  const byte = (bytes[offset] ?? 0).toString(16).padStart(2, '0');
  throw new PitrError({
    kind: 'validation',
    code: 'not-utf8',
    message: `${file} is not UTF-8: the byte 0x${byte} at offset ${offset} is no character`,
    at: { file, line, column },
    details: ['What is no character would be replaced, and would arrive as something else.'],
    next: [`If it is Latin-1: iconv -f latin1 -t utf-8 -o new-file ${file}`],
  });
}
