// Brings up to date whoever is not: members that have just come, that asked for everything again, or that fell behind. Work is done in
// slices, a few members a step, each in turn, so that nobody waits for the table of somebody else. Members that stand at the same place of
// the table walk together and share what is packed; the first one finds out on its way what the class is told at all.
import { RefreshSubtype } from "../wire/index.ts"
import { Routes } from "./adj-out.ts"
import { type Membership, mayHold, takeTold } from "./carry-over.ts"
import { type ExportClass, FILLED } from "./export-class.ts"
import { Exporter, type Transmit } from "./exporter.ts"
import { type Member, Walk } from "./member.ts"
import { SELF } from "./peers.ts"
import type { PrefixId } from "./prefix-table.ts"
import type { RibTable } from "./rib-table.ts"
import { RoutePlaces } from "./route-places.ts"

/** Whether a peer can take more bytes now. */
export type HasRoom = (peer: number) => boolean

/** A slice ends early once it has packed so much, whatever its prefixes. */
const SLICE_BYTES_MAX = 512 * 1024
/** Of an UPDATE without attributes and prefixes, and of a prefix at most. */
const MESSAGE_BYTES = 23
const PREFIX_BYTES = 17

export class Walker extends Exporter {
  /** Places that are not asked for any more, since who left them has been told everything: to be left by whoever takes them. */
  readonly vacated: Array<Membership> = []
  private readonly held: Routes = new Routes()
  /** Bytes that a slice has collected and not packed yet, and the set plus one that came last. */
  private collected = 0
  private lastSent = 0
  private readonly placesHeld: RoutePlaces = new RoutePlaces()

  /** Serves members that lag, for at most so many prefixes. Returns how many were handled. */
  serve(table: RibTable, exportClass: ExportClass, budget: number, hasRoom: HasRoom, transmit: Transmit): number {
    const waiting = exportClass.lagging.filter(({ peer }) => hasRoom(peer))
    const first = exportClass.turn++
    let spent = 0
    for (let place = 0; place < waiting.length && spent < budget; place++) {
      const member = waiting[(first + place) % waiting.length]
      if (member.live) continue
      if (member.walk === Walk.None) spent += this.drain(table, exportClass, member, budget - spent, transmit)
      else {
        const company = waiting.filter(({ walk, position }) => walk !== Walk.None && position === member.position)
        spent += this.walk(table, exportClass, company, budget - spent, transmit)
      }
    }
    return spent
  }

  /** Takes members that stand at the same place on through the table. */
  private walk(
    table: RibTable,
    exportClass: ExportClass,
    company: ReadonlyArray<Member>,
    budget: number,
    transmit: Transmit
  ): number {
    const start = company[0].position
    const bound = Math.min(table.prefixes.bound, table.heads.length)
    let end = Math.min(start + budget, bound)
    for (const member of company) {
      if (member.refresh === "asked") this.mark(exportClass, member, RefreshSubtype.Begin, transmit)
      if (member.wrapped) end = Math.min(end, member.from)
    }
    this.stream(exportClass, company, transmit)
    const packed = this.packer.bytesPacked
    let id = start
    this.collected = 0
    this.lastSent = 0
    for (; id < end && this.packer.bytesPacked - packed + this.collected < SLICE_BYTES_MAX; id++) {
      const isThere = table.heads[id] !== 0 || exportClass.adjOut.hasRoutes(id)
      if (isThere || isOwed(company, id)) this.pass(table, exportClass, company, id)
    }
    if (exportClass.filled < id) exportClass.filled = id
    this.finish(table, exportClass)
    for (const member of company) this.advance(exportClass, member, id, bound, transmit)
    return id - start + 1
  }

  private stream(exportClass: ExportClass, members: ReadonlyArray<Member>, transmit: Transmit): void {
    this.bits.fill(0, 0, exportClass.stride)
    for (const { slot } of members) this.bits[slot >>> 5] |= 1 << (slot & 31)
    this.begin(exportClass, this.bits, transmit, true)
  }

