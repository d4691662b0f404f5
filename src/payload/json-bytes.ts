/** Characters that are made into bytes together. */
const PART = 64 * 1024;
/** Levels of objects and lists that are gone through member by member; what lies deeper is made in one go. */
const LEVELS = 3;

/**
 * Writes JSON part by part into buffers: the bytes are those of Buffer.from(JSON.stringify(…)), but there is never one
 * string of the whole, which V8 would hold up to three times on its heap.
 */
export class JsonBytes {
  private readonly parts: Buffer[] = [];
  private text = '';

  /** Text of JSON as it is. */
  raw(text: string): void {
    this.text += text;
    if (this.text.length >= PART) this.flush();
  }

  /** @param value as JSON.parse makes them; undefined is written as null, as JSON.stringify does in lists */
  value(value: unknown, levels = LEVELS): void {
    if (typeof value === 'string' && value.length > PART) this.longString(value);
    else if (levels === 0 || !isContainer(value)) this.raw(JSON.stringify(value) ?? 'null');
    else if (Array.isArray(value))
      this.list((item) => value.forEach((entry) => item(() => this.value(entry, levels - 1))));
    else this.object(value, (_name, member) => this.value(member, levels - 1));
  }

  /** An object; `write` writes the value of each member that JSON.stringify would write. */
  object(value: object, write: (name: string, member: unknown) => void): void {
    this.raw('{');
    let separator = '';
    for (const [name, member] of Object.entries(value) as [string, unknown][]) {
      if (member === undefined || typeof member === 'function' || typeof member === 'symbol') continue;
      this.raw(`${separator}${JSON.stringify(name)}:`);
      write(name, member);
      separator = ',';
    }
    this.raw('}');
  }

  /** A list of what `entries` passes to its argument: functions that write one entry each. */
  list(entries: (item: (write: () => void) => void) => void): void {
    this.raw('[');
    let separator = '';
    entries((write) => {
      this.raw(separator);
      write();
      separator = ',';
    });
    this.raw(']');
  }

  /** All that was written. */
  bytes(): Buffer {
    this.flush();
    return this.parts.length === 1 ? this.parts[0]! : Buffer.concat(this.parts);
  }

  private longString(value: string): void {
    this.raw('"');
    for (let from = 0, to; from < value.length; from = to) {
      to = Math.min(value.length, from + PART);
      // both halves of a character beyond U+FFFF in one part: alone each would be written as an escape
      if (isHighSurrogate(value.charCodeAt(to - 1)) && isLowSurrogate(value.charCodeAt(to))) to++;
      this.raw(JSON.stringify(value.slice(from, to)).slice(1, -1));
    }
    this.raw('"');
  }

  private flush(): void {
    if (this.text === '') return;
    this.parts.push(Buffer.from(this.text));
    this.text = '';
  }
}

/** What writes itself is not gone through. */
function isContainer(value: unknown): value is object {
  return typeof value === 'object' && value !== null && typeof (value as { toJSON?: unknown }).toJSON !== 'function';
}

function isHighSurrogate(code: number): boolean {
  return code >= 0xd800 && code <= 0xdbff;
}

/** Also asked beyond the end of a text, where charCodeAt is NaN. */
function isLowSurrogate(code: number): boolean {
  return code >= 0xdc00 && code <= 0xdfff;
}
