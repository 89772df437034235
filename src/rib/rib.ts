// The RIB as one machine: adj-in, decision, adj-out. A batch of UPDATEs is learned first, then `settle` decides once for every prefix
// that changed, tells the caller about its best path (for the forwarding graph), and packs what each export class has to hear.
// An UPDATE costs its own prefixes, never the table; work that is as large as the table is done in slices.
import type { BlockPool, Lease } from "../buffers/index.ts"
import { fold, PEERS_MAX, TABLE_SLICE_PREFIXES } from "../machine/index.ts"
import { FAMILIES_ALL, Family, RefreshSubtype } from "../wire/index.ts"
import { AdjIn } from "./adj-in.ts"
import { type Identity, Trait } from "./attribute-facts.ts"
import { type AttributeId, AttributeStore } from "./attribute-store.ts"
import { Decision } from "./decide.ts"
import { ExportClass, type Member } from "./export-class.ts"
import { Packer } from "./packer.ts"
import type { PathRef } from "./paths.ts"
import { byFamily, isInternal, isOutside, LeftOver, PeerKind, SELF } from "./peers.ts"
import { type PrefixId, PrefixTable } from "./prefix-table.ts"
import { RibTable } from "./rib-table.ts"
import { type ExportParameters, exportedNextHop, type RouteSource, refusesMarked } from "./transform.ts"

/** Bytes for a peer: part of a block, which the receiver retains if it keeps it. */
export type Transmit = (peer: number, block: Lease, from: number, to: number) => void

/** The best path of a prefix after a decision; `attributes` is -1 where there is none. */
export type BestChanged = (family: Family, id: PrefixId, attributes: AttributeId | -1, peer: number) => void

export interface RibOptions {
  readonly localAs: number
  readonly localId: number
  readonly identity?: Partial<Identity>
  readonly pool: BlockPool
  readonly capacity: number
}

const LOCAL_SHARE = 0xffff
/** Families whose next hops are resolved. */
const ROUTED = [Family.Ipv4Unicast, Family.Ipv6Unicast] as const
const NOTHING_KEPT: ReadonlyArray<boolean> = []
/** Generations that can be told apart, with some to spare. */
const GENERATIONS_MAX = 250

/** A scan over all prefixes, done a slice at a time. */
interface Sweep {
  readonly family: Family
  readonly kind: "purge" | "age" | "next-hop" | "decide"
  /** The peer whose old paths go or age, or the next hop whose paths are decided again; of "decide", nothing. */
  readonly subject: number
  position: PrefixId
}

const isOfPeer = (kind: Sweep["kind"]): boolean => kind === "purge" || kind === "age"

export class Rib {
  readonly store: AttributeStore
  readonly tables: ReadonlyArray<RibTable>
  readonly adjIn: AdjIn
  readonly classes: Array<ExportClass> = []
  readonly packer: Packer
  readonly decision: Decision
  private readonly sweeps: Array<Sweep> = []
  private readonly source: RouteSource = { local: false, internal: false, routerId: 0 }
  /** By family: generations begun since what a peer had left over was last purged. */
  private readonly begun: ReadonlyArray<Uint8Array> = byFamily(() => new Uint8Array(PEERS_MAX))
  /** Nothing is told to anybody yet: we have restarted and wait for our peers' tables (RFC 4724 §4.1). */
  isHolding = false

  constructor(options: RibOptions) {
    this.store = new AttributeStore(options.localAs, options.localId, options.identity)
    this.tables = [
      new RibTable(new PrefixTable(0, options.capacity)),
      new RibTable(new PrefixTable(1, Math.min(options.capacity, 1024)))
    ]
    this.adjIn = new AdjIn(this.store, this.tables, options.capacity)
    this.decision = new Decision(this.store, this.adjIn.paths, this.adjIn.peers)
    this.packer = new Packer(options.pool, this.store)
  }

  /** Decides for every changed prefix, reports best paths, and tells all live members. */
  settle(best: BestChanged, transmit: Transmit): void {
    for (const table of this.tables) {
      if (table.changedCount === 0) continue
      table.fit()
      this.decideChanged(table, best)
      for (const exportClass of this.classes) {
        if (exportClass.parameters.family !== table.prefixes.family || this.isHolding) continue
        this.exportChanged(table, exportClass, transmit)
      }
      table.clearChanged()
    }
  }

