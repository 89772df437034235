// Columns keep what was written to them when they grow, and are zero beyond it.
import { describe, expect, it } from "vitest"
import { grown, nextCapacity } from "../../src/machine/index.ts"

describe("columns", () => {
  it.each([Int32Array, Uint32Array, Uint16Array, Uint8Array, Float32Array])(
    "keeps the elements of a column that grows, with zeros behind them: %o",
    (Column) => {
      const column = new Column([1, 2, 3])
      const larger = grown(column, 6)
      expect(larger).toBeInstanceOf(Column)
      expect([...larger]).toEqual([1, 2, 3, 0, 0, 0])
    }
  )

  it("gives the memory of the smaller column back at once", () => {
    const column = new Uint32Array(1024)
    grown(column, 2048)
    expect(column.buffer.byteLength).toBe(0)
  })

  it("doubles small columns, and gives large ones room for a full table at once", () => {
    const sizes = [4096]
    while (sizes[0] < 1 << 22) sizes.unshift(nextCapacity(sizes[0]))
    expect(sizes.reverse()).toEqual([4096, 8192, 16_384, 32_768, 65_536, 1 << 20, 1 << 21, 1 << 22])
  })
})
