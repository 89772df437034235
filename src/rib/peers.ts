// What the RIB knows of a peer, as columns indexed by peer number. Number 0 is ourselves: originated and announced routes.
import { assert, PEERS_MAX } from "../machine/index.ts"

export const SELF = 0

/** How routes pass between us and a peer. */
export const PeerKind = { External: 0, Internal: 1, ReflectorClient: 2, RouteServerClient: 3 } as const
export type PeerKind = (typeof PeerKind)[keyof typeof PeerKind]

export class RibPeers {
  readonly external: Uint8Array = new Uint8Array(PEERS_MAX)
  readonly kind: Uint8Array = new Uint8Array(PEERS_MAX)
  /** 1: import policy lets routes in. 0: they are kept in adj-in and are not eligible (RFC 8212). */
  readonly accepts: Uint8Array = new Uint8Array(PEERS_MAX)
  /** BGP identifier of the session. */
  readonly routerId: Uint32Array = new Uint32Array(PEERS_MAX)
  /** Place of the peer's address among all addresses: the last resort of the decision process. */
  readonly rank: Uint32Array = new Uint32Array(PEERS_MAX)
  /** Parity of the session under way, see PathFlag.Parity. */
  readonly parity: Uint8Array = new Uint8Array(PEERS_MAX)
  /** Paths held per family. */
  readonly received: readonly [Uint32Array, Uint32Array] = [new Uint32Array(PEERS_MAX), new Uint32Array(PEERS_MAX)]

  constructor() {
    this.accepts[SELF] = 1
  }

  set(
    peer: number,
    facts: { readonly kind: PeerKind; readonly accepts: boolean; readonly routerId: number; readonly rank: number }
  ): void {
    assert(peer > SELF && peer < PEERS_MAX, "peer number out of range")
    this.kind[peer] = facts.kind
    this.external[peer] = facts.kind === PeerKind.External || facts.kind === PeerKind.RouteServerClient ? 1 : 0
    this.accepts[peer] = facts.accepts ? 1 : 0
    this.routerId[peer] = facts.routerId
    this.rank[peer] = facts.rank
  }
}
