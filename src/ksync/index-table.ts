// Indices that we give out ourselves: the lowest free one first, as the source does.

export class IndexTable {
  private readonly used: Uint8Array
  constructor(size: number) {
    this.used = new Uint8Array(size)
  }

  /** Undefined: none is left. */
  take(): number | undefined {
    const index = this.used.indexOf(0)
    if (index === -1) return undefined
    this.used[index] = 1
    return index
  }

  give(index: number): void {
    this.used[index] = 0
  }
}
