import { NoRoomError } from '../transport/transport-errors.js';
import type { MemoryBudget, Patience } from './memory-budget.js';
import { isNoRoom, type PlatformErrorFacts } from './platform-error.js';
import { platformError } from './platform-failure.js';
import type { Reservation } from './reservation.js';

/** What is to be read: the call by which it is, for an error; and the bytes that are reserved before. */
export interface BudgetedRead extends Patience, Pick<PlatformErrorFacts, 'service' | 'route'> {
  bytes: number;
}

/** What was read, and the room that it takes in memory, which the reader must release. */
export interface BudgetedValue<T> {
  value: T;
  room: Reservation;
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
): Promise<BudgetedValue<T>> {
  const alone = async () => readWith(await reservedInTime(budget.reserveAlone(request), request), read);
  if (request.bytes > budget.limit) return alone();
  const beside = await reservedInTime(budget.reserve(request.bytes, request), request);
  try {
    return await readWith(beside, read);
  } catch (error) {
    if (!isNoRoom(error)) throw error;
    return alone();
  }
}

/**
 * A reservation that was asked for.
 *
 * @param request the call that it is for
 * @throws PlatformError of kind `no-room` when it was not given in time
 */
export async function reservedInTime(
  reserved: Promise<Reservation>,
  request: Pick<BudgetedRead, 'service' | 'route'>,
): Promise<Reservation> {
  try {
    return await reserved;
  } catch (error) {
    if (!(error instanceof NoRoomError)) throw error;
    throw platformError(request, { kind: 'no-room', code: 'no_room' });
  }
}

/** Reads with a reservation, which is released where `read` throws. @throws what `read` throws */
export async function readWith<T>(
  room: Reservation,
  read: (room: Reservation) => Promise<T>,
): Promise<BudgetedValue<T>> {
  try {
    return { value: await read(room), room };
  } catch (error) {
    room.release();
    throw error;
  }
}
