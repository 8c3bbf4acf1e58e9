import { createHmac, timingSafeEqual } from 'node:crypto';

// JSON leaves U+2028 and U+2029 as they are, which end a line for `.` without the flag.
const LINKED = /^(.*),"chain":"([0-9a-f]{64})"\}$/s;

/** What the first line of a journal is chained to. */
const BEGIN = '';

/**
 * Chains the lines of a journal: each holds a keyed hash over itself and the line before it. Who does not have the key
 * can neither write a line that is believed nor change, add or leave out one in the middle.
 */
export class Chain {
  readonly #key: Buffer;
  #last: string;

  constructor(key: Buffer, last: string = BEGIN) {
    this.#key = key;
    this.#last = last;
  }

  /** Another chain that goes on from here. */
  copy(): Chain {
    return new Chain(this.#key, this.#last);
  }

  /** The line for a record, a JSON object, without its line end. It is the last of the chain from now on. */
  link(json: string): string {
    this.#last = this.#hash(json);
    return `${json.slice(0, -1)},"chain":"${this.#last}"}`;
  }

  /** Whether the line comes next in the chain; it is its last one then. */
  follows({ json, chain }: ChainedLine): boolean {
    if (chain === undefined) return false;
    if (!timingSafeEqual(Buffer.from(chain, 'hex'), Buffer.from(this.#hash(json), 'hex'))) return false;
    this.#last = chain;
    return true;
  }

  #hash(json: string): string {
    return createHmac('sha256', this.#key).update(`${this.#last}\n${json}`).digest('hex');
  }
}

export interface ChainedLine {
  readonly json: string;
  /** Absent in journals of 0.1.0, and in lines that were written by something else. */
  readonly chain: string | undefined;
}

/** A line of a journal, taken apart. */
export function chainedLine(line: string): ChainedLine {
  const [, head, chain] = LINKED.exec(line) ?? [];
  return head === undefined ? { json: line, chain: undefined } : { json: `${head}}`, chain };
}
