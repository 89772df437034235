// Tells the members of export classes what changed. For each prefix what they may have now is compared with what they were told, and only
// the difference goes out: to all live members but the source where they do not differ, a stream for each source; else as jobs that are
// packed audience by audience.
// A member that lags is owed the prefix instead. Nothing is told twice, and nobody is told to forget what it does not hold.
import type { Lease } from "../buffers/index.ts"
import { PEERS_MAX } from "../machine/index.ts"
import { Routes } from "./adj-out.ts"
import { HELD, Likeness } from "./alike.ts"
import type { AttributeId, AttributeStore } from "./attribute-store.ts"
import { isEmpty } from "./audience.ts"
import type { ExportClass } from "./export-class.ts"
import { Jobs } from "./jobs.ts"
import type { Member } from "./member.ts"
import type { Packer } from "./packer.ts"
import { SELF } from "./peers.ts"
import type { PrefixId } from "./prefix-table.ts"
import type { RibTable } from "./rib-table.ts"
import { RoutePlaces } from "./route-places.ts"
import type { Selection } from "./selection.ts"
import { Streams } from "./streams.ts"
import { FROM_UNKNOWN, ToldFrom } from "./told-from.ts"

/** Bytes for a peer: part of a block, which the receiver retains if it keeps it. */
export type Transmit = (peer: number, block: Lease, from: number, to: number) => void

const NOBODY = -1
const LOCAL_SHARE = 0xffff

/** One round of telling a class something: the class, the receivers, and the difference between before and now. */
export class Exporter {
  protected readonly store: AttributeStore
  protected readonly selection: Selection
  protected readonly packer: Packer
  protected readonly jobs: Jobs = new Jobs()
  protected readonly streams: Streams = new Streams()
  protected readonly before: Routes = new Routes()
  protected readonly after: Routes = new Routes()
  protected readonly placesBefore: RoutePlaces = new RoutePlaces()
  private readonly placesAfter: RoutePlaces = new RoutePlaces()
  protected readonly bits: Uint32Array = new Uint32Array(PEERS_MAX / 32)
  /** Receivers of the round, those of what is packed at the moment, and the slot among these that is left out. */
  protected readonly scope: Uint32Array = new Uint32Array(PEERS_MAX / 32)
  private receivers: Uint32Array = this.scope
  protected scopeCount = 0
  protected except: number = NOBODY
  private readonly likeness: Likeness
  private readonly toldFrom: ToldFrom

  constructor(store: AttributeStore, selection: Selection, packer: Packer, inConfederation: boolean) {
    this.store = store
    this.selection = selection
    this.packer = packer
    this.toldFrom = new ToldFrom(store)
    this.likeness = new Likeness(store, selection, this.toldFrom, inConfederation)
  }

  /** Tells a class what changed of a table. */
  changed(table: RibTable, exportClass: ExportClass, transmit: Transmit): void {
    this.begin(exportClass, exportClass.liveBits, transmit)
    for (let index = 0; index < table.changedCount; index++) {
      const id = table.changedAt(index)
      // Nobody has been told of the others; who walks will come to them.
      if (id < exportClass.filled) this.compare(table, exportClass, id)
    }
    this.finish(table, exportClass)
  }

  /** Opens a round for the members in `bits`. */
  protected begin(exportClass: ExportClass, bits: Uint32Array, transmit: Transmit, isCatchUp = false): void {
    exportClass.fit()
    this.selection.begin(exportClass)
    this.likeness.begin(exportClass.parameters)
    this.receivers = this.scope
    this.except = NOBODY
    this.scopeCount = 0
    for (let word = 0; word < exportClass.stride; word++) {
      this.scope[word] = bits[word]
      for (let left = bits[word]; left !== 0; left &= left - 1) this.scopeCount++
    }
    this.packer.begin(
      exportClass.parameters,
      (block, from, to) => this.send(exportClass, transmit, block, from, to),
      isCatchUp
    )
    this.streams.begin(!this.packer.passThrough.passesAnnouncements)
  }

