// Time is an argument. It counts microseconds since the Unix epoch, stamped on a batch by the daemon before the batch is believed;
// a safe integer until the year 2255. Machines compare and add, they never ask (ADR-0006).

/** Microseconds since the Unix epoch. */
export type Micros = number

export const MICROS_PER_MS = 1000
export const MICROS_PER_SECOND = 1_000_000
