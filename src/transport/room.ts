/** Room in memory for an answer. It is asked before more of the answer is taken in. */
export interface Room {
  /**
   * Asks for `total` bytes altogether, what it has already included.
   *
   * @returns whether they are granted; a promise where that has to be waited for
   */
  growTo(total: number): boolean | Promise<boolean>;
}
