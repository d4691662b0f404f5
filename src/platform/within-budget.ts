import { NoRoomError } from '../transport/transport-errors.js';
import type { MemoryBudget, Patience } from './memory-budget.js';
import { isNoRoom, type PlatformErrorFacts } from './platform-error.js';
import { platformError } from './platform-failure.js';
import type { Reservation } from './reservation.js';

/** What is to be read: the call by which it is, for an error; and the bytes that are reserved before. */
export interface BudgetedRead extends Patience, Pick<PlatformErrorFacts, 'service' | 'route'> {
  bytes: number;
}

/**
 * Reads one thing within the memory budget: beside others where it fits, else alone.
 *
 * @param read called once, or twice: the second time with a reservation that is alone
 * @returns what was read, and the reservation, which the caller must release. When it throws there is none to release
 * @throws PlatformError of kind `no-room` when no reservation was given in time; what `read` throws
 */
export async function withinBudget<T>(
  budget: MemoryBudget,
  request: BudgetedRead,
  read: (room: Reservation) => Promise<T>,
): Promise<{ value: T; room: Reservation }> {
  const alone = async () => readWith(await inTime(budget.reserveAlone(request), request), read);
  if (request.bytes > budget.limit) return alone();
  const beside = await inTime(budget.reserve(request.bytes, request), request);
  try {
    return await readWith(beside, read);
  } catch (error) {
    if (!isNoRoom(error)) throw error;
    return alone();
  }
}

async function inTime(reserved: Promise<Reservation>, request: BudgetedRead): Promise<Reservation> {
  try {
    return await reserved;
  } catch (error) {
    if (!(error instanceof NoRoomError)) throw error;
    throw platformError(request, { kind: 'no-room', code: 'no_room' });
  }
}

async function readWith<T>(
  room: Reservation,
  read: (room: Reservation) => Promise<T>,
): Promise<{ value: T; room: Reservation }> {
  try {
    return { value: await read(room), room };
  } catch (error) {
    room.release();
    throw error;
  }
}
