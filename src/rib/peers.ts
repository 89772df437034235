// What the RIB knows of a peer, as columns indexed by peer number. Number 0 is ourselves: originated and announced routes.
// A peer's table has a generation for each family. What the peer says carries the generation of its time; when a session ends or a
// refresh begins the peer's number moves on, and every path of an older generation is left over until it is told again or goes.
import { assert, PEERS_MAX } from "../machine/index.ts"
import { FAMILIES_ALL, type Family } from "../wire/index.ts"
import type { Policies, PolicyCache } from "./policy.ts"

export const SELF = 0

export const byFamily = <A>(make: (family: Family) => A): Array<A> => FAMILIES_ALL.map(make)

/** How routes pass between us and a peer. */
export const PeerKind = {
  External: 0,
  Internal: 1,
  ReflectorClient: 2,
  RouteServerClient: 3,
  /** In another member AS of our confederation (RFC 5065). */
  ConfederationMember: 4
} as const
export type PeerKind = (typeof PeerKind)[keyof typeof PeerKind]

/** What paths of an older generation are. */
export const LeftOver = {
  /** Of a session that ended for good: not eligible, and being purged. */
  Ended: 0,
  /** Stale but in use: the peer restarts (RFC 4724) or tells its table again (RFC 7313). */
  Kept: 1
} as const
export type LeftOver = (typeof LeftOver)[keyof typeof LeftOver]

/** Whether what was told in a generation has ended, by the peer's generation of now and the one before which everything has. */
export const hasEnded = (generation: number, now: number, endedBefore: number): boolean =>
  generation !== now && ((now - generation) & 0xff) > ((now - endedBefore) & 0xff)

/** Whether routes of a peer are let in. */
export const Import = { Closed: 0, Open: 1, Asked: 2 } as const

/** The role of a peer where none was agreed on; the others are `wire`'s RoleValue (RFC 9234 §4.1). */
export const NO_ROLE = 255

export interface PeerFacts {
  readonly kind: PeerKind
  readonly accepts: boolean
  /** The name of the policy on the way in, where `accepts`; absent: everything is accepted as it is. */
  readonly importPolicy?: string
  readonly routerId: number
  readonly rank: number
  /** AS number of the peer; only roles ask for it. */
  readonly asn?: number
  /** The peer's role towards us; absent: NO_ROLE. */
  readonly role?: number
  /** How often our own AS number may stand in an AS_PATH from it; absent: never. */
  readonly ownAsAllowed?: number
  /** The more, the better, before anything that a route says; absent: 0. */
  readonly weight?: number
}

/** In our own AS: what it tells us goes to reflector clients, or from them, or nowhere (RFC 4456 §6). */
export const isInternal = (kind: PeerKind): boolean => kind === PeerKind.Internal || kind === PeerKind.ReflectorClient

/** Beyond our AS, and beyond our confederation if we are in one. */
export const isOutside = (kind: PeerKind): boolean => kind === PeerKind.External || kind === PeerKind.RouteServerClient

export class RibPeers {
  /** In another AS, or another member AS. */
  readonly external: Uint8Array = new Uint8Array(PEERS_MAX)
  /** Of those, beyond the confederation: external in the sense of RFC 4271 §9.1.2.2 d (RFC 5065 §5.3). */
  readonly outside: Uint8Array = new Uint8Array(PEERS_MAX)
  readonly kind: Uint8Array = new Uint8Array(PEERS_MAX)
  /** Open: routes are let in. Closed: they are kept in adj-in and are not eligible (RFC 8212). Asked: see `policy`. */
  readonly accepts: Uint8Array = new Uint8Array(PEERS_MAX)
  /** BGP identifier of the session. */
  readonly routerId: Uint32Array = new Uint32Array(PEERS_MAX)
  /** Place of the peer's address among all addresses: the last resort of the decision process. */
  readonly rank: Uint32Array = new Uint32Array(PEERS_MAX)
  /** The policy on the way in, where it has to be asked. */
  readonly policy: Array<PolicyCache | undefined> = []
  readonly asn: Uint32Array = new Uint32Array(PEERS_MAX)
  readonly role: Uint8Array = new Uint8Array(PEERS_MAX).fill(NO_ROLE)
  readonly ownAsAllowed: Uint8Array = new Uint8Array(PEERS_MAX)
  readonly weight: Uint16Array = new Uint16Array(PEERS_MAX)
  /** By family: generation of what the peer says now, and what its older paths are. */
  readonly generation: ReadonlyArray<Uint8Array> = byFamily(() => new Uint8Array(PEERS_MAX))
  readonly leftOver: ReadonlyArray<Uint8Array> = byFamily(() => new Uint8Array(PEERS_MAX))
  /** By family: what was told in a generation before this one has ended, and goes as a sweep comes by; later ones are what `leftOver` says. */
  readonly endedBefore: ReadonlyArray<Uint8Array> = byFamily(() => new Uint8Array(PEERS_MAX))
  /** Paths held per family. */
  readonly received: ReadonlyArray<Uint32Array> = byFamily(() => new Uint32Array(PEERS_MAX))
  /** Of those, the paths that the peer has told in its table of now: what a limit counts, for what is left over it did not say. */
  readonly told: ReadonlyArray<Uint32Array> = byFamily(() => new Uint32Array(PEERS_MAX))
  /** Sum of the hashes of the paths that are told: see `AdjIn.toldDigest`. */
  readonly toldDigest: ReadonlyArray<Uint32Array> = byFamily(() => new Uint32Array(PEERS_MAX))

  private readonly policies: Policies | undefined

  /** `policies`: those that `set` may name. */
  constructor(policies?: Policies) {
    this.policies = policies
    this.accepts[SELF] = Import.Open
  }

  /** True: something is another one than before, so that routes of the peer which are there already have to be decided on again. */
  set(peer: number, facts: PeerFacts): boolean {
    assert(peer > SELF && peer < PEERS_MAX, "peer number out of range")
    const before = this.factsOf(peer)
    this.kind[peer] = facts.kind
    this.external[peer] = isInternal(facts.kind) ? 0 : 1
    this.outside[peer] = isOutside(facts.kind) ? 1 : 0
    const policy = facts.importPolicy === undefined ? undefined : this.policies?.importing(facts.importPolicy)
    this.policy[peer] = policy
    this.accepts[peer] = !facts.accepts ? Import.Closed : policy === undefined ? Import.Open : Import.Asked
    this.routerId[peer] = facts.routerId
    this.rank[peer] = facts.rank
    this.asn[peer] = facts.asn ?? 0
    this.role[peer] = facts.role ?? NO_ROLE
    this.ownAsAllowed[peer] = facts.ownAsAllowed ?? 0
    this.weight[peer] = facts.weight ?? 0
    return this.factsOf(peer).some((fact, index) => fact !== before[index])
  }

  private factsOf(peer: number): ReadonlyArray<unknown> {
    const { kind, accepts, policy, routerId, rank, asn, role, ownAsAllowed, weight } = this
    const columns = [kind, accepts, routerId, rank, asn, role, ownAsAllowed, weight]
    return [policy[peer], ...columns.map((column) => column[peer])]
  }
}