  /** Packs what was collected, and ends the round. */
  protected finish(table: RibTable, exportClass: ExportClass): void {
    for (const peer of this.streams.peers) this.packStream(table, exportClass, peer)
    this.streams.clear()
    if (this.jobs.count > 0) this.packJobs(table, exportClass)
    this.packer.finish()
  }

  /** What goes to all but one peer, in the order in which it was collected. */
  private packStream(table: RibTable, exportClass: ExportClass, peer: number): void {
    const { packer, streams } = this
    const { id, sent, next } = streams
    if (!this.leaveOut(exportClass, peer)) return
    const route = this.selection.sourceOf(peer)
    const share = this.shareOf(peer)
    for (let entry = streams.firstOf(peer); entry !== 0; entry = next[entry - 1]) {
      const set = sent[entry - 1]
      if (set === 0) packer.withdraw(table.prefixes, id[entry - 1], 0)
      else packer.announce(table.prefixes, id[entry - 1], 0, set - 1, route, share)
    }
  }

  /** What goes to some members only, each audience in turn. */
  private packJobs(table: RibTable, exportClass: ExportClass): void {
    const { packer, jobs, bits } = this
    const { audiences } = exportClass.adjOut
    for (const audience of jobs.audiences) {
      packer.cut()
      this.receivers = bits
      this.except = NOBODY
      bits.fill(0xffff_ffff, 0, exportClass.stride)
      audiences.intersect(bits, audience)
      for (let job = jobs.firstOf(audience, false); job !== 0; job = jobs.next[job - 1]) {
        packer.withdraw(table.prefixes, jobs.id[job - 1], jobs.pathId[job - 1])
      }
      for (let job = jobs.firstOf(audience, true); job !== 0; job = jobs.next[job - 1]) {
        this.announce(table, jobs.id[job - 1], jobs.pathId[job - 1], jobs.sent[job - 1] - 1, jobs.source[job - 1])
      }
    }
    packer.cut()
    for (let job = 0; job < jobs.count; job++) table.prefixes.release(jobs.id[job])
    jobs.clear(audiences)
  }

  private send(exportClass: ExportClass, transmit: Transmit, block: Lease, from: number, to: number): void {
    const { receivers: bits, except } = this
    for (let word = 0; word < exportClass.stride; word++) {
      for (let left = bits[word]; left !== 0; left &= left - 1) {
        const slot = word * 32 + 31 - Math.clz32(left & -left)
        if (slot !== except) transmit(exportClass.memberAt(slot)!.peer, block, from, to)
      }
    }
  }

  /** From here on the stream leaves out a peer. Returns whether anybody is left. */
  protected leaveOut(exportClass: ExportClass, peer: number): boolean {
    let slot = exportClass.slotOf(peer)
    if (slot !== NOBODY && ((this.scope[slot >>> 5] >>> (slot & 31)) & 1) === 0) slot = NOBODY
    if (slot !== this.except) {
      this.packer.cut()
      this.except = slot
    }
    return this.scopeCount > (slot === NOBODY ? 0 : 1)
  }

  protected announce(table: RibTable, id: PrefixId, pathId: number, attributes: AttributeId, source: number): void {
    const route = this.selection.sourceOf(source)
    this.packer.announce(table.prefixes, id, pathId, attributes, route, this.shareOf(source))
  }

  /** Routes of different external peers with the same attributes leave alike; reflected ones carry their originator. */
  protected shareOf(source: number): number {
    const { internal, local } = this.selection.sourceOf(source)
    return internal ? source : local ? LOCAL_SHARE : SELF
  }

  /** Whether two routes, each a set and the peer that it is from, are the same bytes to whoever is told them. */
  protected isAlike(set: AttributeId, source: number, other: AttributeId, otherSource: number): boolean {
    if (set === other && this.shareOf(source) === this.shareOf(otherSource)) return true
    return this.likeness.of(set, source, other, otherSource)
  }

  /** The same for what a member held: `mark` stands for whom that was from. */
  protected isLikeHeld(set: AttributeId, source: number, held: AttributeId, mark: number): boolean {
    if (mark === FROM_UNKNOWN) return false
    if (set === held && this.toldFrom.of(set, this.selection.sourceOf(source)) === mark) return true
    return this.likeness.of(set, source, held, HELD + mark)
  }

