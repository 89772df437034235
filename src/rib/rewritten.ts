// Attributes as they were written for a kind of receiver, kept for whoever gets the same. What is written depends on less than what makes an
// export class: a peer that takes longer messages, several paths or stale routes is told of a route in the same attributes. So classes
// that differ in nothing else share what was written for one of them, in the same step; and within a class members share it that catch
// up one after the other. Where nobody shares, nothing is kept (ADR-0036, ADR-0060).
import { RepackCache, type RepackStats } from "../buffers/index.ts"
import { PEERS_MAX, REPACKED_BYTES_MAX } from "../machine/index.ts"
import type { AttributeId, AttributeStore } from "./attribute-store.ts"
import { type ExportParameters, type RouteSource, writeAttributes } from "./transform.ts"

/** Classes whose members get the same attributes of every route. */
interface Kind {
  readonly key: string
  /** Classes there are. */
  classes: number
  /** Its number in the cache: for routes that are not reflected, and by the router id that ORIGINATOR_ID may get, for those that are. */
  readonly context: number
  readonly reflected: Map<number, number>
}

export class RewrittenAttributes {
  private readonly store: AttributeStore
  private readonly cache: RepackCache = new RepackCache(REPACKED_BYTES_MAX)
  private readonly kinds: Map<string, Kind> = new Map()
  private readonly byParameters: Map<ExportParameters, Kind> = new Map()
  private next = 0
  private kind: Kind | undefined
  private isKept = false

  constructor(store: AttributeStore) {
    this.store = store
  }

  /** A class is there. */
  admit(parameters: ExportParameters): void {
    const key = kindOf(parameters)
    const kind = this.kinds.get(key) ?? { key, classes: 0, context: this.next++, reflected: new Map() }
    this.kinds.set(key, kind)
    this.byParameters.set(parameters, kind)
    kind.classes++
  }

  /** A class is gone. */
  dismiss(parameters: ExportParameters): void {
    const kind = this.byParameters.get(parameters)
    if (kind === undefined) return
    this.byParameters.delete(parameters)
    if (--kind.classes > 0) return
    this.kinds.delete(kind.key)
    this.cache.forget(kind.context)
    for (const context of kind.reflected.values()) this.cache.forget(context)
    this.releaseDropped()
  }

  /** From here on it is written for a class. `isCatchUp`: others of it will want the same soon. */
  begin(parameters: ExportParameters, isCatchUp: boolean): void {
    this.kind = this.byParameters.get(parameters)
    this.isKept = this.kind !== undefined && (isCatchUp || this.kind.classes > 1)
  }

  /** `writeAttributes`. */
  write(
    target: Uint8Array,
    at: number,
    attributes: AttributeId,
    source: RouteSource,
    parameters: ExportParameters
  ): number {
    if (!this.isKept || source.local) return writeAttributes(target, at, this.store, attributes, source, parameters)
    const context = source.internal ? this.reflectedBy(source.routerId) : this.kind!.context
    const copied = this.cache.copyTo(context, attributes, target, at)
    if (copied !== -1) return copied
    const end = writeAttributes(target, at, this.store, attributes, source, parameters)
    // Held, so that the number means this set as long as the bytes are kept.
    if (this.cache.put(context, attributes, target, at, end)) this.store.retain(attributes)
    if (this.cache.dropped.length > 0) this.releaseDropped()
    return end
  }

  /** Everybody has been told: what was written will not be wanted again. */
  clear(): void {
    this.cache.clear()
    this.releaseDropped()
  }

  stats(): RepackStats {
    return this.cache.stats()
  }

  private reflectedBy(routerId: number): number {
    const { reflected } = this.kind!
    const known = reflected.get(routerId)
    if (known !== undefined) return known
    if (reflected.size === PEERS_MAX) {
      for (const context of reflected.values()) this.cache.forget(context)
      reflected.clear()
    }
    const context = this.next++
    reflected.set(routerId, context)
    return context
  }

  private releaseDropped(): void {
    const { dropped } = this.cache
    for (const set of dropped) this.store.release(set)
    dropped.length = 0
  }
}

/**
 * All of the parameters but those that no attribute depends on. What is added to them is part of the key until somebody says otherwise
 * here.
 */
const kindOf = (parameters: ExportParameters): string => {
  const { family, longLived, messageBytesMax, addPathSend, open, policy, ...rest } = parameters
  // NEXT_HOP is an attribute of the set in IPv4 only; what stands in MP_REACH_NLRI is not among what is written here.
  if (family === 0) return JSON.stringify(rest)
  const { nextHopSelf, nextHopSelfInside, extendedNextHop, ...others } = rest
  return JSON.stringify({ isElsewhere: true, ...others })
}
