// One family of the RIB: its prefixes, the list of paths of each, and the set of prefixes that changed since the last decision.
import { grown, type PrefixId, type PrefixTable } from "./prefix-table.ts"

export class RibTable {
  readonly prefixes: PrefixTable
  /** First path of each prefix, the best one after a decision; 0 where there is none. */
  heads: Uint32Array
  private changedBits: Uint32Array
  private changedIds: Uint32Array = new Uint32Array(1024)
  changedCount = 0

  constructor(prefixes: PrefixTable) {
    this.prefixes = prefixes
    this.heads = new Uint32Array(prefixes.capacity)
    this.changedBits = new Uint32Array((prefixes.capacity >>> 5) + 1)
  }

  /** Room for every prefix there is. To be called after interning, before a column is written. */
  fit(): void {
    const capacity = this.prefixes.capacity
    if (this.heads.length >= capacity) return
    this.heads = grown(this.heads, capacity)
    this.changedBits = grown(this.changedBits, (capacity >>> 5) + 1)
  }

  markChanged(id: PrefixId): void {
    const bit = 1 << (id & 31)
    if ((this.changedBits[id >>> 5] & bit) !== 0) return
    this.changedBits[id >>> 5] |= bit
    if (this.changedCount === this.changedIds.length)
      this.changedIds = grown(this.changedIds, this.changedIds.length * 2)
    this.changedIds[this.changedCount++] = id
    // Whoever waits for a decision holds the prefix: its number must not be given to another one in between.
    this.prefixes.retain(id)
  }

  changedAt(index: number): PrefixId {
    return this.changedIds[index]
  }

  clearChanged(): void {
    for (let index = 0; index < this.changedCount; index++) {
      const id = this.changedIds[index]
      this.changedBits[id >>> 5] &= ~(1 << (id & 31))
      this.prefixes.release(id)
    }
    this.changedCount = 0
  }
}
