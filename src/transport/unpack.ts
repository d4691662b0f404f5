import type { Transform } from 'node:stream';
import { createBrotliDecompress, createInflate, createUnzip } from 'node:zlib';
import type { Room } from './room.js';
import { AnswerError, NoRoomError, TooLongError } from './transport-errors.js';

const UNPACK: Readonly<Record<string, () => Transform>> = {
  gzip: createUnzip,
  'x-gzip': createUnzip,
  deflate: createInflate,
  br: createBrotliDecompress,
};

/**
 * Unpacks an answer. Calls ask for answers that are not packed, but a proxy on the way may pack them all the same.
 *
 * @param encoding the answer's content-encoding, other than `identity`
 * @param maxBytes of the unpacked answer: no more is ever made of a small one
 * @param room asked as the unpacked answer grows; it has room for the packed one
 * @throws TooLongError when it is longer; NoRoomError; AnswerError when it is not packed as `encoding` says, or
 *   `encoding` is unknown
 */
export async function unpack(body: Buffer, encoding: string, maxBytes: number, room?: Room): Promise<Buffer> {
  const known = UNPACK[encoding.trim().toLowerCase()];
  if (!known) throw new AnswerError('of a known content-encoding');
  const chunks: Buffer[] = [];
  let bytes = 0;
  try {
    const stream = known();
    stream.end(body);
    for await (const chunk of stream as AsyncIterable<Buffer>) {
      bytes += chunk.length;
      if (bytes > maxBytes) throw new TooLongError(maxBytes);
      if (!((await room?.growTo(body.length + bytes)) ?? true)) throw new NoRoomError();
      chunks.push(chunk);
    }
  } catch (error) {
    if (error instanceof TooLongError || error instanceof NoRoomError) throw error;
    throw new AnswerError('packed as its content-encoding says');
  }
  return Buffer.concat(chunks);
}
