const DUPLICATE_KEY = 11000;

/** What is read of the driver's MongoBulkWriteError. */
interface BulkWriteFailure {
  writeErrors?: { code: number; index: number }[];
  result?: { getWriteConcernError?(): unknown };
}

/**
 * Which documents of an unordered `insertMany` were there already.
 *
 * A connection that breaks is a bulk write error as well, one without any write error: then nobody knows whether
 * anything was written, and it must not pass for "no duplicates".
 *
 * @param error what `insertMany` threw
 * @returns their places among the documents; all the others were inserted
 * @throws the error itself, when it tells of anything else than duplicate keys
 */
export function duplicatesOf(error: unknown): number[] {
  const { writeErrors = [], result } = error as BulkWriteFailure;
  const onlyDuplicates = writeErrors.length > 0 && writeErrors.every(({ code }) => code === DUPLICATE_KEY);
  if (!onlyDuplicates || result?.getWriteConcernError?.()) throw error;
  return writeErrors.map(({ index }) => index);
}
