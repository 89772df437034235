// The timers that forwarding asks its owner to arm, one of each kind.

export const ForwardingTimer = {
  /** Leftovers of an earlier run were given time enough. */
  Grace: 2,
  /** The kernel is read again, whatever it said meanwhile; or sooner, because it could not be read. */
  Reread: 3,
  /** What failed is tried again: this and the level of its pause, each with a timer of its own. */
  BackOff: 32
} as const
export type ForwardingTimer = (typeof ForwardingTimer)[keyof typeof ForwardingTimer]
