// What the members of an export class may have of a prefix. Usually that is the best path, for all but the peer that it came from, and
// nothing more is computed. A client of a route server that may not have the best path gets the best of those that it may have (RFC 7947
// §2.3), and who gets several paths gets the best ones of those (RFC 7911): members are grouped by what they may not have, and each
// group has one decision, so that the cost follows the candidates and not the peers. That is exact also where MED makes the order of two
// paths depend on a third one (RFC 4271 §9.1.2.2 c): then every group decides for itself.
import { PEERS_MAX } from "../machine/index.ts"
import type { AdjIn } from "./adj-in.ts"
import type { Routes } from "./adj-out.ts"
import { Trait } from "./attribute-facts.ts"
import type { AttributeId, AttributeStore } from "./attribute-store.ts"
import { isEmpty } from "./audience.ts"
import type { Decision } from "./decide.ts"
import type { ExportClass } from "./export-class.ts"
import type { Packer } from "./packer.ts"
import type { PathRef } from "./paths.ts"
import { isInternal, isOutside, PeerKind, SELF } from "./peers.ts"
import { type PolicyCache, REJECT } from "./policy.ts"
import { grown, type PrefixId } from "./prefix-table.ts"
import { Reason } from "./reason.ts"
import type { RibTable } from "./rib-table.ts"
import { Answers, Loops } from "./selection-cache.ts"
import { type ExportParameters, exportedNextHop, type RouteSource, refusesMarked } from "./transform.ts"

const BITMAP_WORDS = PEERS_MAX / 32

export class Selection {
  /** The answer where it is short: one set plus one (0: nothing), told to all but its source. */
  sent = 0
  source = SELF
  private readonly store: AttributeStore
  private readonly adjIn: AdjIn
  private readonly decision: Decision
  private readonly packer: Packer
  private readonly routeSource: RouteSource = { local: false, internal: false, routerId: 0 }
  private readonly answers: Answers = new Answers()
  private readonly loops: Loops
  /** What is asked on the way out; undefined: everything goes out as it is. */
  private policy: PolicyCache | undefined
  private candidates: Uint32Array = new Uint32Array(64)
  private remaining: Uint32Array = new Uint32Array(64)
  private picked: Uint32Array = new Uint32Array(64)
  private readonly barred: Uint32Array = new Uint32Array(BITMAP_WORDS)
  private readonly affected: Uint32Array = new Uint32Array(BITMAP_WORDS)
  private readonly group: Uint32Array = new Uint32Array(BITMAP_WORDS)
  /** Results: picked paths, and for each a bitmap of those who differ from the rest. */
  private results: Uint32Array = new Uint32Array(64)
  private resultBits: Uint32Array = new Uint32Array(64 * 4)
  private resultCount = 0
  /** Among the paths at hand is one that MED removed in the table's decision. */
  private sawMed = false
  private generalCount = 0

  constructor(store: AttributeStore, adjIn: AdjIn, decision: Decision, packer: Packer) {
    this.store = store
    this.adjIn = adjIn
    this.decision = decision
    this.packer = packer
    this.loops = new Loops(store)
  }

  /** A class is asked about. Nothing that was answered for another one counts, nor for sets whose numbers may have been given away. */
  begin(exportClass: ExportClass): void {
    this.policy = exportClass.policy.isOpen ? undefined : exportClass.policy
    this.answers.clear()
    if (exportClass.sparesLoops) this.loops.clear(exportClass.stride)
    this.decision.begin(exportClass.parameters.family)
  }

