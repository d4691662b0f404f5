const DUPLICATE_KEY = 11000;

/** Whether a single write failed because a unique key is taken. */
export function isDuplicateKey(error: unknown): boolean {
  return (error as { code?: unknown }).code === DUPLICATE_KEY;
}

/** The members of the driver's MongoBulkWriteError that are read here. */
interface BulkWriteFailure {
  writeErrors?: { code: number; index: number }[];
  result?: { getWriteConcernError?(): unknown };
}

/**
 * Which documents of an unordered `insertMany` existed already.
 *
 * A broken connection is a bulk write error too, one with an empty list of write errors: then it is unknown what was
 * written, and the empty list must not be read as "no duplicates".
 *
 * @param error what `insertMany` threw
 * @returns their positions among the documents; all the others were inserted
 * @throws the error itself, when it reports anything but duplicate keys
 */
export function duplicatesOf(error: unknown): number[] {
  const { writeErrors = [], result } = error as BulkWriteFailure;
  const onlyDuplicates = writeErrors.length > 0 && writeErrors.every(({ code }) => code === DUPLICATE_KEY);
  if (!onlyDuplicates || result?.getWriteConcernError?.()) throw error;
  return writeErrors.map(({ index }) => index);
}
