import type { Room } from '../transport/room.js';
import { NoRoomError } from '../transport/transport-errors.js';
import { checkCost, jsonCost, neededBytes } from './json-cost.js';
import { ShapeError } from './shape.js';

/** How much an answer was, for readers that reserve memory. */
export interface AnswerSize {
  /** Of the body, unpacked. */
  bytes: number;
  /**
   * Bytes of memory, by estimate, while it is read, parsed and serialised again: its values beside its body at first,
   * and later beside what is made of them.
   */
  neededBytes: number;
}

/**
 * Parses the body of an answer, unless its bytes say that the process could end over it.
 *
 * @param room grows to `neededBytes` before the values are made
 * @throws JsonCostError; NoRoomError; ShapeError when it is no JSON
 */
export async function parseAnswer(body: Buffer, room?: Room): Promise<{ value: unknown; size: AnswerSize }> {
  const cost = jsonCost(body);
  checkCost(cost);
  const size: AnswerSize = { bytes: body.length, neededBytes: body.length + neededBytes(cost) };
  if (room && !(await room.growTo(size.neededBytes))) throw new NoRoomError();
  return { value: parse(body), size };
}

/** The parser's own message quotes the text, so it is not kept. */
function parse(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString('utf8')) as unknown;
  } catch {
    throw new ShapeError('answer', 'JSON');
  }
}
