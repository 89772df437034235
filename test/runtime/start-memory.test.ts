// What the start needed is given back: only pages that are as the file has them. docs/PERFORMANCE.md
import { spawnSync } from "node:child_process"
import { readFileSync } from "node:fs"
import { join } from "node:path"
import { describe, expect, it } from "vitest"
import { unchangedPages } from "../../src/runtime/start-memory.ts"

const mapping = (range: string, access: string, file: string, anonymous: number): string =>
  [
    `${range} ${access} 00001000 fe:00 77                         ${file}`,
    "Size:               4096 kB",
    "Rss:                 800 kB",
    "Private_Dirty:         0 kB",
    `Anonymous:         ${anonymous} kB`,
    "VmFlags: rd mr mw me"
  ].join("\n")

describe("memory of the start", () => {
  it("is pages of the program that nobody writes to and nobody has written to", () => {
    const smaps = [
      mapping("400000-401000", "r--p", "/opt/node", 0),
      mapping("401000-500000", "r-xp", "/opt/node", 0),
      mapping("500000-501000", "r--p", "/opt/node", 24),
      mapping("501000-600000", "rw-p", "/opt/node", 0),
      mapping("700000-701000", "r-xp", "/lib/libc.so.6", 0),
      mapping("800000-801000", "r--s", "/opt/node", 0),
      mapping("900000-901000", "rw-p", "", 400)
    ].join("\n")
    expect(unchangedPages(smaps, "/opt/node")).toEqual([
      { from: 0x40_0000n, length: 0x1000n },
      { from: 0x40_1000n, length: 0xf_f000n }
    ])
  })

  it("is there in this very program", () => {
    expect(unchangedPages(readFileSync("/proc/self/smaps", "latin1"), process.execPath).length).toBeGreaterThan(0)
  })

  it("goes, and the program runs on with less", () => {
    const script = `
      import { readFileSync } from "node:fs"
      import { Effect } from "effect"
      import { releaseStartMemory } from ${JSON.stringify(join(import.meta.dirname, "../../src/runtime/start-memory.ts"))}
      const resident = () => Number(/^RssFile:\\s+(\\d+)/m.exec(readFileSync("/proc/self/status", "latin1"))[1])
      const before = resident()
      Effect.runSync(releaseStartMemory)
      console.log(JSON.stringify({ before, after: resident(), sum: [1, 2, 3].reduce((sum, one) => sum + one, 0) }))
    `
    const { stdout, stderr } = spawnSync(process.execPath, ["--input-type=module", "-e", script], {
      encoding: "utf8",
      cwd: join(import.meta.dirname, "../..")
    })
    expect(stderr).toBe("")
    const { before, after, sum } = JSON.parse(stdout) as { before: number; after: number; sum: number }
    expect(sum).toBe(6)
    expect(after).toBeLessThan(before)
  })

  it("is followed by no collection of the heap because tables outside of it grow", () => {
    const script = `
      import { PerformanceObserver } from "node:perf_hooks"
      import { Effect } from "effect"
      import { releaseStartMemory } from ${JSON.stringify(join(import.meta.dirname, "../../src/runtime/start-memory.ts"))}
      // What the daemon's tables are promised from the start.
      const promise = () => new ArrayBuffer(110 * 2 ** 20)
      const promised = process.argv[1] === "released" ? promise() : undefined
      if (process.argv[1] === "released") Effect.runSync(releaseStartMemory)
      const turn = () => new Promise((resolve) => setTimeout(resolve, 2))
      await turn()
      let collections = 0
      new PerformanceObserver((list) => {
        for (const { detail } of list.getEntries()) if (detail.kind === 4) collections++
      }).observe({ entryTypes: ["gc"] })
      const late = promised ?? promise()
      const columns = Array.from({ length: 8 }, () => new ArrayBuffer(65536))
      while (columns[0].byteLength < 2 ** 22) {
        for (const index of columns.keys()) columns[index] = columns[index].transfer(columns[index].byteLength * 2)
        await turn()
      }
      // A collection that was begun ends when the collector's threads get to it; one that was not begun never does.
      for (let turns = 0; turns < 50 || (process.argv[1] === "never" && collections === 0); turns++) await turn()
      console.log(collections, late.byteLength)
    `
    const count = (when: string): number =>
      Number.parseInt(
        spawnSync(process.execPath, ["--input-type=module", "-e", script, when], {
          encoding: "utf8",
          cwd: join(import.meta.dirname, "../..")
        }).stdout
      )
    expect(count("never")).toBeGreaterThan(0)
    expect(count("released")).toBe(0)
  })
})
