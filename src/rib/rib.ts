// The RIB as one machine: adj-in, decision, adj-out. A batch of UPDATEs is learned first, then `settle` decides once for every prefix
// that changed, tells the caller about its best path (for the forwarding graph), and packs what each export class has to hear.
// An UPDATE costs its own prefixes, never the table; work that is as large as the table is done in slices.
import type { BlockPool } from "../buffers/index.ts"
import { TABLE_SLICE_PREFIXES } from "../machine/index.ts"
import { FAMILIES_ALL, Family, isRouted } from "../wire/index.ts"
import { AdjIn } from "./adj-in.ts"
import type { AdjOut } from "./adj-out.ts"
import type { Identity } from "./attribute-facts.ts"
import { type AttributeId, AttributeStore } from "./attribute-store.ts"
import { carryOver, gather, type Membership, PLACES_KEPT_MAX, placesBehind, saysNothing } from "./carry-over.ts"
import { Decision } from "./decide.ts"
import { ExportClass } from "./export-class.ts"
import type { Transmit } from "./exporter.ts"
import { KeyTable } from "./key-table.ts"
import type { Member } from "./member.ts"
import { Packer } from "./packer.ts"
import type { PathRef } from "./paths.ts"
import { isInternal, type PeerFacts, SELF } from "./peers.ts"
import { Policies, type Policy } from "./policy.ts"
import { type PrefixId, PrefixTable } from "./prefix-table.ts"
import { RibTable } from "./rib-table.ts"
import { Selection } from "./selection.ts"
import { Sweeps } from "./sweeps.ts"
import { disown } from "./told-from.ts"
import type { ExportParameters } from "./transform.ts"
import { type HasRoom, Walker } from "./walker.ts"

/** The best path of a prefix after a decision; `attributes` is -1 where there is none. */
export type BestChanged = (family: Family, id: PrefixId, attributes: AttributeId | -1, peer: number) => void

export interface RibOptions {
  readonly localAs: number
  readonly localId: number
  readonly identity?: Partial<Identity>
  /** Policies that peers and export classes may name besides `open`. */
  readonly policies?: ReadonlyArray<Policy>
  readonly pool: BlockPool
  /** Prefixes that the tables are promised room for; it costs what is used of it (ADR-0069). */
  readonly capacity: number
}

/** Families whose next hops are resolved. */
const ROUTED = [Family.Ipv4Unicast, Family.Ipv6Unicast] as const
const NOTHING_KEPT: ReadonlyArray<boolean> = []
/** What is left of a member or a class that is gone: holds that are given back a slice at a time. */
interface Closing {
  readonly table: RibTable
  readonly member: Member | undefined
  readonly adjOut: AdjOut | undefined
  position: PrefixId
}

export class Rib {
  readonly store: AttributeStore
  readonly tables: ReadonlyArray<RibTable>
  readonly adjIn: AdjIn
  readonly classes: Array<ExportClass> = []
  readonly packer: Packer
  readonly decision: Decision
  private readonly policies: Policies
  private readonly sweeps: Sweeps
  private readonly closings: Array<Closing> = []
  private readonly walker: Walker
  /** Members that took more than they can, until the step is over. */
  private readonly stalled: Array<Membership> = []
  /** The class that is served next. */
  private turn = 0
  /** Nothing is told to anybody yet: we have restarted and wait for our peers' tables (RFC 4724 §4.1). */
  isHolding = false

  constructor(options: RibOptions) {
    this.store = new AttributeStore(options.localAs, options.localId, options.identity, options.capacity >>> 2)
    this.tables = [
      new RibTable(new PrefixTable(0, options.capacity)),
      new RibTable(new PrefixTable(1, Math.max(1, options.capacity >>> 2))),
      ...FAMILIES_ALL.filter((family) => !isRouted(family)).map((family) => new RibTable(new KeyTable(family)))
    ]
    this.policies = new Policies(this.store, options.policies ?? [])
    this.adjIn = new AdjIn(this.store, this.tables, options.capacity, this.policies)
    this.sweeps = new Sweeps(this.adjIn, this.tables)
    this.decision = new Decision(this.store, this.adjIn.paths, this.adjIn.peers)
    this.packer = new Packer(options.pool, this.store)
    const selection = new Selection(this.store, this.adjIn, this.decision, this.packer)
    this.walker = new Walker(this.store, selection, this.packer, (options.identity?.confederationAs ?? 0) !== 0)
  }

