// An export class: all peers whose routes are transformed and encoded alike, so that what several of them are to hear is packed once
// (RFC 7947 §2.3 lets them differ in which routes they may have). Adj-out is the class's; of a member there is only where it stands.
// Who comes walks over the table at its own pace, who falls behind is owed final states, and neither touches the others.
import { fold, PEERS_MAX } from "../machine/index.ts"
import { AdjOut, Routes } from "./adj-out.ts"
import { wordAt } from "./attribute-facts.ts"
import type { AttributeId, AttributeStore } from "./attribute-store.ts"
import { type AudienceId, EVERYBODY } from "./audience.ts"
import { Member, Walk } from "./member.ts"
import { PeerKind } from "./peers.ts"
import type { PolicyCache } from "./policy.ts"
import type { PrefixId, PrefixTable } from "./prefix-table.ts"
import type { ExportParameters } from "./transform.ts"

/** `filled` of a class that knows what it tells about every prefix. */
export const FILLED: PrefixId = 0xffff_ffff

const NOBODY = -1

/** A route as it was told: its set, the peer that it is from, and its identifier (0: none). */
export interface RouteTold {
  readonly attributes: AttributeId
  readonly source: number
  readonly pathId: number
}

export class ExportClass {
  readonly key: string
  readonly parameters: ExportParameters
  readonly members: Array<Member> = []
  /** Members that are not live, in the order in which they ceased to be. */
  readonly lagging: Array<Member> = []
  /** Those, and the frozen ones: whoever is not live is owed what changes. */
  readonly behind: Array<Member> = []
  readonly adjOut: AdjOut
  /** On the way out, where `parameters.open`. */
  readonly policy: PolicyCache
  /** Members may differ in which routes they have: clients of a route server, and whoever gets several paths. */
  readonly isPersonal: boolean
  /** A member is not told a path with its own AS number, which it would refuse: it may have another one (RFC 7947 §2.3). */
  readonly sparesLoops: boolean
  /** Slots of live members. */
  readonly liveBits: Uint32Array = new Uint32Array(PEERS_MAX / 32)
  /** Prefixes below have been looked at for this class. Nobody has been told of the others. */
  filled: PrefixId = 0
  /** The member among those that lag that is served next. */
  turn = 0
  private readonly bySlot: Array<Member | undefined> = []
  private readonly slots: Int16Array = new Int16Array(PEERS_MAX).fill(NOBODY)
  /** By slot: everybody but that member; held as long as it is one. */
  private readonly others: Array<AudienceId> = []
  /** Members by AS number, and how many there are by the number's last bits: most numbers in a path are nobody's. */
  private readonly byAs: Map<number, Array<Member>> = new Map()
  private readonly asFilter: Uint16Array
  private readonly scratch: Uint32Array = new Uint32Array(PEERS_MAX / 32)

  constructor(
    key: string,
    parameters: ExportParameters,
    prefixes: PrefixTable,
    store: AttributeStore,
    policy: PolicyCache
  ) {
    this.key = key
    this.policy = policy
    this.parameters = parameters
    this.isPersonal = parameters.kind === PeerKind.RouteServerClient || parameters.addPathSend > 0
    this.sparesLoops = parameters.kind === PeerKind.RouteServerClient && parameters.overriddenAs === 0
    this.asFilter = new Uint16Array(this.sparesLoops ? AS_FILTER : 1)
    this.adjOut = new AdjOut(prefixes, store)
  }

  /** What was told, and where each member stands. */
  digest(): number {
    let digest = this.adjOut.digest
    for (const member of this.members) digest = (digest + member.digest()) >>> 0
    return fold(digest, this.filled)
  }

  fit(): void {
    this.adjOut.fit()
  }

  /** Words of the bitmaps of members. */
  get stride(): number {
    return this.adjOut.audiences.stride
  }

  /** Lets a peer in. It walks from where others are, so that what they are told serves it as well. */
  join(peer: number, asn: number): Member {
    const slot = this.freeSlot()
    const member = new Member(peer, slot, asn, this.parameters.addPathSend > 0)
    this.adjOut.audiences.fit(slot)
    this.bySlot[slot] = member
    this.slots[peer] = slot
    this.others[slot] = this.internAllBut(slot)
    const sameAs = this.byAs.get(asn)
    if (sameAs === undefined) this.byAs.set(asn, [member])
    else sameAs.push(member)
    this.asFilter[asn % this.asFilter.length]++
    member.beginWalk(Walk.First, this.meetingPlace())
    this.members.push(member)
    this.lagging.push(member)
    this.behind.push(member)
    return member
  }

  /** Lets a member go. What it is owed is to be released by the caller. */
  leave(member: Member): void {
    without(this.members, member)
    if (member.live) this.setLive(member, false)
    without(this.lagging, member)
    without(this.behind, member)
    const { slot, peer, asn } = member
    this.bySlot[slot] = undefined
    this.slots[peer] = NOBODY
    this.adjOut.audiences.release(this.others[slot])
    const sameAs = this.byAs.get(asn)!
    sameAs.splice(sameAs.indexOf(member), 1)
    if (sameAs.length === 0) this.byAs.delete(asn)
    this.asFilter[asn % this.asFilter.length]--
  }