  protected addJob(
    table: RibTable,
    exportClass: ExportClass,
    bits: Uint32Array,
    id: PrefixId,
    pathId: number,
    sent: number,
    source: number
  ): void {
    if (isEmpty(bits, exportClass.stride)) return
    this.jobs.add(exportClass.adjOut.audiences, bits, id, pathId, sent, source)
    table.prefixes.retain(id)
  }

  /** Compares what a class has been told about a prefix with what it may have now. */
  private compare(table: RibTable, exportClass: ExportClass, id: PrefixId): void {
    const isShort = this.selection.select(exportClass, table, id, this.after)
    if (isShort && !exportClass.adjOut.hasList(id)) this.compareShort(table, exportClass, id)
    else this.compareLists(table, exportClass, id, isShort)
  }

  /** One route before and one now, each for all but its source, or none. */
  private compareShort(table: RibTable, exportClass: ExportClass, id: PrefixId): void {
    const { adjOut } = exportClass
    const { sent, source } = this.selection
    const before = adjOut.sent[id]
    const beforeSource = adjOut.sentSource[id]
    if (sent === before && (sent === 0 || source === beforeSource)) return
    const isSame = sent !== 0 && before !== 0 && this.isAlike(sent - 1, source, before - 1, beforeSource)
    const { behind } = exportClass
    for (let place = 0; place < behind.length; place++) {
      const member = behind[place]
      const had = before !== 0 && member.peer !== beforeSource
      const has = sent !== 0 && member.peer !== source
      if (had === has && (!has || isSame)) continue
      if (this.owe(table, member, id) && had) this.keep(member, id, 0, before - 1, beforeSource)
    }
    if (sent === 0) {
      this.streams.add(beforeSource, id, 0)
    } else {
      const isFromOther = before !== 0 && source !== beforeSource
      if (!isSame) this.streams.add(source, id, sent)
      if (isSame && isFromOther) this.tellOne(table, exportClass, beforeSource, id, sent, source)
      if (isFromOther) this.tellOne(table, exportClass, source, id, 0, SELF)
    }
    adjOut.note(id, sent, source)
  }

  /** Tells one peer, if it is a live member. */
  private tellOne(
    table: RibTable,
    exportClass: ExportClass,
    peer: number,
    id: PrefixId,
    sent: number,
    source: number
  ): void {
    const slot = exportClass.slotOf(peer)
    if (slot === NOBODY) return
    this.bits.fill(0, 0, exportClass.stride)
    this.bits[slot >>> 5] = exportClass.liveBits[slot >>> 5] & (1 << (slot & 31))
    this.addJob(table, exportClass, this.bits, id, 0, sent, source)
  }

  /** The general case: what each audience was told, against what it may have now. The answer of the selection is in `after`. */
  protected compareLists(table: RibTable, exportClass: ExportClass, id: PrefixId, isShort: boolean): void {
    const { before, after } = this
    const { adjOut, stride } = exportClass
    const { sent, source } = this.selection
    if (isShort && sent !== 0) {
      const audience = exportClass.allBut(source)
      adjOut.audiences.retain(audience)
      after.push(sent - 1, source, 0, audience)
    }
    exportClass.read(id, before)
    if (!isSameList(before, after)) {
      const isIdentified = exportClass.parameters.addPathSend > 0
      for (let word = 0; word < stride; word++) this.bits[word] = 0
      this.placesBefore.begin(before, isIdentified)
      this.placesAfter.begin(after, isIdentified)
      this.tellAnnounced(table, exportClass, id)
      this.tellWithdrawn(table, exportClass, id)
      for (const member of exportClass.behind) this.compareFor(table, exportClass, member, id)
      this.placesBefore.end(before)
      this.placesAfter.end(after)
      if (isShort) adjOut.noteShort(id, sent, source)
      else adjOut.noteList(id, after)
    }
    before.clear(adjOut.audiences)
    after.clear(adjOut.audiences)
  }