  /** A session ended. Its paths are left over: by family kept as stale, or purged in slices. What is being purged goes at once. */
  endSession(peer: number, kept: ReadonlyArray<boolean> = NOTHING_KEPT): void {
    for (const family of FAMILIES_ALL) {
      this.beginGeneration(peer, family)
      if (kept[family] !== true) this.expire(peer, family)
    }
  }

  /** The peer tells a family's table again (RFC 7313 §4): what it does not repeat is left over, and in use until `expire`. */
  refreshBegan(peer: number, family: Family): void {
    this.beginGeneration(peer, family)
  }

  /** What is left over of a peer's family is purged, in slices. */
  expire(peer: number, family: Family): void {
    const { leftOver, received } = this.adjIn.peers
    leftOver[family][peer] = LeftOver.Ended
    this.begun[family][peer] = 0
    if (received[family][peer] > 0) this.sweeps.push({ family, kind: "purge", subject: peer, position: 0 })
  }

  /** What is left over of a peer's family becomes long-lived stale (RFC 9494 §4.2), in slices. */
  age(peer: number, family: Family): void {
    if (this.adjIn.peers.received[family][peer] > 0)
      this.sweeps.push({ family, kind: "age", subject: peer, position: 0 })
  }

  /** Whether nothing is left that names a peer, so that its number may be given to another. */
  isForgotten(peer: number): boolean {
    const { received } = this.adjIn.peers
    const isUsed = received.some((paths) => paths[peer] > 0) || this.tables.some((table) => table.changedCount > 0)
    return !isUsed && !this.sweeps.some(({ kind, subject }) => isOfPeer(kind) && subject === peer)
  }

  private beginGeneration(peer: number, family: Family): void {
    const { generation, leftOver } = this.adjIn.peers
    // Numbers of generations come round: whoever begins so many and ends none loses what is left over.
    if (this.begun[family][peer] === GENERATIONS_MAX) this.expire(peer, family)
    this.finishSweeps(peer, family)
    this.begun[family][peer]++
    generation[family][peer]++
    leftOver[family][peer] = LeftOver.Kept
  }

  /** Ends a peer's sweeps at once: what they are about must not be mistaken for what is left over next. */
  private finishSweeps(peer: number, family: Family): void {
    for (const sweep of this.sweeps) {
      if (isOfPeer(sweep.kind) && sweep.subject === peer && sweep.family === family) {
        this.sweepSlice(sweep, Number.MAX_SAFE_INTEGER)
      }
    }
    this.dropFinishedSweeps()
  }

  /** From now until `release` decisions are made and nothing is told (RFC 4724 §4.1). */
  hold(): void {
    this.isHolding = true
  }

  /** Everything is told that was held back. */
  release(): void {
    this.isHolding = false
    for (const exportClass of this.classes) {
      this.fillClass(this.tables[exportClass.parameters.family], exportClass)
      for (const member of exportClass.members) exportClass.repeat(member)
    }
  }

  /** A next hop became reachable, unreachable, or its metric changed: decide again where it is used. */
  nextHopChanged(nextHop: number): void {
    for (const family of ROUTED) this.sweeps.push({ family, kind: "next-hop", subject: nextHop, position: 0 })
  }

  /** What routes are judged by is another now: every prefix is decided again, in slices. */
  decideAgain(): void {
    for (const { prefixes } of this.tables) {
      this.sweeps.push({ family: prefixes.family, kind: "decide", subject: SELF, position: 0 })
    }
  }

  get hasSweeps(): boolean {
    return this.sweeps.length > 0
  }

  /** Does a part of the waiting sweeps; `settle` follows. Returns the prefixes looked at. */
  sweep(budgetPrefixes: number): number {
    let spent = 0
    for (const sweep of this.sweeps) {
      if (spent >= budgetPrefixes) break
      spent += this.sweepSlice(sweep, budgetPrefixes - spent)
    }
    this.dropFinishedSweeps()
    return spent
  }

