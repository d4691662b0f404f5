import type { Readable } from 'node:stream';
import { ShapeError, TooLongError } from './shape.js';

/**
 * Reads a JSON answer of at most `maxBytes`.
 *
 * @throws ShapeError when it is longer or no JSON (the parser's own message quotes the text, so it is not kept);
 *   the stream's error when the connection breaks
 */
export async function readJson(stream: Readable, maxBytes: number): Promise<unknown> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of stream) {
    bytes += (chunk as Buffer).length;
    if (bytes > maxBytes) throw new TooLongError(maxBytes);
    chunks.push(chunk as Buffer);
  }
  try {
    return JSON.parse(Buffer.concat(chunks, bytes).toString('utf8')) as unknown;
  } catch {
    throw new ShapeError('answer', 'JSON');
  }
}

/** Reads an answer away so that its connection can be used again; a long one is cut off with its connection. */
export async function discard(stream: Readable, maxBytes: number): Promise<void> {
  let bytes = 0;
  try {
    for await (const chunk of stream) {
      bytes += (chunk as Buffer).length;
      if (bytes > maxBytes) return; // leaving the loop destroys the stream
    }
  } catch {
    // the status is known, and nobody wanted the rest
  }
}