  memberAt(slot: number): Member | undefined {
    return this.bySlot[slot]
  }

  /** Slot of a peer, or -1. */
  slotOf(peer: number): number {
    return this.slots[peer]
  }

  /** The audience that leaves out one peer, if that is a member. */
  allBut(peer: number): AudienceId {
    const slot = this.slots[peer]
    return slot === NOBODY ? EVERYBODY : this.others[slot]
  }

  /** Reads what was told about a prefix. */
  read(id: PrefixId, into: Routes): void {
    const { adjOut } = this
    adjOut.read(id, into, adjOut.sent[id] > 0 ? this.allBut(adjOut.sentSource[id]) : EVERYBODY)
  }

  /** What a member has been told about a prefix, or is about to be told: for people. */
  routesOf(member: Member, id: PrefixId): Array<RouteTold> {
    if (id >= this.adjOut.sent.length) return []
    const { audiences } = this.adjOut
    const routes = new Routes()
    this.read(id, routes)
    const told: Array<RouteTold> = []
    for (let index = 0; index < routes.count; index++) {
      if (!audiences.has(routes.audience[index], member.slot)) continue
      told.push({
        attributes: routes.attributes[index],
        source: routes.source[index],
        pathId: routes.pathId[index]
      })
    }
    routes.clear(audiences)
    return told
  }

  /** Adds the members whose AS number is in an AS_PATH of four-octet numbers to a bitmap. */
  addMembersIn(bytes: Uint8Array, from: number, to: number, bits: Uint32Array): void {
    for (let at = from; at < to; ) {
      const end = at + 2 + bytes[at + 1] * 4
      for (at += 2; at < end; at += 4) {
        const asn = wordAt(bytes, at)
        if (this.asFilter[asn % this.asFilter.length] === 0) continue
        for (const { slot } of this.byAs.get(asn) ?? NO_MEMBERS) bits[slot >>> 5] |= 1 << (slot & 31)
      }
    }
  }

  /** The member fell behind: from now on it is owed final states. */
  detach(member: Member): void {
    if (!member.live) return
    this.setLive(member, false)
    this.lagging.push(member)
    this.behind.push(member)
  }

  /** The peer is told by another class: what is left here says what it held, and is never served. */
  freeze(member: Member): void {
    if (member.live) {
      this.setLive(member, false)
      this.behind.push(member)
    } else without(this.lagging, member)
  }

  /** The member has been told everything. */
  attach(member: Member): void {
    this.setLive(member, true)
    without(this.lagging, member)
    without(this.behind, member)
  }

  /**
   * Everything is told to a member again (RFC 2918), between marks if it knows them. No mark may come before End-of-RIB (RFC 7313 §4): who
   * asks while the first telling is under way gets what it has heard of it once more after that.
   */
  repeat(member: Member, marked: boolean): void {
    if (member.isNew) {
      if (member.hasBegun) member.again = marked ? "marked" : "plain"
      else if (marked && member.walk === Walk.Moved) member.refresh = "asked"
      return
    }
    this.detach(member)
    if (marked) member.refresh = "asked"
    member.beginWalk(Walk.Repeat, this.meetingPlace())
  }

  /** Routes that a member has been told; on its way through the table, at most so many. */
  toldCount(member: Member): number {
    const routes = this.adjOut.routesTo(member.peer, member.slot)
    if (member.walk !== Walk.First) return Math.max(0, routes - member.pendingCount)
    const passed = member.wrapped ? this.adjOut.sent.length : member.position - member.from
    return Math.min(routes, passed)
  }

  private setLive(member: Member, live: boolean): void {
    const { slot } = member
    member.live = live
    if (live) this.liveBits[slot >>> 5] |= 1 << (slot & 31)
    else this.liveBits[slot >>> 5] &= ~(1 << (slot & 31))
  }

  /** Where somebody walks already; else the beginning. */
  private meetingPlace(): PrefixId {
    for (const member of this.lagging) if (member.walk !== Walk.None) return member.position
    return 0
  }

  private freeSlot(): number {
    for (let slot = 0; slot < this.bySlot.length; slot++) if (this.bySlot[slot] === undefined) return slot
    return this.bySlot.length
  }

  private internAllBut(slot: number): AudienceId {
    this.scratch.fill(0)
    this.scratch[slot >>> 5] = 1 << (slot & 31)
    return this.adjOut.audiences.intern(this.scratch, true)
  }
}

const without = (members: Array<Member>, member: Member): void => {
  const at = members.indexOf(member)
  if (at !== -1) members.splice(at, 1)
}

const AS_FILTER = 4099
const NO_MEMBERS: ReadonlyArray<Member> = []