  /** Decides for every changed prefix, reports best paths, and tells all live members. */
  settle(best: BestChanged, transmit: Transmit): void {
    this.packer.passThrough.serve(this.classes)
    for (const table of this.tables) {
      if (table.changedCount === 0) continue
      table.fit()
      this.decideChanged(table, best)
      for (const exportClass of this.classes) {
        if (exportClass.parameters.family !== table.prefixes.family || this.isHolding) continue
        this.walker.changed(table, exportClass, transmit)
      }
      table.clearChanged()
    }
    this.detachStalled()
    this.forgetRecent()
  }

  /** What a session says of its peer: what was said before may be there still, and is decided on, and reflected, anew. */
  judge(peer: number, facts: PeerFacts): void {
    const { peers } = this.adjIn
    const before = peers.routerId[peer]
    if (!peers.set(peer, facts)) return
    if (before !== 0 && before !== facts.routerId && isInternal(facts.kind)) {
      for (const one of this.classes) disown(one, this.tables[one.parameters.family], this.store, peer)
    }
    if (peers.received.some((counts) => counts[peer] > 0)) this.decideAgain()
  }

  /** A session ended. Its paths are left over: by family kept as stale, or purged in slices. */
  endSession(peer: number, kept: ReadonlyArray<boolean> = NOTHING_KEPT): void {
    this.sweeps.endSession(peer, kept)
  }

  /** The peer tells a family's table again (RFC 7313 §4): what it does not repeat is left over, and in use until `expire`. */
  refreshBegan(peer: number, family: Family): void {
    this.sweeps.begin(peer, family)
  }

  /** What is left over of a peer's family is purged, in slices. */
  expire(peer: number, family: Family): void {
    this.sweeps.expire(peer, family)
  }

  /** What was left over of a peer's family when its session began is purged, in slices. */
  expireStale(peer: number, family: Family): void {
    this.sweeps.expireStale(peer, family)
  }

  /** What is left over of a peer's family becomes long-lived stale (RFC 9494 §4.2), in slices. */
  age(peer: number, family: Family): void {
    this.sweeps.age(peer, family)
  }

  /** Whether nothing is left that names a peer, so that its number may be given to another. */
  isForgotten(peer: number): boolean {
    const { received } = this.adjIn.peers
    const isUsed = received.some((paths) => paths[peer] > 0) || this.tables.some((table) => table.changedCount > 0)
    return !isUsed && !this.sweeps.isAbout(peer)
  }

  /** From now until `release` decisions are made and nothing is told (RFC 4724 §4.1). */
  hold(): void {
    this.isHolding = true
  }

  /** Everything is told that was held back: every member begins its walk. */
  release(): void {
    this.isHolding = false
  }

  /** A next hop became reachable, unreachable, or its metric changed: decide again where it is used. */
  nextHopChanged(nextHop: number): void {
    for (const family of ROUTED) this.sweeps.nextHopChanged(nextHop, family)
  }

  /** What routes are judged by is another now: every prefix is decided again, in slices. */
  decideAgain(): void {
    for (const { prefixes } of this.tables) this.sweeps.decideAgain(prefixes.family)
  }

  get hasSweeps(): boolean {
    return this.sweeps.count > 0 || this.closings.length > 0
  }

  /** Does a part of the waiting sweeps; `settle` follows. Returns the prefixes looked at. */
  sweep(budgetPrefixes: number): number {
    let spent = this.sweeps.slice(budgetPrefixes)
    for (const closing of this.closings) {
      if (spent >= budgetPrefixes) break
      spent += this.closeSlice(closing, budgetPrefixes - spent)
    }
    while (this.closings.length > 0 && this.isClosed(this.closings[0])) this.closings.shift()
    return spent
  }

  /** Lets a peer in among those that are told a family in this way. It is told from now on, when `catchUp` comes to it. */
  join(parameters: ExportParameters, peer: number): Membership {
    const exportClass = this.classFor(JSON.stringify(parameters), parameters, peer)
    return { exportClass, member: exportClass.join(peer, this.adjIn.peers.asn[peer]) }
  }

  /** The peer stays and is told in another way from now on: it hears the difference, as `catchUp` comes to it. */
  move(membership: Membership, parameters: ExportParameters): Membership {
    const { exportClass, member } = membership
    if (JSON.stringify(parameters) === exportClass.key) return membership
    const next = this.join(parameters, member.peer)
    carryOver(membership, next.member)
    if (saysNothing(member)) {
      next.member.origin = member.origin
      this.vacate(membership)
    } else if (placesBehind(next.member) > PLACES_KEPT_MAX) {
      gather(this.tables[parameters.family], next.member, this.store)
      next.member.origin = undefined
      this.leave(membership)
    }
    return next
  }

  /** The peer goes, and with it what is kept of where it was before. */
  leave(membership: Membership): void {
    for (let place: Membership | undefined = membership; place !== undefined; ) {
      const { origin }: Member = place.member
      this.vacate(place)
      place = origin
    }
  }

