// Whether two sets of attributes are the same to whoever is told them. Most of what can change in a set is written for everybody; MED,
// LOCAL_PREF, a next hop or what is not transitive is not, and a route in which nothing else changed is not told again (RFC 4271 §9.2).
import { isRouted } from "../wire/index.ts"
import { type AttributeId, type AttributeStore, CARRIED } from "./attribute-store.ts"
import { type ExportParameters, exportedNextHop, type RouteSource, writeAttributes } from "./transform.ts"

const BYTES_MAX = 70_000

export class Likeness {
  private readonly store: AttributeStore
  private readonly one: Uint8Array = new Uint8Array(BYTES_MAX)
  private readonly other: Uint8Array = new Uint8Array(BYTES_MAX)
  /** The last question and its answer: prefixes that change together mostly change alike. */
  private parameters: ExportParameters | undefined
  private share = 0
  private left: AttributeId = 0
  private right: AttributeId = 0
  private answer = false

  constructor(store: AttributeStore) {
    this.store = store
  }

  /** A new round: numbers of sets may have been given away since the last one. */
  begin(parameters: ExportParameters): void {
    this.parameters = parameters
    this.left = 0
    this.right = 0
    this.answer = true
  }

  /** `share`: a number that stands for `source`. */
  of(a: AttributeId, b: AttributeId, source: RouteSource, share: number): boolean {
    if (a === b) return true
    const { parameters, store } = this
    // AS_PATH goes out to everybody, so that sets which differ in it differ.
    if (parameters === undefined || store.pathHash[a] !== store.pathHash[b]) return false
    if (a === this.left && b === this.right && share === this.share) return this.answer
    this.left = a
    this.right = b
    this.share = share
    this.answer = this.compare(parameters, a, b, source)
    return this.answer
  }

  private compare(to: ExportParameters, a: AttributeId, b: AttributeId, source: RouteSource): boolean {
    const { store, one, other } = this
    const end = writeAttributes(one, 0, store, a, source, to)
    if (writeAttributes(other, 0, store, b, source, to) !== end) return false
    if (!isSame(one, 0, end, other, 0)) return false
    return isRouted(to.family) ? this.haveSameNextHop(to, a, b, source) : this.haveSameTail(a, b)
  }

  private haveSameNextHop(to: ExportParameters, a: AttributeId, b: AttributeId, source: RouteSource): boolean {
    const words = exportedNextHop(this.store, a, source, to)
    const others = exportedNextHop(this.store, b, source, to)
    return words.length === others.length && words.every((word, index) => word === others[index])
  }

  /** What stands behind the attributes of a carried route: its next hop and its value. */
  private haveSameTail(a: AttributeId, b: AttributeId): boolean {
    const { store } = this
    const length = store.nextHopLengthOf(a) & ~CARRIED
    if (length !== (store.nextHopLengthOf(b) & ~CARRIED)) return false
    const from = store.blockEndOf(a)
    return isSame(store.chunkOf(a), from, from + length, store.chunkOf(b), store.blockEndOf(b))
  }
}

const isSame = (bytes: Uint8Array, from: number, to: number, others: Uint8Array, at: number): boolean => {
  for (; from < to; from++, at++) if (bytes[from] !== others[at]) return false
  return true
}
