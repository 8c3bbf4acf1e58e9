import { createReadStream } from 'node:fs';

const PIECE = 1024 * 1024;
const LINE_END = 0x0a;

/**
 * The lines of a file, the last one as it is. In pieces: a journal may be longer than a text of Node.js can be, and then no
 * run that is kept beside it could be taken back. Throws what the file system says.
 */
export async function* linesOfFile(path: string): AsyncGenerator<string> {
  let begun: Buffer[] = [];
  for await (const piece of piecesOf(path)) {
    let from = 0;
    for (let end = piece.indexOf(LINE_END); end >= 0; end = piece.indexOf(LINE_END, from)) {
      yield Buffer.concat([...begun, piece.subarray(from, end)]).toString();
      begun = [];
      from = end + 1;
    }
    if (from < piece.length) begun.push(piece.subarray(from));
  }
  yield Buffer.concat(begun).toString();
}

/** Whether a text stands anywhere in a file. Throws what the file system says. */
export async function fileHolds(path: string, text: string): Promise<boolean> {
  const wanted = Buffer.from(text);
  let end = Buffer.alloc(0);
  for await (const piece of piecesOf(path)) {
    const seen = Buffer.concat([end, piece]);
    if (seen.includes(wanted)) return true;
    end = seen.subarray(Math.max(0, seen.length - wanted.length + 1));
  }
  return false;
}

function piecesOf(path: string): AsyncIterable<Buffer> {
  return createReadStream(path, { highWaterMark: PIECE });
}
