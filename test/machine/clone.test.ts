// A deep copy is what it was copied from, down to the classes of its parts, and shares nothing with it.
import { describe, expect, it } from "vitest"
import { deepClone } from "../../src/machine/index.ts"

class Counted extends Map<string, number> {
  add(key: string): void {
    this.set(key, (this.get(key) ?? 0) + 1)
  }
}

class Names extends Set<string> {
  note(name: string): void {
    this.add(name)
  }
}

describe("a deep copy", () => {
  it("of a map or set with methods of its own has them too, and changes by itself", () => {
    const original = { counted: new Counted([["a", 1]]), names: new Names(["x"]) }
    const copy = deepClone(original)
    copy.counted.add("a")
    copy.names.note("y")
    expect([...copy.counted, ...copy.names]).toEqual([["a", 2], "x", "y"])
    expect([...original.counted, ...original.names]).toEqual([["a", 1], "x"])
  })
})
