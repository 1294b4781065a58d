/** How a guest exception leaves an operation: one preallocated object is thrown, the facts are in the CPU's fields. */
export class GuestFault {
  /** Vector of the exception. */
  vector = 0;
  /** Error code, or -1 where the vector has none. */
  error = -1;
}

/** Vectors that push an error code in protected mode. */
export function hasErrorCode(vector: number): boolean {
  return vector === 8 || (vector >= 10 && vector <= 14) || vector === 17;
}
