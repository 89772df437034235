// Adj-out of an export class: for every prefix what its members have been told. Where all of them were told one route and only the peer
// that it came from was left out, that is two columns. Where members differ, or get several paths under identifiers (RFC 7911), the
// prefix has a list of routes, each with its audience.
import { assert, foldSigned, PEERS_MAX } from "../machine/index.ts"
import type { AttributeId, AttributeStore } from "./attribute-store.ts"
import { type AudienceId, Audiences } from "./audience.ts"
import { grown, type PrefixId, type PrefixTable } from "./prefix-table.ts"

/** The routes of one prefix, and who is told each. Reused from prefix to prefix. Holds its audiences until it is cleared. */
export class Routes {
  count = 0
  attributes: Uint32Array = new Uint32Array(FIRST_ROUTES)
  source: Uint16Array = new Uint16Array(FIRST_ROUTES)
  pathId: Uint32Array = new Uint32Array(FIRST_ROUTES)
  audience: Uint32Array = new Uint32Array(FIRST_ROUTES)

  /** The audience is held for the list by the caller. */
  push(attributes: AttributeId, source: number, pathId: number, audience: AudienceId): void {
    if (this.count === this.attributes.length) {
      const length = this.count * 2
      this.attributes = grown(this.attributes, length)
      this.source = grown(this.source, length)
      this.pathId = grown(this.pathId, length)
      this.audience = grown(this.audience, length)
    }
    this.attributes[this.count] = attributes
    this.source[this.count] = source
    this.pathId[this.count] = pathId
    this.audience[this.count++] = audience
  }

  clear(audiences: Audiences): void {
    for (let index = 0; index < this.count; index++) audiences.release(this.audience[index])
    this.count = 0
  }
}

const FIRST_ROUTES = 8
const FIRST_ENTRIES = 1024

export class AdjOut {
  readonly audiences: Audiences = new Audiences()
  /** Set told for each prefix plus one; 0: none, or a list. */
  sent: Uint32Array
  /** The peer that was left out, because the route is its own. */
  sentSource: Uint16Array
  /** Of all routes, signed: see `digest`. Kept from the first time that anybody asks. */
  private sum = 0
  private isSummed = false
  /** Prefixes told in the short form, and of them those that each peer is left out of. */
  private sentCount = 0
  private readonly sentCountFrom: Uint32Array = new Uint32Array(PEERS_MAX)
  /** First entry of each prefix's list; 0: it has none. Absent until the first one. */
  private lists: Uint32Array | undefined
  private entryAttributes: Uint32Array = new Uint32Array(0)
  private entrySource: Uint16Array = new Uint16Array(0)
  private entryPathId: Uint32Array = new Uint32Array(0)
  private entryAudience: Uint32Array = new Uint32Array(0)
  private entryNext: Uint32Array = new Uint32Array(0)
  private entryFree = 0
  private entryBound = 1
  private readonly prefixes: PrefixTable
  private readonly store: AttributeStore

  constructor(prefixes: PrefixTable, store: AttributeStore) {
    this.prefixes = prefixes
    this.store = store
    this.sent = new Uint32Array(0)
    this.sentSource = new Uint16Array(0)
  }

  /** Sum over all routes of a hash of (prefix, attributes, source), in lists also of identifier and audience. */
  get digest(): number {
    if (!this.isSummed) {
      this.isSummed = true
      for (let id = 0; id < Math.min(this.sent.length, this.prefixes.bound); id++) {
        if (this.sent[id] !== 0) this.count(id, this.sent[id] - 1, this.sentSource[id], 1)
        for (let entry = this.lists?.[id] ?? 0; entry !== 0; entry = this.entryNext[entry])
          this.countEntry(id, entry, 1)
      }
    }
    return this.sum >>> 0
  }

  private count(id: PrefixId, attributes: AttributeId, source: number, sign: 1 | -1): void {
    if (this.isSummed) this.sum = (this.sum + Math.imul(this.hashOf(id, attributes, source), sign)) | 0
  }

  private countEntry(id: PrefixId, entry: number, sign: 1 | -1): void {
    if (this.isSummed) this.sum = (this.sum + Math.imul(this.entryHash(id, entry), sign)) | 0
  }

  /** Room for every prefix there is. */
  fit(): void {
    const capacity = this.prefixes.capacity
    if (this.sent.length >= capacity) return
    this.sent = grown(this.sent, capacity)
    this.sentSource = grown(this.sentSource, capacity)
    if (this.lists !== undefined) this.lists = grown(this.lists, capacity)
  }

  hasList(id: PrefixId): boolean {
    return this.lists !== undefined && this.lists[id] !== 0
  }

  hasRoutes(id: PrefixId): boolean {
    return id < this.sent.length && (this.sent[id] !== 0 || this.hasList(id))
  }

