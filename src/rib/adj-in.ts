// Adj-in: what each peer announced, before any decision. Learning and forgetting touch the prefix's list of paths and note the prefix
// as changed; nothing else happens until the batch is over, so that several changes of one prefix cost one decision.

import { assert, foldSigned } from "../machine/index.ts"
import { type Family, isRouted } from "../wire/index.ts"
import { Trait } from "./attribute-facts.ts"
import type { AttributeId, AttributeStore } from "./attribute-store.ts"
import { CarriedReader, type LearnKey } from "./carried.ts"
import type { KeyTable } from "./key-table.ts"
import { LIST_LONG, LongLists } from "./long-lists.ts"
import { withLongLivedStale } from "./long-lived.ts"
import { type PathRef, Paths } from "./paths.ts"
import { hasEnded, Import, RibPeers, SELF } from "./peers.ts"
import { type Policies, REJECT } from "./policy.ts"
import type { PrefixId } from "./prefix-table.ts"
import type { RibTable } from "./rib-table.ts"

/** Prefixes that are looked up together: as many misses of the cache as a processor has under way at once, and some more. */
const READ_MAX = 32

const NONE = -2

export class AdjIn {
  readonly store: AttributeStore
  readonly peers: RibPeers
  readonly paths: Paths
  /** Of all paths, signed: see `digest`. Kept, with the peers' own, from the first time that anybody asks. */
  private sum = 0
  private isSummed = false
  /** The first prefix of the span that was read last; below 0: there was none, or it is not known here. */
  spanFirst: PrefixId | -1 | typeof NONE = NONE
  private readonly tables: ReadonlyArray<RibTable>
  private readonly carried: CarriedReader
  private readonly long: LongLists
  private readonly scratch = new Uint32Array(4)
  /** Prefixes read from a span and not yet looked up. */
  private readonly words = new Uint32Array(READ_MAX * 4)
  private readonly lengths = new Uint8Array(READ_MAX)
  private readonly pathIds = new Uint32Array(READ_MAX)
  private readonly hashes = new Int32Array(READ_MAX)
  private read = 0

  constructor(store: AttributeStore, tables: ReadonlyArray<RibTable>, capacity: number, policies?: Policies) {
    this.store = store
    this.peers = new RibPeers(policies)
    this.tables = tables
    this.paths = new Paths(capacity)
    this.long = new LongLists(this.paths)
    this.carried = new CarriedReader(store)
  }

  /** Sum over all paths of a hash of (prefix, peer, path id, attributes). */
  get digest(): number {
    this.beginSums()
    return this.sum >>> 0
  }

  /** Sum of the hashes of the paths that a peer has told: with the digest of all paths it says which are left over. */
  toldDigest(family: Family, peer: number): number {
    this.beginSums()
    return this.peers.toldDigest[family][peer]
  }

  private beginSums(): void {
    if (this.isSummed) return
    this.isSummed = true
    for (const table of this.tables) {
      for (let id = 0; id < table.prefixes.bound; id++) {
        for (let path = table.heads[id] ?? 0; path !== 0; path = this.paths.next[path]) this.count(table, id, path, 1)
      }
    }
  }

  /** A path is in the sums from now on, or no longer. */
  private count(table: RibTable, id: PrefixId, path: PathRef, sign: 1 | -1): void {
    if (!this.isSummed) return
    const hash = Math.imul(this.hashOf(table, id, path), sign)
    this.sum = (this.sum + hash) | 0
    this.countTold(table, path, hash)
  }

  private countTold(table: RibTable, path: PathRef, hash: number): void {
    const { family } = table.prefixes
    if (!this.isLeftOver(family, path)) this.peers.toldDigest[family][this.paths.peer[path]] += hash
  }

  /** Learns every prefix of a judged NLRI span under one set of attributes. */
  learnSpan(
    peer: number,
    family: Family,
    bytes: Uint8Array,
    from: number,
    to: number,
    addPath: boolean,
    attributes: AttributeId
  ): void {
    const table = this.tables[family]
    const { prefixes } = table
    this.spanFirst = NONE
    if (!isRouted(family)) {
      const learn: LearnKey = (id, pathId, set) => {
        if (this.spanFirst === NONE) this.spanFirst = id
        this.learn(peer, table, id, pathId, this.letIn(peer, set), set)
      }
      this.carried.learn(prefixes as KeyTable, bytes, from, to, addPath, attributes, learn)
      return
    }
    const per = prefixes.wordsPerPrefix
    const accepted = this.letIn(peer, attributes)
    for (let at = from; at < to; ) {
      at = this.readSome(bytes, at, to, addPath, per)
      prefixes.touch(this.words, this.lengths, this.read, this.hashes)
      for (let index = 0; index < this.read; index++) {
        const id = prefixes.intern(this.words, index * per, this.lengths[index], this.hashes[index])
        if (this.spanFirst === NONE) this.spanFirst = id
        this.learn(peer, table, id, this.pathIds[index], accepted, attributes)
      }
    }
  }

