import type { ServerResponse } from 'node:http';
import { pipeline, Readable } from 'node:stream';

/** A long body in parts. The same part may occur many times, so that fifty megabytes take the memory of one. */
export class ByteParts {
  readonly length: number;

  constructor(readonly parts: readonly Buffer[]) {
    this.length = parts.reduce((sum, part) => sum + part.length, 0);
  }
}

/** A text, a Buffer or ByteParts as they are, anything else as JSON. */
export function bytesOf(body: unknown): Buffer | ByteParts {
  if (body === undefined) return Buffer.alloc(0);
  if (Buffer.isBuffer(body) || body instanceof ByteParts) return body;
  return Buffer.from(typeof body === 'string' ? body : JSON.stringify(body));
}

/** Ends the answer with these bytes; parts are written as fast as the caller reads, which may hang up. */
export function endWith(response: ServerResponse, bytes: Buffer | ByteParts): void {
  if (bytes instanceof ByteParts) pipeline(Readable.from(bytes.parts), response, () => undefined);
  else response.end(bytes);
}
