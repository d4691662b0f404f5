import { promisify } from 'node:util';
import { brotliDecompress, inflate, unzip, type ZlibOptions } from 'node:zlib';
import { ShapeError, TooLongError } from './shape.js';

type Unpack = (body: Buffer, options: ZlibOptions) => Promise<Buffer>;

const UNPACK: Readonly<Record<string, Unpack>> = {
  gzip: promisify<Buffer, ZlibOptions, Buffer>(unzip),
  'x-gzip': promisify<Buffer, ZlibOptions, Buffer>(unzip),
  deflate: promisify<Buffer, ZlibOptions, Buffer>(inflate),
  br: promisify<Buffer, ZlibOptions, Buffer>(brotliDecompress),
};

/**
 * Unpacks an answer. None is asked to be packed, but a proxy between us and the service may do it all the same.
 *
 * @param encoding the answer's content-encoding, other than `identity`
 * @param maxBytes of the unpacked answer: no more is ever made of a small one
 * @throws ShapeError when it is longer, or not packed as it says
 */
export async function unpack(body: Buffer, encoding: string, maxBytes: number): Promise<Buffer> {
  const known = UNPACK[encoding.trim().toLowerCase()];
  if (!known) throw new ShapeError('answer', 'of a known content-encoding');
  try {
    return await known(body, { maxOutputLength: maxBytes });
  } catch (error) {
    if ((error as { code?: unknown }).code === 'ERR_BUFFER_TOO_LARGE') throw new TooLongError(maxBytes);
    throw new ShapeError('answer', 'packed as its content-encoding says');
  }
}

/** @throws ShapeError when it is no JSON (the parser's own message quotes the text, so it is not kept) */
export function parseJson(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString('utf8')) as unknown;
  } catch {
    throw new ShapeError('answer', 'JSON');
  }
}