  private tellAnnounced(table: RibTable, exportClass: ExportClass, id: PrefixId): void {
    const { before, after, bits, placesBefore } = this
    const { audiences } = exportClass.adjOut
    for (let now = 0; now < after.count; now++) {
      const end = placesBefore.to(after.pathId[now])
      for (let word = 0; word < exportClass.stride; word++) bits[word] = exportClass.liveBits[word]
      audiences.intersect(bits, after.audience[now])
      for (let old = placesBefore.from(after.pathId[now]); old < end; old++) {
        if (this.isSameRoute(old, now)) audiences.subtract(bits, before.audience[old])
      }
      this.addJob(table, exportClass, bits, id, after.pathId[now], after.attributes[now] + 1, after.source[now])
    }
  }

  private tellWithdrawn(table: RibTable, exportClass: ExportClass, id: PrefixId): void {
    const { before, after, bits, placesAfter } = this
    const { audiences } = exportClass.adjOut
    for (let old = 0; old < before.count; old++) {
      const end = placesAfter.to(before.pathId[old])
      for (let word = 0; word < exportClass.stride; word++) bits[word] = exportClass.liveBits[word]
      audiences.intersect(bits, before.audience[old])
      for (let now = placesAfter.from(before.pathId[old]); now < end; now++) {
        if (before.pathId[old] === after.pathId[now]) audiences.subtract(bits, after.audience[now])
      }
      this.addJob(table, exportClass, bits, id, before.pathId[old], 0, SELF)
    }
  }

  /** Whether a route before and one now are the same bytes to whoever is told both. */
  private isSameRoute(old: number, now: number): boolean {
    const { before, after } = this
    return (
      before.pathId[old] === after.pathId[now] &&
      this.isAlike(after.attributes[now], after.source[now], before.attributes[old], before.source[old])
    )
  }

  /** Whether a member that lags has to hear of the difference. */
  private compareFor(table: RibTable, exportClass: ExportClass, member: Member, id: PrefixId): void {
    const { before, after, placesBefore } = this
    const { audiences } = exportClass.adjOut
    let had = 0
    let has = 0
    let kept = 0
    for (let old = 0; old < before.count; old++) if (audiences.has(before.audience[old], member.slot)) had++
    for (let now = 0; now < after.count; now++) {
      if (!audiences.has(after.audience[now], member.slot)) continue
      has++
      const end = placesBefore.to(after.pathId[now])
      for (let old = placesBefore.from(after.pathId[now]); old < end; old++) {
        if (this.isSameRoute(old, now) && audiences.has(before.audience[old], member.slot)) kept++
      }
    }
    if (had === kept && has === kept) return
    if (!this.owe(table, member, id)) return
    for (let old = 0; old < before.count; old++) {
      if (!audiences.has(before.audience[old], member.slot)) continue
      this.keep(member, id, before.pathId[old], before.attributes[old], before.source[old])
    }
  }

  /** Notes that a member has to hear of a prefix: once, until it has. True: that was not noted yet. */
  private owe(table: RibTable, member: Member, id: PrefixId): boolean {
    // The class has told it nothing yet, and the walk will come to it.
    if (member.isNew && !member.hasPassed(id)) return false
    if (!member.addPending(id)) return false
    // Until then a withdrawal must not become one of another prefix.
    table.prefixes.retain(id)
    return true
  }

  /** Remembers what a member holds, so that it is told just what differs from that in the end. */
  private keep(member: Member, id: PrefixId, pathId: number, attributes: AttributeId, source: number): void {
    this.store.retain(attributes)
    member.addHeld(id, pathId, attributes, this.toldFrom.of(attributes, this.selection.sourceOf(source)))
  }
}

const isSameList = (before: Routes, after: Routes): boolean => {
  if (before.count !== after.count) return false
  for (let index = 0; index < before.count; index++) {
    if (
      before.attributes[index] !== after.attributes[index] ||
      before.source[index] !== after.source[index] ||
      before.pathId[index] !== after.pathId[index] ||
      before.audience[index] !== after.audience[index]
    ) {
      return false
    }
  }
  return true
}
