// Two connections between the same two speakers: one must go (RFC 4271 §6.8). The RFC states a principle (keep the connection that
// the speaker with the higher identifier began) and a procedure (compare, close the existing or the new one) that agree only when the
// existing one is ours. This is the principle, by initiator; equal identifiers are decided by the AS (RFC 6286 §2.3).
import type { ConnectionState } from "./connection-alphabet.ts"

export interface CollisionSide {
  readonly initiator: "local" | "remote"
  readonly state: ConnectionState
}

export interface CollisionIdentities {
  readonly localId: number
  readonly localAs: number
  readonly remoteId: number
  readonly remoteAs: number
}

/** `none`: both may live on for now. `duplicate`: nobody can win, because both speakers claim to be the same. */
export type CollisionVerdict = "none" | "keep-new" | "keep-other" | "duplicate"

/**
 * Judges when `received` just got its OPEN and `other` exists beside it. `detectEstablished` is CollisionDetectEstablishedState. A
 * connection in OpenSent is not judged, as the RFC allows: the peer may be giving it up at this moment, and then both would go. Its
 * own OPEN decides when it comes.
 */
export const resolveCollision = (
  received: CollisionSide,
  other: CollisionSide,
  identities: CollisionIdentities,
  detectEstablished: boolean
): CollisionVerdict => {
  if (other.state !== "OpenConfirm" && other.state !== "Established") return "none"
  if (other.state === "Established" && !detectEstablished) return "keep-other"
  const dominant = dominantSide(identities)
  if (dominant === undefined) return "duplicate"
  // Both begun by the same side: the one that is further on.
  if (received.initiator === other.initiator) return "keep-other"
  return received.initiator === dominant ? "keep-new" : "keep-other"
}

const dominantSide = ({
  localId,
  localAs,
  remoteId,
  remoteAs
}: CollisionIdentities): "local" | "remote" | undefined => {
  if (localId !== remoteId) return localId > remoteId ? "local" : "remote"
  if (localAs !== remoteAs) return localAs > remoteAs ? "local" : "remote"
  return undefined
}