  /** What the members may have. True: `sent` and `source` say it. False: it is in `routes`. */
  select(exportClass: ExportClass, table: RibTable, id: PrefixId, routes: Routes): boolean {
    const { paths } = this.adjIn
    const head = table.heads[id] ?? 0
    this.sent = 0
    this.source = SELF
    if (!exportClass.isPersonal) {
      if (head !== 0 && paths.reason[head] === 0 && this.isExported(exportClass.parameters, head)) this.answerWith(head)
      return true
    }
    if (head === 0) return true
    if (paths.next[head] === 0 && exportClass.parameters.addPathSend === 0) {
      return this.selectOnly(exportClass, head, routes)
    }
    const count = this.collect(exportClass, head)
    if (count === 0) return true
    if (exportClass.parameters.addPathSend === 0) {
      if (count === 1) return this.selectOnly(exportClass, this.candidates[0], routes)
      if (this.candidates[0] === head && paths.reason[head] === Reason.Best && !this.sawMed) {
        this.barredFrom(exportClass, head, this.affected)
        if (isOneAtMost(this.affected, exportClass.stride)) return this.selectForOne(exportClass, count, routes)
      }
    }
    this.selectMany(exportClass, count)
    return this.write(exportClass, routes)
  }

  sourceOf(peer: number): RouteSource {
    const { peers } = this.adjIn
    const source = this.routeSource
    source.local = peer === SELF
    source.internal = peer !== SELF && peers.external[peer] === 0
    source.routerId = peers.routerId[peer]
    return source
  }

  /** The attributes that policy lets out for a path that is exported. */
  private toldOf(path: PathRef): AttributeId {
    const set = this.adjIn.paths.attributes[path]
    return this.policy === undefined ? set : this.policy.verdict(set)
  }

  private answerWith(path: PathRef): void {
    this.sent = this.toldOf(path) + 1
    this.source = this.adjIn.paths.peer[path]
  }

  /** One candidate and nothing to fall back on. */
  private selectOnly(exportClass: ExportClass, path: PathRef, routes: Routes): boolean {
    if (!this.decision.isEligible(path) || !this.isExported(exportClass.parameters, path)) return true
    this.answerWith(path)
    if (!exportClass.sparesLoops) return true
    this.barredFrom(exportClass, path, this.barred)
    const slot = exportClass.slotOf(this.source)
    if (slot >= 0) this.barred[slot >>> 5] &= ~(1 << (slot & 31))
    if (isEmpty(this.barred, exportClass.stride)) return true
    if (slot >= 0) this.barred[slot >>> 5] |= 1 << (slot & 31)
    const audience = exportClass.adjOut.audiences.intern(this.barred, true)
    routes.push(this.toldOf(path), this.source, 0, audience)
    return false
  }

  /** All that is eligible and allowed for the class. */
  private collect(exportClass: ExportClass, head: PathRef): number {
    const { next, reason } = this.adjIn.paths
    let count = 0
    this.sawMed = false
    for (let path = head; path !== 0; path = next[path]) {
      if (reason[path] === Reason.Med) this.sawMed = true
      if (!this.decision.isEligible(path) || !this.isExported(exportClass.parameters, path)) continue
      if (count === this.candidates.length) this.growCandidates()
      this.candidates[count++] = path
    }
    return count
  }

  /** The usual case: the best path for all but one member, or for all; and for that one the best of those that it may have. */
  private selectForOne(exportClass: ExportClass, count: number, routes: Routes): boolean {
    const { paths } = this.adjIn
    const { audiences } = exportClass.adjOut
    const [head] = this.candidates
    let word = 0
    while (word < exportClass.stride && this.affected[word] === 0) word++
    let left = 0
    for (let index = 1; index < count && word < exportClass.stride; index++) {
      const path = this.candidates[index]
      if (!this.isBarred(exportClass, path, word, this.affected[word])) this.remaining[left++] = path
    }
    this.answerWith(head)
    const others = audiences.intern(this.affected, true)
    if (left === 0 && others === exportClass.allBut(this.source)) {
      audiences.release(others)
      return true
    }
    routes.push(this.toldOf(head), this.source, 0, others)
    if (left === 0) return false
    const second = left === 1 ? this.remaining[0] : this.decision.choose(this.remaining, left)
    routes.push(this.toldOf(second), paths.peer[second], 0, audiences.intern(this.affected, false))
    return false
  }

