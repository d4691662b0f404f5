import { promisify } from 'node:util';
import { brotliDecompress, inflate, unzip, type ZlibOptions } from 'node:zlib';
import { AnswerError, TooLongError } from './transport-errors.js';

type Unpack = (body: Buffer, options: ZlibOptions) => Promise<Buffer>;

const UNPACK: Readonly<Record<string, Unpack>> = {
  gzip: promisify<Buffer, ZlibOptions, Buffer>(unzip),
  'x-gzip': promisify<Buffer, ZlibOptions, Buffer>(unzip),
  deflate: promisify<Buffer, ZlibOptions, Buffer>(inflate),
  br: promisify<Buffer, ZlibOptions, Buffer>(brotliDecompress),
};

/**
 * Unpacks an answer. Calls ask for answers that are not packed, but a proxy on the way may pack them all the same.
 *
 * @param encoding the answer's content-encoding, other than `identity`
 * @param maxBytes of the unpacked answer: no more is ever made of a small one
 * @throws TooLongError when it is longer; AnswerError when it is not packed as `encoding` says, or `encoding` is unknown
 */
export async function unpack(body: Buffer, encoding: string, maxBytes: number): Promise<Buffer> {
  const known = UNPACK[encoding.trim().toLowerCase()];
  if (!known) throw new AnswerError('of a known content-encoding');
  try {
    return await known(body, { maxOutputLength: maxBytes });
  } catch (error) {
    if ((error as { code?: unknown }).code === 'ERR_BUFFER_TOO_LARGE') throw new TooLongError(maxBytes);
    throw new AnswerError('packed as its content-encoding says');
  }
}
