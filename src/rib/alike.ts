// Whether two sets of attributes are the same to whoever is told them. Most of what can change in a set is written for everybody; MED,
// LOCAL_PREF, a next hop or what is not transitive is not, and a route in which nothing else changed is not told again (RFC 4271 §9.2).
import { isRouted } from "../wire/index.ts"
import { type AttributeId, type AttributeStore, CARRIED } from "./attribute-store.ts"
import { isOutside } from "./peers.ts"
import type { Selection } from "./selection.ts"
import type { ToldFrom } from "./told-from.ts"
import { type ExportParameters, exportedNextHop, type RouteSource, writeAttributes } from "./transform.ts"

/** Added to the mark of a source that is remembered (told-from.ts), so that it is no peer's number. */
export const HELD = 0x10000
const BYTES_MAX = 70_000
/** No source. */
const NOBODY = 0xffff_ffff

export class Likeness {
  private readonly store: AttributeStore
  private readonly selection: Selection
  private readonly toldFrom: ToldFrom
  private readonly inConfederation: boolean
  private readonly one: Uint8Array = new Uint8Array(BYTES_MAX)
  private readonly other: Uint8Array = new Uint8Array(BYTES_MAX)
  private parameters: ExportParameters | undefined
  /** Paths that differ may be told as the same: segments stay in the confederation (RFC 5065 §5.3), or a number is replaced. */
  private mayMerge = false
  /** The last question and its answer: prefixes that change together mostly change alike. */
  private readonly asked: Uint32Array = new Uint32Array(4)
  private answer = false

  constructor(store: AttributeStore, selection: Selection, toldFrom: ToldFrom, inConfederation: boolean) {
    this.store = store
    this.selection = selection
    this.toldFrom = toldFrom
    this.inConfederation = inConfederation
  }

  /** A new round: numbers of sets may have been given away since the last one. */
  begin(parameters: ExportParameters): void {
    this.parameters = parameters
    this.mayMerge = parameters.overriddenAs !== 0 || (this.inConfederation && isOutside(parameters.kind))
    this.asked.fill(NOBODY)
  }

  /** Whether set `a` of a route from one and set `b` of a route from another are told in the same bytes. */
  of(a: AttributeId, from: number, b: AttributeId, otherFrom: number): boolean {
    if (a === b && from === otherFrom) return true
    const { asked, parameters, store } = this
    // AS_PATH goes out to everybody, so that sets which differ in it differ.
    if (parameters === undefined || (store.pathHash[a] !== store.pathHash[b] && !this.mayMerge)) return false
    if (asked[0] === a && asked[1] === from && asked[2] === b && asked[3] === otherFrom) return this.answer
    asked[0] = a
    asked[1] = from
    asked[2] = b
    asked[3] = otherFrom
    this.answer = this.compare(parameters, a, from, b, otherFrom)
    return this.answer
  }

  /** Of a peer's number, or of a mark and HELD. */
  private sourceOf(source: number): RouteSource {
    return source < HELD ? this.selection.sourceOf(source) : this.toldFrom.sourceOf(source - HELD)
  }

  private compare(to: ExportParameters, a: AttributeId, from: number, b: AttributeId, otherFrom: number): boolean {
    const { store, one, other } = this
    const source = { ...this.sourceOf(from) }
    const otherSource = { ...this.sourceOf(otherFrom) }
    const end = writeAttributes(one, 0, store, a, source, to)
    if (writeAttributes(other, 0, store, b, otherSource, to) !== end || !isSame(one, 0, end, other, 0)) return false
    if (!isRouted(to.family)) return this.haveSameTail(a, b)
    const words = exportedNextHop(store, a, source, to)
    const others = exportedNextHop(store, b, otherSource, to)
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