  /** One prefix of a walk: what the class is told of it, if that is not known or depends on who has come; then the members hear it. */
  private pass(table: RibTable, exportClass: ExportClass, company: ReadonlyArray<Member>, id: PrefixId): void {
    const { adjOut } = exportClass
    const isUnknown = id >= exportClass.filled
    if (isUnknown || exportClass.isPersonal) {
      const isShort = this.selection.select(exportClass, table, id, this.after)
      const { sent, source } = this.selection
      const isShortStill = isShort && !adjOut.hasList(id)
      if (isShortStill && isUnknown) adjOut.note(id, sent, source)
      else if (!isShortStill || sent !== adjOut.sent[id] || (sent !== 0 && source !== adjOut.sentSource[id])) {
        this.compareLists(table, exportClass, id, isShort)
      }
    }
    const sent = adjOut.sent[id]
    if (sent !== 0) {
      this.streams.add(adjOut.sentSource[id], id, sent)
      this.collected += this.sizeOf(sent)
      this.lastSent = sent
    } else if (adjOut.hasList(id)) this.passList(table, exportClass, id)
    for (const member of company) {
      if (member.pendingCount > 0) this.settleDebt(table, exportClass, member, id)
      this.settleMove(table, exportClass, member, id)
    }
  }

  /** What a prefix adds to what is packed, at most, since sets may be told in one place that come in several. */
  private sizeOf(sent: number): number {
    if (sent === this.lastSent) return PREFIX_BYTES
    return PREFIX_BYTES + MESSAGE_BYTES + this.store.blockEndOf(sent - 1) - this.store.startOf(sent - 1)
  }

  /** A prefix whose routes go to different members. */
  private passList(table: RibTable, exportClass: ExportClass, id: PrefixId): void {
    const { before, bits } = this
    const { audiences } = exportClass.adjOut
    exportClass.read(id, before)
    for (let route = 0; route < before.count; route++) {
      let isAll = true
      for (let word = 0; word < exportClass.stride; word++) bits[word] = this.scope[word]
      audiences.intersect(bits, before.audience[route])
      for (let word = 0; word < exportClass.stride; word++) isAll &&= bits[word] === this.scope[word]
      const { attributes, source, pathId } = before
      if (!isAll) {
        this.addJob(table, exportClass, bits, id, pathId[route], attributes[route] + 1, source[route])
        this.collected += this.sizeOf(attributes[route] + 1)
        this.lastSent = attributes[route] + 1
      } else if (this.leaveOut(exportClass, SELF))
        this.announce(table, id, pathId[route], attributes[route], source[route])
    }
    before.clear(audiences)
  }

  /** Who repeats its walk and was owed the prefix has heard it just now, but for the end of what it held. */
  private settleDebt(table: RibTable, exportClass: ExportClass, member: Member, id: PrefixId): void {
    if (!member.isPending(id)) return
    member.dropPending(id)
    this.tellDifference(table, exportClass, member, id, true)
    table.prefixes.release(id)
  }

  /** After a slice: where a member stands now, and what is said at the end of its walk. */
  private advance(
    exportClass: ExportClass,
    member: Member,
    position: PrefixId,
    bound: number,
    transmit: Transmit
  ): void {
    member.position = position
    if (!member.wrapped) {
      if (position < bound) return
      exportClass.filled = FILLED
      member.wrapped = true
      member.position = 0
    }
    if (member.position < member.from) return
    if (member.walk === Walk.First) {
      this.stream(exportClass, [member], transmit)
      this.packer.endOfRib()
      this.packer.finish()
    }
    if (member.refresh === "begun") this.mark(exportClass, member, RefreshSubtype.End, transmit)
    member.walk = Walk.None
    if (member.origin !== undefined) this.vacated.push(member.origin)
    member.origin = undefined
    if (member.again !== "no") this.walkAgain(exportClass, member)
    else if (member.pendingCount === 0) exportClass.attach(member)
  }

  private walkAgain(exportClass: ExportClass, member: Member): void {
    const marked = member.again === "marked"
    member.again = "no"
    exportClass.repeat(member, marked)
  }

  /** RFC 7313 §3.2. */
  private mark(exportClass: ExportClass, member: Member, subtype: number, transmit: Transmit): void {
    this.stream(exportClass, [member], transmit)
    this.packer.refreshMark(subtype)
    this.packer.finish()
    member.refresh = subtype === RefreshSubtype.Begin ? "begun" : "none"
  }