  /** As `barredFrom`, for the one member with this bit. */
  private isBarred(exportClass: ExportClass, path: PathRef, word: number, bit: number): boolean {
    const { paths } = this.adjIn
    const slot = exportClass.slotOf(paths.peer[path])
    if (slot >= 0 && slot >>> 5 === word && (bit & (1 << (slot & 31))) !== 0) return true
    if (!exportClass.sparesLoops) return false
    return (this.loops.words[this.loops.of(exportClass, this.toldOf(path)) + word] & bit) !== 0
  }

  private selectMany(exportClass: ExportClass, count: number): void {
    const { stride, parameters } = exportClass
    const wanted = Math.min(parameters.addPathSend === 0 ? 1 : parameters.addPathSend, count)
    this.resultCount = 0
    this.affected.fill(0, 0, stride)
    const byMed = this.pick(this.candidates, count, wanted)
    for (let index = 0; index < wanted; index++) this.addResult(this.picked[index], stride)
    this.generalCount = wanted
    if (wanted === count) {
      this.leaveOut(exportClass)
      return
    }
    // Who may have all that was picked gets it; where MED had a say also what was not picked may have had one.
    const looked = byMed ? this.candidates : this.picked
    for (let index = 0; index < (byMed ? count : wanted); index++) {
      this.barredFrom(exportClass, looked[index], this.barred)
      for (let word = 0; word < stride; word++) this.affected[word] |= this.barred[word]
    }
    this.selectForGroups(exportClass, count, wanted)
  }

  /** Everything there is goes to everybody who may have it. */
  private leaveOut(exportClass: ExportClass): void {
    for (let result = 0; result < this.resultCount; result++) {
      this.barredFrom(exportClass, this.results[result], this.group)
      this.mark(result, exportClass.stride)
    }
  }

  /** Those who are affected, group by group: each has the same candidates for all of its members. */
  private selectForGroups(exportClass: ExportClass, count: number, wanted: number): void {
    const { stride } = exportClass
    for (let word = 0; word < stride; word++) {
      while (this.affected[word] !== 0) {
        const bit = this.affected[word] & -this.affected[word]
        for (let each = 0; each < stride; each++) this.group[each] = this.affected[each]
        let left = 0
        for (let index = 0; index < count; index++) {
          const path = this.candidates[index]
          this.barredFrom(exportClass, path, this.barred)
          const isBarred = (this.barred[word] & bit) !== 0
          for (let each = 0; each < stride; each++)
            this.group[each] &= isBarred ? this.barred[each] : ~this.barred[each]
          if (!isBarred) this.remaining[left++] = path
        }
        for (let each = 0; each < stride; each++) this.affected[each] &= ~this.group[each]
        this.noteGroup(stride, left, wanted)
      }
    }
  }

  /** Notes what a group gets of what is left for it. */
  private noteGroup(stride: number, left: number, wanted: number): void {
    const some = Math.min(wanted, left)
    this.pick(this.remaining, left, some)
    for (let result = 0; result < this.generalCount; result++) {
      let has = false
      for (let index = 0; index < some; index++) has ||= this.picked[index] === this.results[result]
      if (!has) this.mark(result, stride)
    }
    for (let index = 0; index < some; index++) {
      let result = 0
      while (result < this.resultCount && this.results[result] !== this.picked[index]) result++
      if (result < this.generalCount) continue
      if (result === this.resultCount) this.addResult(this.picked[index], stride)
      this.mark(result, stride)
    }
  }

  /** For the first ones, which all get but some: the group does not. For the others: it does. */
  private mark(result: number, stride: number): void {
    for (let word = 0; word < stride; word++) this.resultBits[result * stride + word] |= this.group[word]
  }