  /** Forgets every prefix of a judged NLRI span. */
  forgetSpan(peer: number, family: Family, bytes: Uint8Array, from: number, to: number, addPath: boolean): void {
    const table = this.tables[family]
    const { prefixes } = table
    this.spanFirst = NONE
    if (!isRouted(family)) {
      const forget = (id: PrefixId, pathId: number): void => {
        if (this.spanFirst === NONE) this.spanFirst = id
        this.forget(peer, table, id, pathId)
      }
      this.carried.forget(prefixes as KeyTable, bytes, from, to, addPath, forget)
      return
    }
    const per = prefixes.wordsPerPrefix
    for (let at = from; at < to; ) {
      at = this.readSome(bytes, at, to, addPath, per)
      prefixes.touch(this.words, this.lengths, this.read, this.hashes)
      for (let index = 0; index < this.read; index++) {
        const id = prefixes.find(this.words, index * per, this.lengths[index], this.hashes[index])
        if (this.spanFirst === NONE) this.spanFirst = id
        if (id !== -1) this.forget(peer, table, id, this.pathIds[index])
      }
    }
  }

  /** Reads as many prefixes of a judged span as there is room for; returns where the next one begins. */
  private readSome(bytes: Uint8Array, at: number, to: number, addPath: boolean, per: number): number {
    const { words, lengths, pathIds, scratch } = this
    let count = 0
    for (; at < to && count < READ_MAX; count++) {
      let pathId = 0
      if (addPath) {
        pathId = ((bytes[at] << 24) | (bytes[at + 1] << 16) | (bytes[at + 2] << 8) | bytes[at + 3]) >>> 0
        at += 4
      }
      const length = bytes[at++]
      at = readPrefix(bytes, at, length, scratch)
      for (let word = 0; word < per; word++) words[count * per + word] = scratch[word]
      lengths[count] = length
      pathIds[count] = pathId
    }
    this.read = count
    return at
  }

  /** What policy on the way in makes of a set. What it rejects is kept as it is, and the decision process hears of it. */
  private letIn(peer: number, received: AttributeId): AttributeId {
    const policy = this.peers.accepts[peer] === Import.Asked ? this.peers.policy[peer] : undefined
    const verdict = policy === undefined ? received : policy.verdict(received)
    return verdict === REJECT ? received : verdict
  }

  /** `received`: the attributes before policy. */
  learn(
    peer: number,
    table: RibTable,
    id: PrefixId,
    pathId: number,
    attributes: AttributeId,
    received: AttributeId = attributes
  ): void {
    const { paths, store } = this
    if (id >= table.heads.length) table.fit()
    const { family } = table.prefixes
    const generation = this.peers.generation[family][peer]
    const head = table.heads[id]
    const isLong = this.long.has(family, id)
    let last: PathRef = 0
    let length = 0
    for (let path = isLong ? this.long.find(family, id, peer, pathId) : head; path !== 0; path = paths.next[path]) {
      last = path
      length++
      if (paths.peer[path] !== peer || paths.pathIdOf(path) !== pathId) continue
      const isLeftOver = paths.generation[path] !== generation
      if (received !== attributes || paths.hasChanged) this.noteReceived(table, id, path, attributes, received)
      if (paths.attributes[path] !== attributes) this.replace(table, id, path, attributes)
      else if (isLeftOver && this.hasEnded(family, path)) table.markChanged(id)
      if (!isLeftOver) return
      paths.generation[path] = generation
      this.peers.told[family][peer]++
      if (this.isSummed) this.countTold(table, path, this.hashOf(table, id, path))
      return
    }
    const path = paths.add(peer, pathId, attributes, generation)
    store.retain(attributes)
    if (received !== attributes || paths.hasChanged) this.noteReceived(table, id, path, attributes, received)
    if (head === 0) table.heads[id] = path
    else paths.insertAfter(isLong ? head : last, path)
    if (isLong) this.long.add(family, id, path)
    else if (length >= LIST_LONG) this.long.begin(family, id, head)
    table.prefixes.retain(id)
    this.peers.received[family][peer]++
    this.peers.told[family][peer]++
    this.count(table, id, path, 1)
    table.markChanged(id)
  }

  private noteReceived(
    table: RibTable,
    id: PrefixId,
    path: PathRef,
    attributes: AttributeId,
    received: AttributeId
  ): void {
    const { paths, store } = this
    if (paths.receivedOf(path) !== received) table.markChanged(id)
    if (received !== attributes) store.retain(received)
    const before = paths.noteReceived(path, received === attributes ? -1 : received)
    if (before !== -1) store.release(before)
  }

