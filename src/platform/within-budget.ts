import type { MemoryBudget, Patience } from './memory-budget.js';
import { isNoRoom } from './platform-error.js';
import type { Reservation } from './reservation.js';

/**
 * Reads one thing within the memory budget: beside others where it fits, else alone.
 *
 * @param read called once, or twice: the second time with a reservation that is alone
 * @returns what was read, and the reservation, which the caller must release. When it throws there is none to release
 * @throws NoRoomError when no reservation was given in time; what `read` throws
 */
export async function withinBudget<T>(
  budget: MemoryBudget,
  bytes: number,
  read: (room: Reservation) => Promise<T>,
  patience: Patience = {},
): Promise<{ value: T; room: Reservation }> {
  try {
    return await readWith(
      await (bytes > budget.limit ? budget.reserveAlone(patience) : budget.reserve(bytes, patience)),
      read,
    );
  } catch (error) {
    if (!isNoRoom(error)) throw error;
    return readWith(await budget.reserveAlone(patience), read);
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
