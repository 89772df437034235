// Why a path is what it is: best, beaten at a step of the decision process, or not eligible at all. The numbers of the steps are their
// order.

export const Reason = {
  Best: 0,
  LongLivedStale: 1,
  Local: 2,
  Weight: 3,
  LocalPref: 4,
  AsPathLength: 5,
  Origin: 6,
  Med: 7,
  External: 8,
  IgpMetric: 9,
  Age: 10,
  RouterId: 11,
  ClusterLength: 12,
  PeerAddress: 13,
  PathId: 14,
  AsLoop: 15,
  OriginatorLoop: 16,
  ClusterLoop: 17,
  Policy: 18,
  NextHopUnreachable: 19,
  SessionEnded: 20,
  RouteLeak: 21,
  /** Learned, and no decision has looked at it yet. */
  Undecided: 22
} as const

export const REASON_NAMES: ReadonlyArray<string> = [
  "best",
  "long-lived stale",
  "not local",
  "weight",
  "local preference",
  "AS path length",
  "origin",
  "MED",
  "internal against external",
  "IGP metric",
  "newer external path",
  "router id",
  "cluster list length",
  "peer address",
  "path id",
  "AS loop",
  "originator loop",
  "cluster loop",
  "policy",
  "next hop unreachable",
  "session ended",
  "route leak",
  "undecided"
]

/** Reasons from here on make a path ineligible. */
export const INELIGIBLE: number = Reason.AsLoop