  private addResult(path: PathRef, stride: number): void {
    const result = this.resultCount++
    if (result >= this.results.length) this.results = grown(this.results, this.results.length * 2)
    if ((result + 1) * stride > this.resultBits.length)
      this.resultBits = grown(this.resultBits, this.resultBits.length * 2 + stride)
    this.resultBits.fill(0, result * stride, (result + 1) * stride)
    this.results[result] = path
  }

  /** Puts the best of `count` paths into `picked`, best first. True: MED removed one that might have been better than another. */
  private pick(from: Uint32Array, count: number, wanted: number): boolean {
    while (this.picked.length < count) this.growCandidates()
    const { picked } = this
    for (let index = 0; index < count; index++) picked[index] = from[index]
    if (wanted >= count) return false
    let byMed = false
    let left = count
    for (let index = 0; index < wanted; index++, left--) {
      const rest = picked.subarray(index)
      const existing = index === 0 && this.adjIn.paths.reason[from[0]] === Reason.Best ? from[0] : 0
      const best = this.decision.choose(rest, left, existing)
      byMed ||= this.decision.removedByMed
      let at = 0
      while (rest[at] !== best) at++
      rest[at] = rest[0]
      rest[0] = best
    }
    return byMed
  }

  private write(exportClass: ExportClass, routes: Routes): boolean {
    const { paths } = this.adjIn
    const { stride, adjOut } = exportClass
    const identified = exportClass.parameters.addPathSend > 0
    for (let result = 0; result < this.resultCount; result++) {
      const path = this.results[result]
      const bits = this.resultBits.subarray(result * stride, (result + 1) * stride)
      const audience = adjOut.audiences.intern(bits, result < this.generalCount)
      routes.push(this.toldOf(path), paths.peer[path], identified ? path : 0, audience)
    }
    if (identified || routes.count > 1) return false
    this.answerWith(this.results[0])
    if (routes.audience[0] !== exportClass.allBut(this.source)) return false
    routes.clear(adjOut.audiences)
    return true
  }

  /** Members that may not have a path: whose own it is, and who would take it for a loop. */
  private barredFrom(exportClass: ExportClass, path: PathRef, bits: Uint32Array): void {
    const { stride } = exportClass
    const { paths } = this.adjIn
    if (exportClass.sparesLoops) {
      const at = this.loops.of(exportClass, this.toldOf(path))
      for (let word = 0; word < stride; word++) bits[word] = this.loops.words[at + word]
    } else bits.fill(0, 0, stride)
    const slot = exportClass.slotOf(paths.peer[path])
    if (slot >= 0) bits[slot >>> 5] |= 1 << (slot & 31)
  }

  /** Whether a class may be told a path. What does not fit into its messages is not, and is withdrawn if it was (RFC 8654 §4). */
  private isExported(to: ExportParameters, path: PathRef): boolean {
    const set = this.adjIn.paths.attributes[path]
    const peer = this.adjIn.paths.peer[path]
    const known = this.answers.of(set, peer)
    if (known !== -1) return known === 1
    const told = this.toldOf(path)
    const answer = told !== REJECT && this.isAllowed(to, told, peer) && this.packer.fits(to, told, this.sourceOf(peer))
    this.answers.note(set, peer, answer)
    return answer
  }

  /** Well-known communities, policy, reflection (RFC 1997, 4456 §6, 8212). */
  private isAllowed(to: ExportParameters, set: AttributeId, peer: number): boolean {
    const { peers } = this.adjIn
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

  private growCandidates(): void {
    const length = this.candidates.length * 2
    this.candidates = grown(this.candidates, length)
    this.remaining = grown(this.remaining, length)
    this.picked = grown(this.picked, length)
  }
}

const isOneAtMost = (bits: Uint32Array, words: number): boolean => {
  let seen = false
  for (let word = 0; word < words; word++) {
    if (bits[word] === 0) continue
    if (seen || (bits[word] & (bits[word] - 1)) !== 0) return false
    seen = true
  }
  return true
}