  /** Tells a member the final state of what it is owed. */
  private drain(table: RibTable, exportClass: ExportClass, member: Member, budget: number, transmit: Transmit): number {
    this.stream(exportClass, [member], transmit)
    const packed = this.packer.bytesPacked
    let handled = 0
    while (handled < budget && this.packer.bytesPacked - packed < SLICE_BYTES_MAX) {
      const id = member.takePending()
      if (id === -1) break
      handled++
      this.tellDifference(table, exportClass, member, id, false)
      table.prefixes.release(id)
    }
    this.finish(table, exportClass)
    if (member.pendingCount === 0) exportClass.attach(member)
    return handled
  }

  /** What differs between that which a member held and that which it is to hold now. */
  private tellDifference(
    table: RibTable,
    exportClass: ExportClass,
    member: Member,
    id: PrefixId,
    isTold: boolean
  ): void {
    const { before, held, placesHeld } = this
    const { audiences } = exportClass.adjOut
    member.takeHeld(id, held)
    exportClass.read(id, before)
    placesHeld.begin(held, exportClass.parameters.addPathSend > 0)
    for (let route = 0; route < before.count && !isTold; route++) {
      if (!audiences.has(before.audience[route], member.slot) || this.isHeld(route)) continue
      this.announce(table, id, before.pathId[route], before.attributes[route], before.source[route])
    }
    placesHeld.end(held)
    this.forgetRest(table, exportClass, member, id)
    before.clear(audiences)
  }

  /** What a peer that moves held by the place that it left is forgotten, where it has not just been told it anew. */
  private settleMove(table: RibTable, exportClass: ExportClass, member: Member, id: PrefixId): void {
    if (member.origin === undefined || !mayHold(member.origin, id)) return
    // The place that was left may be the last to know of the prefix.
    table.prefixes.retain(id)
    takeTold(table, member.origin, id, this.store, this.held)
    exportClass.read(id, this.before)
    this.forgetRest(table, exportClass, member, id)
    this.before.clear(exportClass.adjOut.audiences)
    table.prefixes.release(id)
  }

  /** Of what a member held the rest that is not told any more is withdrawn. Nothing is noted as held after that. */
  private forgetRest(table: RibTable, exportClass: ExportClass, member: Member, id: PrefixId): void {
    const { before, held, placesBefore } = this
    const { audiences } = exportClass.adjOut
    placesBefore.begin(before, exportClass.parameters.addPathSend > 0)
    for (let old = 0; old < held.count; old++) {
      let isStill = false
      const end = placesBefore.to(held.pathId[old])
      for (let route = placesBefore.from(held.pathId[old]); route < end; route++) {
        isStill ||= before.pathId[route] === held.pathId[old] && audiences.has(before.audience[route], member.slot)
      }
      if (!isStill) this.forget(table, exportClass, member, id, held.pathId[old])
    }
    placesBefore.end(before)
    this.releaseHeld()
  }

  /** Forgets what a member held of a prefix: it has gone. */
  dropHeld(member: Member, id: PrefixId): void {
    member.takeHeld(id, this.held)
    this.releaseHeld()
  }

  private releaseHeld(): void {
    const { held } = this
    for (let old = 0; old < held.count; old++) this.store.release(held.attributes[old])
    held.count = 0
  }

  /** Whether a route is what the member held already. */
  private isHeld(route: number): boolean {
    const { before, held, placesHeld } = this
    const end = placesHeld.to(before.pathId[route])
    for (let old = placesHeld.from(before.pathId[route]); old < end; old++) {
      if (held.pathId[old] !== before.pathId[route]) continue
      const { attributes, source } = before
      if (this.isLikeHeld(attributes[route], source[route], held.attributes[old], held.source[old])) return true
    }
    return false
  }

  private forget(table: RibTable, exportClass: ExportClass, { slot }: Member, id: PrefixId, pathId: number): void {
    this.bits.fill(0, 0, exportClass.stride)
    this.bits[slot >>> 5] = 1 << (slot & 31)
    this.addJob(table, exportClass, this.bits, id, pathId, 0, SELF)
  }
}

/** Whether somebody is still owed the end of a prefix. */
const isOwed = (company: ReadonlyArray<Member>, id: PrefixId): boolean => {
  for (const member of company) {
    if (member.pendingCount > 0 && member.isPending(id)) return true
    if (member.origin !== undefined && mayHold(member.origin, id)) return true
  }
  return false
}