  /** Notes one route for all but its source: `sent` is its set plus one, or 0 for none. The prefix has no list. */
  note(id: PrefixId, sent: number, source: number): void {
    const before = this.sent[id]
    if (before !== 0) {
      this.count(id, before - 1, this.sentSource[id], -1)
      this.sentCountFrom[this.sentSource[id]]--
      this.sentCount--
    }
    if (sent !== 0) {
      this.store.retain(sent - 1)
      this.count(id, sent - 1, source, 1)
      this.sentCountFrom[source]++
      this.sentCount++
      if (before === 0) this.prefixes.retain(id)
    }
    this.sent[id] = sent
    this.sentSource[id] = source
    if (before === 0) return
    this.store.release(before - 1)
    if (sent === 0) this.prefixes.release(id)
  }

  /** Notes one route, or none, instead of whatever there was. */
  noteShort(id: PrefixId, sent: number, source: number): void {
    this.prefixes.retain(id)
    if (this.hasList(id)) this.dropList(id)
    this.note(id, sent, source)
    this.prefixes.release(id)
  }

  /** Notes a list of routes instead of whatever there was. */
  noteList(id: PrefixId, routes: Routes): void {
    this.prefixes.retain(id)
    for (let index = 0; index < routes.count; index++) this.store.retain(routes.attributes[index])
    if (this.hasList(id)) this.dropList(id)
    else this.note(id, 0, 0)
    for (let index = routes.count - 1; index >= 0; index--) {
      const { attributes, source, pathId, audience } = routes
      this.addEntry(id, attributes[index], source[index], pathId[index], audience[index])
    }
    if (routes.count === 0) this.prefixes.release(id)
  }

  /** Forgets everything that was told about a prefix. */
  forget(id: PrefixId): void {
    if (id >= this.sent.length) return
    if (this.hasList(id)) this.dropList(id)
    else this.note(id, 0, 0)
  }

  /** Reads what was told about a prefix. `short` is the audience of a route in the short form. */
  read(id: PrefixId, into: Routes, short: AudienceId): void {
    into.clear(this.audiences)
    if (id >= this.sent.length) return
    if (this.sent[id] !== 0) {
      this.audiences.retain(short)
      into.push(this.sent[id] - 1, this.sentSource[id], 0, short)
      return
    }
    for (let entry = this.lists?.[id] ?? 0; entry !== 0; entry = this.entryNext[entry]) {
      const audience = this.entryAudience[entry]
      this.audiences.retain(audience)
      into.push(this.entryAttributes[entry], this.entrySource[entry], this.entryPathId[entry], audience)
    }
  }

  /** Routes that a peer has been told, if it has been told everything. */
  routesTo(peer: number, slot: number): number {
    return this.sentCount - this.sentCountFrom[peer] + this.audiences.routesTo(slot)
  }

  /** Bytes of memory that the columns occupy. */
  get sizeBytes(): number {
    const lists = (this.lists?.byteLength ?? 0) + this.entryNext.length * ENTRY_BYTES
    return this.sent.byteLength + this.sentSource.byteLength + lists
  }

  private addEntry(id: PrefixId, attributes: AttributeId, source: number, pathId: number, audience: AudienceId): void {
    this.lists ??= new Uint32Array(this.sent.length)
    let entry = this.entryFree
    if (entry !== 0) this.entryFree = this.entryNext[entry]
    else entry = this.entryBound++
    if (entry >= this.entryNext.length) this.growEntries()
    this.entryAttributes[entry] = attributes
    this.entrySource[entry] = source
    this.entryPathId[entry] = pathId
    this.entryAudience[entry] = audience
    this.entryNext[entry] = this.lists[id]
    this.lists[id] = entry
    this.audiences.retain(audience)
    this.audiences.routes[audience]++
    this.countEntry(id, entry, 1)
  }

  private dropList(id: PrefixId): void {
    const lists = this.lists
    assert(lists !== undefined, "a list where none was made")
    for (let entry = lists[id]; entry !== 0; ) {
      const attributes = this.entryAttributes[entry]
      const audience = this.entryAudience[entry]
      const after = this.entryNext[entry]
      this.countEntry(id, entry, -1)
      this.audiences.routes[audience]--
      this.audiences.release(audience)
      this.store.release(attributes)
      this.entryNext[entry] = this.entryFree
      this.entryFree = entry
      entry = after
    }
    lists[id] = 0
    this.prefixes.release(id)
  }

  private growEntries(): void {
    const length = Math.max(FIRST_ENTRIES, this.entryNext.length * 2)
    this.entryAttributes = grown(this.entryAttributes, length)
    this.entrySource = grown(this.entrySource, length)
    this.entryPathId = grown(this.entryPathId, length)
    this.entryAudience = grown(this.entryAudience, length)
    this.entryNext = grown(this.entryNext, length)
  }

  private hashOf(id: PrefixId, attributes: AttributeId, source: number): number {
    return foldSigned(foldSigned(this.prefixes.hashOf(id), this.store.hashes[attributes]), source)
  }

  private entryHash(id: PrefixId, entry: number): number {
    const hash = this.hashOf(id, this.entryAttributes[entry], this.entrySource[entry])
    return foldSigned(foldSigned(hash, this.entryPathId[entry]), this.audiences.hashOf(this.entryAudience[entry]))
  }
}

const ENTRY_BYTES = 18
