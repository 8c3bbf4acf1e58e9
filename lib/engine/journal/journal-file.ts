import { open } from 'node:fs/promises';

const PIECE = 256 * 1024;
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
      const rest = piece.subarray(from, end);
      yield (begun.length === 0 ? rest : Buffer.concat([...begun, rest])).toString();
      begun = [];
      from = end + 1;
    }
    if (from < piece.length) begun.push(Buffer.from(piece.subarray(from)));
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

/** One after the other, all in the same memory: many journals are read at once. */
async function* piecesOf(path: string): AsyncGenerator<Buffer> {
  const file = await open(path);
  try {
    const memory = Buffer.allocUnsafeSlow(PIECE);
    for (;;) {
      const { bytesRead } = await file.read(memory, 0, PIECE);
      if (bytesRead === 0) return;
      yield memory.subarray(0, bytesRead);
    }
  } finally {
    await file.close();
  }
}