  classFor(key: string, parameters: ExportParameters): ExportClass {
    const known = this.classes.find((candidate) => candidate.key === key)
    if (known !== undefined) return known
    const table = this.tables[parameters.family]
    const made = new ExportClass(key, parameters, table.prefixes, this.store)
    this.classes.push(made)
    this.fillClass(table, made)
    return made
  }

  leaveClass(exportClass: ExportClass, peer: number): void {
    exportClass.leave(peer)
    if (exportClass.members.length > 0) return
    exportClass.dispose()
    this.classes.splice(this.classes.indexOf(exportClass), 1)
  }

  /** Packs at most a slice of what a member still has to hear. Returns the prefixes handled. */
  catchUp(exportClass: ExportClass, member: Member, transmit: Transmit): number {
    if (this.isHolding) return 0
    const { prefixes } = this.tables[exportClass.parameters.family]
    this.packer.begin(exportClass.parameters, (block, from, to) => transmit(member.peer, block, from, to))
    if (member.refresh === "asked") {
      this.packer.refreshMark(RefreshSubtype.Begin)
      member.refresh = "begun"
    }
    let handled = 0
    for (; handled < TABLE_SLICE_PREFIXES; handled++) {
      const id = member.takePending()
      if (id === -1) break
      const attributes = exportClass.sentTo(member.peer, id)
      if (attributes === -1) this.packer.withdraw(prefixes, id, 0)
      else this.packAnnouncement(exportClass, id, attributes, exportClass.sentSource[id])
      exportClass.releasePending(id)
    }
    if (member.pendingCount === 0) {
      member.live = true
      if (member.joining) this.packer.endOfRib()
      member.joining = false
      if (member.refresh === "begun") this.packer.refreshMark(RefreshSubtype.End)
      member.refresh = "none"
    }
    this.packer.finish()
    return handled
  }

  /** The best path of a prefix, or 0. */
  bestOf(table: RibTable, id: PrefixId): PathRef {
    const head = table.heads[id] ?? 0
    return head !== 0 && this.adjIn.paths.reason[head] === 0 ? head : 0
  }

