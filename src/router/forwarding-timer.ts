// The timers that forwarding asks its owner to arm, one of each kind.

export const ForwardingTimer = {
  /** What failed for a passing reason is tried again. */
  Retry: 0,
  /** What failed for a lasting reason is tried again. */
  RetryRarely: 1,
  /** Leftovers of an earlier run were given time enough. */
  Grace: 2
} as const
export type ForwardingTimer = (typeof ForwardingTimer)[keyof typeof ForwardingTimer]
