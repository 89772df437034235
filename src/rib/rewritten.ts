// Attributes as they are written for a class, kept for the next member of the class that catches up: peers that come together after a
// restart, or fall behind together, are served one after the other and need the same. What goes out to live members is written
// once for all of them and would only push this out.
import { RepackCache, type RepackStats } from "../buffers/index.ts"
import { REPACKED_BYTES_MAX } from "../machine/index.ts"
import type { AttributeId, AttributeStore } from "./attribute-store.ts"
import { type ExportParameters, type RouteSource, writeAttributes } from "./transform.ts"

export class RewrittenAttributes {
  private readonly store: AttributeStore
  private readonly cache: RepackCache = new RepackCache(REPACKED_BYTES_MAX)
  /** The class's number in the cache. */
  private readonly contexts: Map<ExportParameters, number> = new Map()
  private next = 0

  constructor(store: AttributeStore) {
    this.store = store
  }

  /** `writeAttributes` for an external route: its bytes depend on the set and the class only. */
  write(
    target: Uint8Array,
    at: number,
    attributes: AttributeId,
    source: RouteSource,
    parameters: ExportParameters
  ): number {
    const context = this.contextOf(parameters)
    const copied = this.cache.copyTo(context, attributes, target, at)
    if (copied !== -1) return copied
    const end = writeAttributes(target, at, this.store, attributes, source, parameters)
    // Held, so that the number means this set as long as the bytes are kept.
    if (this.cache.put(context, attributes, target, at, end)) this.store.retain(attributes)
    this.releaseDropped()
    return end
  }

  /** The class is gone: what was written for it will not be wanted again. */
  forget(parameters: ExportParameters): void {
    const context = this.contexts.get(parameters)
    if (context === undefined) return
    this.contexts.delete(parameters)
    this.cache.forget(context)
    this.releaseDropped()
  }

  stats(): RepackStats {
    return this.cache.stats()
  }

  private contextOf(parameters: ExportParameters): number {
    const known = this.contexts.get(parameters)
    if (known !== undefined) return known
    const context = this.next++
    this.contexts.set(parameters, context)
    return context
  }

  private releaseDropped(): void {
    const { dropped } = this.cache
    for (const set of dropped) this.store.release(set)
    dropped.length = 0
  }
}