  digest(): number {
    let digest = this.adjIn.digest
    for (const exportClass of this.classes)
      digest = (digest + fold(exportClass.digest, exportClass.members.length)) >>> 0
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

  private exportChanged(table: RibTable, exportClass: ExportClass, transmit: Transmit): void {
    exportClass.fit()
    const { prefixes } = table
    const { packer } = this
    let except = SELF
    packer.begin(exportClass.parameters, (block, from, to) => {
      for (const member of exportClass.members)
        if (member.live && member.peer !== except) transmit(member.peer, block, from, to)
    })
    for (let index = 0; index < table.changedCount; index++) {
      const id = table.changedAt(index)
      const best = this.bestOf(table, id)
      const exported = best !== 0 && this.isExported(exportClass.parameters, best)
      const sent = exported ? this.adjIn.paths.attributes[best] + 1 : 0
      const source = exported ? this.adjIn.paths.peer[best] : SELF
      const before = exportClass.sent[id]
      const beforeSource = exportClass.sentSource[id]
      if (sent === before && source === beforeSource) continue
      // The members that are left out now and were left out before hear of it one by one, and so do those that are not live.
      const leftOut = sent === 0 ? beforeSource : source
      if (leftOut !== except) {
        packer.cut()
        except = leftOut
      }
      exportClass.note(id, sent, source)
      if (sent !== 0) this.packAnnouncement(exportClass, id, sent - 1, source)
      else packer.withdraw(prefixes, id, 0)
      // Only now: packing may have sent the segment before this prefix, and that may have been too much for a member.
      this.notePending(exportClass, id, source, beforeSource, before)
    }
    packer.finish()
  }

  private notePending(
    exportClass: ExportClass,
    id: PrefixId,
    source: number,
    beforeSource: number,
    before: number
  ): void {
    for (const member of exportClass.members) {
      if (!member.live) exportClass.addPending(member, id)
      else if (source !== beforeSource && member.peer === source && before !== 0) exportClass.addPending(member, id)
    }
  }

  private packAnnouncement(exportClass: ExportClass, id: PrefixId, attributes: AttributeId, sourcePeer: number): void {
    const { prefixes } = this.tables[exportClass.parameters.family]
    const source = this.sourceOf(sourcePeer)
    // Routes from different external peers with the same attributes leave alike; reflected ones carry their originator.
    const shareKey = source.internal ? sourcePeer : source.local ? LOCAL_SHARE : SELF
    this.packer.announce(prefixes, id, 0, attributes, source, shareKey)
  }

  private sourceOf(peer: number): RouteSource {
    const { peers } = this.adjIn
    const source = this.source
    source.local = peer === SELF
    source.internal = peer !== SELF && peers.external[peer] === 0
    source.routerId = peers.routerId[peer]
    return source
  }

  /** Whether a class is told a best path. What does not fit into its messages is not, and is withdrawn if it was (RFC 8654 §4). */
  private isExported(to: ExportParameters, best: PathRef): boolean {
    if (!this.isAllowed(to, best)) return false
    const { attributes, peer } = this.adjIn.paths
    return this.packer.fits(to, attributes[best], this.sourceOf(peer[best]))
  }

  /** Whether a class may be told a best path: well-known communities, policy, reflection (RFC 1997, 4456 §6, 8212). */
  private isAllowed(to: ExportParameters, best: PathRef): boolean {
    const { paths, peers } = this.adjIn
    const peer = paths.peer[best]
    const set = paths.attributes[best]
    if (!to.open || exportedNextHop(this.store, set, this.sourceOf(peer), to).length === 0) return false
    const traits = this.store.traits[set]
    if ((traits & Trait.NoAdvertise) !== 0) return false
    // RFC 9494 §4.3: only those who know what it means may hear of a stale route.
    if ((traits & Trait.LongLivedStale) !== 0 && !to.longLived) return false
    if ((traits & Trait.OnlyToCustomer) !== 0 && refusesMarked(to)) return false
    if (!isInternal(to.kind) && (traits & Trait.NoExportSubconfed) !== 0) return false
    if (isOutside(to.kind)) return (traits & Trait.NoExport) === 0
    if (to.kind === PeerKind.ConfederationMember) return true
    if (peer === SELF || peers.external[peer] === 1) return true
    return peers.kind[peer] === PeerKind.ReflectorClient || to.kind === PeerKind.ReflectorClient
  }

  private fillClass(table: RibTable, exportClass: ExportClass): void {
    exportClass.fit()
    for (let id = 0; id < table.prefixes.bound && id < table.heads.length; id++) {
      const best = this.bestOf(table, id)
      if (best !== 0 && this.isExported(exportClass.parameters, best)) {
        exportClass.note(id, this.adjIn.paths.attributes[best] + 1, this.adjIn.paths.peer[best])
      } else if (exportClass.sent[id] !== 0) exportClass.note(id, 0, SELF)
    }
  }

  private sweepSlice(sweep: Sweep, budget: number): number {
    const table = this.tables[sweep.family]
    const { paths } = this.adjIn
    const end = Math.min(sweep.position + budget, table.heads.length, table.prefixes.bound)
    const start = sweep.position
    for (let id = start; id < end; id++) {
      if (table.heads[id] === 0) continue
      if (sweep.kind === "purge") this.adjIn.forgetLeftOver(sweep.subject, table, id)
      else if (sweep.kind === "age") this.adjIn.ageLeftOver(sweep.subject, table, id)
      else if (sweep.kind === "decide") table.markChanged(id)
      else {
        for (let path = table.heads[id]; path !== 0; path = paths.next[path]) {
          if (this.store.nextHop[paths.attributes[path]] === sweep.subject) table.markChanged(id)
        }
      }
    }
    sweep.position = Math.max(end, sweep.position)
    return sweep.position - start + 1
  }

  private dropFinishedSweeps(): void {
    for (let index = this.sweeps.length - 1; index >= 0; index--) {
      const { family, position } = this.sweeps[index]
      const { prefixes } = this.tables[family]
      if (position >= Math.min(prefixes.bound, this.tables[family].heads.length)) this.sweeps.splice(index, 1)
    }
  }
}
