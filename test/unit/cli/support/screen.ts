/**
 * A terminal of a given size that understands what the display sends: text, line ends, cursor up, column 1, erase
 * line, colours (dropped). Gives what a person would see, lines that scrolled away included.
 */
export class Screen {
  readonly isTTY = true;
  readonly columns: number;
  readonly rows: number;
  #lines: string[] = [''];
  #row = 0;
  #column = 0;
  /** Everything that was written, as it came. */
  raw = '';

  constructor(columns: number, rows = 24) {
    this.columns = columns;
    this.rows = rows;
  }

  readonly write = (text: string): boolean => {
    this.raw += text;
    // biome-ignore lint/suspicious/noControlCharactersInRegex: this is a terminal
    for (const [piece] of text.matchAll(/\u001b\[[?0-9;]*[A-Za-z]|\r?\n|[^\u001b\r\n]/gu)) this.#put(piece);
    return true;
  };

  once(): this {
    return this;
  }

  text(): string {
    return this.#lines
      .map((line) => line.trimEnd())
      .join('\n')
      .trimEnd();
  }

  #put(piece: string): void {
    if (piece.endsWith('\n')) {
      this.#row++;
      this.#column = 0;
      if (this.#row === this.#lines.length) this.#lines.push('');
      return;
    }
    if (piece.startsWith('\u001b')) {
      const count = Number(piece.slice(2, -1)) || 1;
      if (piece.endsWith('A')) this.#row = Math.max(0, this.#row - count);
      if (piece.endsWith('G')) this.#column = count - 1;
      if (piece.endsWith('K')) this.#lines[this.#row] = '';
      return;
    }
    if (this.#column === this.columns) this.#put('\n');
    const line = (this.#lines[this.#row] ?? '').padEnd(this.#column);
    this.#lines[this.#row] = line.slice(0, this.#column) + piece + line.slice(this.#column + piece.length);
    this.#column += piece.length;
  }
}

/** A stream that keeps what is written. */
export class Sink {
  text = '';
  readonly isTTY: boolean;
  readonly columns: number;

  constructor(columns = 80, isTTY = false) {
    this.columns = columns;
    this.isTTY = isTTY;
  }

  write(text: string): boolean {
    this.text += text;
    return true;
  }
}
