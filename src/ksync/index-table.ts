// Indices that we give out ourselves. The source gives the lowest free one, so that a late word about an entry that is gone may meet the
// next one under its index; rotating, an index comes back only when all others have had their turn.

export class IndexTable {
  private readonly used: Uint8Array
  private readonly order: "lowest" | "rotating"
  private next = 0

  constructor(size: number, order: "lowest" | "rotating" = "lowest") {
    this.used = new Uint8Array(size)
    this.order = order
  }

  /** Undefined: none is left. */
  take(): number | undefined {
    const behind = this.used.indexOf(0, this.next)
    const index = behind === -1 ? this.used.indexOf(0) : behind
    if (index === -1) return undefined
    this.used[index] = 1
    if (this.order === "rotating") this.next = index + 1
    return index
  }

  give(index: number): void {
    if (index < this.used.length) this.used[index] = 0
  }
}