  private vacate({ exportClass, member }: Membership): void {
    const table = this.tables[exportClass.parameters.family]
    exportClass.leave(member)
    this.close({ table, member, adjOut: undefined, position: 0 })
    if (exportClass.members.length > 0) return
    this.classes.splice(this.classes.indexOf(exportClass), 1)
    this.packer.rewritten.dismiss(exportClass.parameters)
    exportClass.policy.dispose()
    this.close({ table, member: undefined, adjOut: exportClass.adjOut, position: 0 })
  }

  /** The member has more bytes than it takes: from the end of this step it is owed final states only. */
  stall(membership: Membership): void {
    if (membership.member.live) this.stalled.push(membership)
  }

  /** Serves members that are not up to date and have room, in turn. Returns the prefixes handled: at most `budget`, and one for each. */
  catchUp(budget: number, hasRoom: HasRoom, transmit: Transmit): number {
    if (this.isHolding) return 0
    const { classes } = this
    const first = this.turn++
    let spent = 0
    for (let place = 0; place < classes.length && spent < budget; place++) {
      const exportClass = classes[(first + place) % classes.length]
      if (exportClass.lagging.length === 0) continue
      const table = this.tables[exportClass.parameters.family]
      spent += this.walker.serve(table, exportClass, budget - spent, hasRoom, transmit)
    }
    for (const place of this.walker.vacated) this.leave(place)
    this.walker.vacated.length = 0
    this.detachStalled()
    this.forgetRecent()
    return spent
  }

  /** Whether `catchUp` would find something to do. */
  canCatchUp(hasRoom: HasRoom): boolean {
    if (this.isHolding) return false
    return this.classes.some(({ lagging }) => lagging.some(({ peer }) => hasRoom(peer)))
  }

  /** The best path of a prefix, or 0. */
  bestOf(table: RibTable, id: PrefixId): PathRef {
    const head = table.heads[id] ?? 0
    return head !== 0 && this.adjIn.paths.reason[head] === 0 ? head : 0
  }

  digest(): number {
    let digest = this.adjIn.digest
    for (const exportClass of this.classes) digest = (digest + exportClass.digest()) >>> 0
    return digest
  }

  private decideChanged(table: RibTable, best: BestChanged): void {
    const { paths } = this.adjIn
    const { family } = table.prefixes
    this.decision.begin(family)
    for (let index = 0; index < table.changedCount; index++) {
      const id = table.changedAt(index)
      let head = table.heads[id]
      if (head !== 0) {
        head = this.decision.run(head)
        table.heads[id] = head
      }
      if (head !== 0 && paths.reason[head] === 0) best(family, id, paths.attributes[head], paths.peer[head])
      else best(family, id, -1, SELF)
    }
  }

  /** Received messages, and what was written for somebody, are wanted until everybody has been told. */
  private forgetRecent(): void {
    if (this.classes.some(({ lagging }) => lagging.length > 0)) return
    this.packer.passThrough.forget()
    this.packer.rewritten.clear()
  }

  private detachStalled(): void {
    for (const { exportClass, member } of this.stalled) exportClass.detach(member)
    this.stalled.length = 0
  }

  /** Where a place is still kept for the peer, from which it has moved, it comes into another class of the kind. */
  private classFor(key: string, parameters: ExportParameters, peer: number): ExportClass {
    const known = this.classes.find((candidate) => candidate.key === key && candidate.slotOf(peer) < 0)
    if (known !== undefined) return known
    const policy = this.policies.exporting(parameters.policy ?? "open")
    const made = new ExportClass(key, parameters, this.tables[parameters.family].prefixes, this.store, policy)
    this.classes.push(made)
    this.packer.rewritten.admit(parameters)
    return made
  }

  /** Gives back what nobody needs any more: at once where it is little. */
  private close(closing: Closing): void {
    this.closeSlice(closing, TABLE_SLICE_PREFIXES)
    if (!this.isClosed(closing)) this.closings.push(closing)
  }

  /** Gives back a part of what nobody needs any more. */
  private closeSlice(closing: Closing, budget: number): number {
    const { member, adjOut, table } = closing
    let spent = 0
    for (; member !== undefined && spent < budget && member.pendingCount > 0; spent++) {
      const id = member.takePending()
      this.walker.dropHeld(member, id)
      table.prefixes.release(id)
    }
    for (; adjOut !== undefined && spent < budget && closing.position < table.prefixes.bound; spent++) {
      adjOut.forget(closing.position++)
    }
    return spent
  }

  private isClosed({ member, adjOut, position, table }: Closing): boolean {
    return (member?.pendingCount ?? 0) === 0 && (adjOut === undefined || position >= table.prefixes.bound)
  }
}
