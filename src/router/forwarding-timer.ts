// The timers that forwarding asks its owner to arm, one of each kind.

export const ForwardingTimer = {
  /** What failed for a passing reason is tried again. */
  Retry: 0,
  /** What failed for a lasting reason is tried again. */
  RetryRarely: 1,
  /** Leftovers of an earlier run were given time enough. */
  Grace: 2,
  /** The kernel is read again, whatever it said meanwhile; or sooner, because it could not be read. */
  Reread: 3
} as const
export type ForwardingTimer = (typeof ForwardingTimer)[keyof typeof ForwardingTimer]
