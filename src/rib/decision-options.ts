// What an operator may want of the decision process beyond RFC 4271 (ADR-0031).

export interface DecisionOptions {
  /** MED is compared between all neighbouring ASes. */
  readonly alwaysCompareMed?: boolean
  /** A route without a MED counts as having the highest, not the lowest. */
  readonly medMissingAsWorst?: boolean
  /** An external path that is best stays so where only its router's identifier speaks against it (RFC 5004). */
  readonly preferOlder?: boolean
  readonly ignoreAsPathLength?: boolean
  /** Absent: one path. */
  readonly multipath?: MultipathOptions
}

export interface MultipathOptions {
  /** Paths used at most where the best one is from another AS, and where it is not; 1: only the best. */
  readonly external: number
  readonly internal: number
  /** Paths need the same length of AS_PATH, not the same AS_PATH. */
  readonly relaxAsPath: boolean
  /** Paths that all say how much their links carry get traffic in that proportion. */
  readonly linkBandwidth: boolean
}
