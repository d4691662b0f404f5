import { isAscii } from 'node:buffer';

/** What parsing a JSON text would take, as its bytes tell. */
export interface JsonCost {
  bytes: number;
  /** Objects, arrays, texts, numbers and literals, and those names that were not met just before. */
  values: number;
  /** Levels of objects and arrays. */
  depth: number;
  /** A character above U+00FF occurs: V8 keeps such a text in two bytes a character. */
  wide: boolean;
}

/** An answer that is not parsed, because the process could end over it. The message says what is too much. */
export class JsonCostError extends Error {
  constructor(
    readonly code: 'too_costly' | 'too_deep',
    message: string,
  ) {
    super(message);
    this.name = 'JsonCostError';
  }
}

/** Bytes that a parsed answer may need, by estimate: beside the rest of the service it must fit a heap of 384 MB. */
export const MAX_NEED_BYTES = 256 * 1024 * 1024;
/** Levels of nesting: JSON.stringify is recursive and gives up at some thousands. */
export const MAX_DEPTH = 1_000;
/** What V8 needs for the costliest of the small values, an empty object in a list. */
const BYTES_PER_VALUE = 64;

const TAB = 0x09;
const CARRIAGE_RETURN = 0x0d;
const SPACE = 0x20;
const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const LOWER_U = 0x75;
const ZERO = 0x30;
const NINE = 0x39;
/** The lowest first byte of a character above U+00FF in UTF-8. */
const WIDE = 0xc4;
/** A string's first bytes are looked at here; the end of a longer one is looked for natively, where a call costs more. */
const NEAR = 64;

const OTHER = 0;
const OPENS = 1;
const CLOSES = 2;
const SEPARATES = 3;
const NAMES = 4;
const QUOTES = 5;
/** What a byte outside strings means. */
const MEANING = new Uint8Array(256);
for (const [bytes, meaning] of [
  ['{[', OPENS],
  ['}]', CLOSES],
  [',', SEPARATES],
  [':', NAMES],
  ['"', QUOTES],
] as const)
  // prettier-ignore
  for (const byte of Buffer.from(bytes)) MEANING[byte] = meaning;

/** Bytes of memory that the text needs while it is parsed and the values do afterwards, by estimate. */
export function neededBytes({ bytes, values, wide }: JsonCost): number {
  return bytes * (wide ? 2 : 1) + values * BYTES_PER_VALUE;
}

/** @throws JsonCostError when the text must not be parsed */
export function checkCost(cost: JsonCost): void {
  if (cost.depth > MAX_DEPTH)
    throw new JsonCostError('too_deep', `answer must be nested at most ${MAX_DEPTH} levels deep`);
  if (neededBytes(cost) <= MAX_NEED_BYTES) return;
  throw new JsonCostError('too_costly', `answer must be of at most ${MAX_NEED_BYTES} bytes when parsed`);
}

/**
 * One pass over the bytes of a JSON text, which makes nothing of it and does not recurse. Of a text that is no JSON it
 * tells something; JSON.parse then says so.
 */
export function jsonCost(body: Buffer): JsonCost {
  return new Pass(body).cost();
}

/** The names met last, by hash. Shared by all passes, as nothing interrupts one. */
const met = new Int32Array(4096);

class Pass {
  private wide: boolean;
  /** Of the string read last. */
  private hash = 0;
  private numeric = false;
  /** Where the next ones are, as far as they were looked for. */
  private quoteAt = -1;
  private backslashAt = -1;

  constructor(private readonly body: Buffer) {
    met.fill(0);
    this.wide = !isAscii(body) && hasWideByte(body);
  }

  cost(): JsonCost {
    const { body } = this;
    const { length } = body;
    let values = length > 0 ? 1 : 0;
    let depth = 0;
    let deepest = 0;
    for (let i = 0; i < length; i++) {
      const meaning = MEANING[body[i]!]!;
      if (meaning === OTHER) continue;
      if (meaning === QUOTES) i = this.endOfString(i + 1);
      else if (meaning === CLOSES) depth--;
      else if (meaning === SEPARATES) values++;
      else if (meaning === NAMES) values += this.isNewName() ? 1 : 0;
      else {
        if (!this.closesAfter(i)) values++; // the first of what it holds: the others each follow a comma
        if (++depth > deepest) deepest = depth;
      }
    }
    return { bytes: length, values, depth: deepest, wide: this.wide };
  }

  private closesAfter(i: number): boolean {
    const { body } = this;
    let next = body[++i]!;
    while (next === SPACE || (next >= TAB && next <= CARRIAGE_RETURN)) next = body[++i]!;
    return MEANING[next] === CLOSES;
  }

  /** @returns where the string ends that begins at `i`; beyond the text if it does not end */
  private endOfString(i: number): number {
    const { body } = this;
    const { length } = body;
    const first = body[i]!;
    let hash = 1;
    this.numeric = first >= ZERO && first <= NINE;
    for (;;) {
      for (const near = Math.min(length, i + NEAR); i < near; i++) {
        const byte = body[i]!;
        if (byte === QUOTE) {
          this.hash = hash;
          return i;
        }
        hash = (Math.imul(hash, 31) + byte) | 0;
        if (byte === BACKSLASH) this.noteEscape(++i);
      }
      if (i >= length) return i;
      i = this.nextOfInterest(i);
    }
  }

  /** A quote or backslash, at or after `i`; each is looked for again only when it has been passed. */
  private nextOfInterest(i: number): number {
    if (this.quoteAt < i) this.quoteAt = this.find(QUOTE, i);
    if (this.backslashAt < i) this.backslashAt = this.find(BACKSLASH, i);
    return Math.min(this.quoteAt, this.backslashAt);
  }

  private find(byte: number, from: number): number {
    const found = this.body.indexOf(byte, from);
    return found < 0 ? this.body.length : found;
  }

  /** @param at behind the backslash: `u0000` to `u00ff` are not wide */
  private noteEscape(at: number): void {
    if (this.wide || this.body[at] !== LOWER_U) return;
    this.wide = this.body[at + 1] !== ZERO || this.body[at + 2] !== ZERO;
  }

  /** A repeated name costs nothing. A new one costs as much as a value, and so does each that is a number. */
  private isNewName(): boolean {
    const place = this.hash & (met.length - 1);
    const known = met[place] === this.hash && !this.numeric;
    met[place] = this.hash;
    return !known;
  }
}

function hasWideByte(body: Buffer): boolean {
  for (let i = 0; i < body.length; i++) if (body[i]! >= WIDE) return true; // `some` takes seven times as long
  return false;
}