  forget(peer: number, table: RibTable, id: PrefixId, pathId: number): void {
    const { paths } = this
    const { family } = table.prefixes
    if (this.long.has(family, id)) {
      const path = this.long.find(family, id, peer, pathId)
      if (path !== 0) this.unlink(table, id, paths.beforeOf(path), path)
      return
    }
    let last: PathRef = 0
    for (let path = table.heads[id] ?? 0; path !== 0; last = path, path = paths.next[path]) {
      if (paths.peer[path] === peer && paths.pathIdOf(path) === pathId) {
        this.unlink(table, id, last, path)
        return
      }
    }
  }

  /** Whether a path is left over from before its peer's last restart or refresh. */
  isLeftOver(family: Family, path: PathRef): boolean {
    return this.paths.generation[path] !== this.peers.generation[family][this.paths.peer[path]]
  }

  /** Whether a path is left over and not in use: it goes as a sweep comes by. */
  private hasEnded(family: Family, path: PathRef): boolean {
    const { endedBefore, generation } = this.peers
    const peer = this.paths.peer[path]
    return hasEnded(this.paths.generation[path], generation[family][peer], endedBefore[family][peer])
  }

  /** Whether a path is left over and in use. */
  isStale(family: Family, path: PathRef): boolean {
    return this.isLeftOver(family, path) && !this.hasEnded(family, path)
  }

  /** RFC 9494 §4.2: what prefix `id` has left over from a peer lives on as least preferred, unless it bears NO_LLGR. */
  ageLeftOver(peer: number, table: RibTable, id: PrefixId): void {
    const { paths, store } = this
    const { family } = table.prefixes
    let last: PathRef = 0
    for (let path = table.heads[id]; path !== 0; ) {
      const after = paths.next[path]
      const old = paths.peer[path] === peer && this.isLeftOver(family, path)
      const traits = store.traits[paths.attributes[path]]
      if (old && (traits & Trait.NoLongLived) !== 0) this.unlink(table, id, last, path)
      else {
        if (old && (traits & Trait.LongLivedStale) === 0) {
          const aged = withLongLivedStale(store, paths.attributes[path])
          this.replace(table, id, path, aged)
          store.discardUnused(aged)
        }
        last = path
      }
      path = after
    }
  }

  private replace(table: RibTable, id: PrefixId, path: PathRef, attributes: AttributeId): void {
    const { paths, store } = this
    const before = paths.attributes[path]
    this.count(table, id, path, -1)
    store.retain(attributes)
    paths.attributes[path] = attributes
    store.release(before)
    this.count(table, id, path, 1)
    table.markChanged(id)
  }

  private unlink(table: RibTable, id: PrefixId, before: PathRef, path: PathRef): void {
    const { paths } = this
    const peer = paths.peer[path]
    const { family } = table.prefixes
    this.count(table, id, path, -1)
    if (!this.isLeftOver(family, path)) this.peers.told[family][peer]--
    table.markChanged(id)
    const after = paths.takeOut(before, path)
    if (before === 0) table.heads[id] = after
    if (this.long.count > 0) this.long.remove(family, id, path)
    const received = this.peers.received[family]
    assert(received[peer] > 0, "a peer lost more paths than it had")
    received[peer]--
    const attributes = paths.attributes[path]
    const noted = paths.hasChanged ? paths.noteReceived(path, -1) : -1
    if (noted !== -1) this.store.release(noted)
    paths.remove(path)
    this.store.release(attributes)
    table.prefixes.release(id)
  }

  private hashOf(table: RibTable, id: PrefixId, path: PathRef): number {
    const { paths } = this
    const peer = paths.peer[path]
    const which = peer === SELF ? 0 : (peer << 16) ^ paths.pathIdOf(path)
    return foldSigned(foldSigned(table.prefixes.hashOf(id), which), this.store.hashes[paths.attributes[path]])
  }
}

/** Reads the prefix octets at `at` into words, bits beyond `length` cleared (RFC 4271 §4.3: they are irrelevant); returns what follows. */
export const readPrefix = (bytes: Uint8Array, at: number, length: number, words: Uint32Array): number => {
  if (length <= 32) {
    let word = 0
    const octets = (length + 7) >>> 3
    if (octets > 0) word = bytes[at] << 24
    if (octets > 1) word |= bytes[at + 1] << 16
    if (octets > 2) word |= bytes[at + 2] << 8
    if (octets > 3) word |= bytes[at + 3]
    words[0] = length === 0 ? 0 : word & (-1 << (32 - length))
    words[1] = 0
    words[2] = 0
    words[3] = 0
    return at + octets
  }
  const octets = (length + 7) >>> 3
  for (let index = 0; index < 4; index++) {
    let word = 0
    for (let octet = 0; octet < 4; octet++) {
      const place = index * 4 + octet
      word = (word << 8) | (place < octets ? bytes[at + place] : 0)
    }
    const bits = Math.min(32, Math.max(0, length - index * 32))
    words[index] = bits === 0 ? 0 : word & (-1 << (32 - bits))
  }
  return at + octets
}
