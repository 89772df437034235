// The closing line of `npm test`, which programs read, and what decides the exit status.
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest"
import { counted, lineOf, report } from "./step.ts"

let printed: Array<string> = []
beforeEach(() => {
  printed = []
  // The suite itself may be running where everything is required.
  vi.stubEnv("BACKWALK_REQUIRE_ALL", "")
  vi.spyOn(console, "log").mockImplementation((text: string) => printed.push(...text.split("\n")))
})
afterEach(() => {
  vi.restoreAllMocks()
  vi.unstubAllEnvs()
})

const step = (passed: number, failed: number, skipped = 0) => ({ name: "step", seconds: 1, passed, failed, skipped })

describe("the summary", () => {
  it("ends with the sums alone on a line, skipped tests only where there are some", () => {
    expect(report([step(3, 0), step(4, 0)], [])).toBe(0)
    expect(printed.at(-1)).toBe("7 passed, 0 failed")
    expect(report([step(3, 0), step(4, 0, 2)], ["bird"])).toBe(0)
    expect(printed.at(-1)).toBe("7 passed, 0 failed, 2 skipped")
    expect(lineOf({ passed: 0, failed: 1, skipped: 0 })).toBe("0 passed, 1 failed")
  })

  it("fails when a test failed, and when none ran", () => {
    expect(report([step(3, 1)], [])).toBe(1)
    expect(report([step(0, 0, 5)], [])).toBe(1)
  })

  it("names what is missing, with what to do about it", () => {
    report([step(1, 0, 1)], ["bird", "nix"])
    expect(printed.join("\n")).toContain("not tested: bird, nix")
    expect(printed.join("\n")).toContain("apt-get install bird2")
  })

  it("fails for what is missing where everything is required, even if no test noticed", () => {
    vi.stubEnv("BACKWALK_REQUIRE_ALL", "1")
    expect(report([step(5, 0, 1)], ["frr"])).toBe(1)
    expect(printed.at(-1)).toBe("5 passed, 1 failed, 1 skipped")
  })

  it("counts checks one by one", () => {
    expect(
      counted([
        ["good", undefined],
        ["bad", "no"]
      ])
    ).toEqual({ passed: 1, failed: 1, skipped: 0 })
    expect(printed).toEqual(["  ✓ good", "  × bad: no"])
  })
})
