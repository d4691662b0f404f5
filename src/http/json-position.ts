/** What must come next in a JSON text. Instead of a `first` one the list or object may end. */
type Expected = 'value' | 'first value' | 'key' | 'first key' | 'colon' | 'comma' | 'end';

const SPACE = /[ \t\n\r]*/y;
const SCALAR = /true|false|null|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y;
/** A string up to its closing quote, or up to the first character that no string may hold. */
const STRING = /"(?:[^"\\\p{Cc}]|[\x7f-\x9f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*/uy;

/**
 * Where a text stops being JSON (RFC 8259). The messages of `JSON.parse` differ between versions of Node, not all of
 * them tell the position, and they repeat what was sent.
 *
 * @returns an index, the text's length where its end is missing; undefined when the text is JSON
 */
export function jsonErrorAt(text: string): number | undefined {
  return new JsonReader(text).errorAt();
}

/** Line and column of an index, from 1, as editors count them. */
export function positionOf(text: string, index: number): { line: number; column: number } {
  const lines = text.slice(0, index).split('\n');
  return { line: lines.length, column: lines.at(-1)!.length + 1 };
}

/** Without recursion, so that no nesting exhausts the stack. */
class JsonReader {
  private at = 0;
  private expected: Expected = 'value';
  private readonly open: ('{' | '[')[] = [];

  constructor(private readonly text: string) {}

  errorAt(): number | undefined {
    for (;;) {
      this.take(SPACE);
      const char = this.text[this.at];
      if (char === undefined) return this.expected === 'end' ? undefined : this.at;
      if (!this.step(char)) return this.at;
    }
  }

  /** Reads one token. @returns whether it may stand there */
  private step(char: string): boolean {
    const inObject = this.open.at(-1) === '{';
    switch (this.expected) {
      case 'value':
        return this.value(char);
      case 'first value':
        return this.end(char, ']') || this.value(char);
      case 'key':
        return this.string('colon');
      case 'first key':
        return this.end(char, '}') || this.string('colon');
      case 'colon':
        return this.sign(char, ':', 'value');
      case 'comma':
        return this.sign(char, ',', inObject ? 'key' : 'value') || this.end(char, inObject ? '}' : ']');
      case 'end':
        return false;
    }
  }

  private value(char: string): boolean {
    if (char === '"') return this.string(this.afterValue());
    if (char === '{' || char === '[') {
      this.open.push(char);
      return this.sign(char, char, char === '{' ? 'first key' : 'first value');
    }
    this.expected = this.afterValue();
    return this.take(SCALAR);
  }

  private string(next: Expected): boolean {
    return this.take(STRING) && this.sign(this.text[this.at], '"', next);
  }

  private end(char: string, closing: '}' | ']'): boolean {
    if (char !== closing) return false;
    this.open.pop();
    return this.sign(char, closing, this.afterValue());
  }

  private sign(char: string | undefined, wanted: string, next: Expected): boolean {
    if (char !== wanted) return false;
    this.at++;
    this.expected = next;
    return true;
  }

  private afterValue(): Expected {
    return this.open.length === 0 ? 'end' : 'comma';
  }

  private take(token: RegExp): boolean {
    token.lastIndex = this.at;
    const taken = token.test(this.text);
    if (taken) this.at = token.lastIndex;
    return taken;
  }
}
