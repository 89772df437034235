// The demonstration as `npm start` runs it: in a private network namespace where there can be one, else with the model kernel.
import { execFile } from "node:child_process"
import { rmSync } from "node:fs"
import { dirname, join } from "node:path"
import { describe, expect, it } from "vitest"
import type { DemoSummary } from "../../src/runtime/demo-run.ts"
import { demoPrefixes, demoTable } from "../../src/runtime/demo-table.ts"
import { frame } from "../../src/wire/index.ts"
import { requirement } from "../support/requirements.ts"

const MAIN = join(import.meta.dirname, "../../src/main.ts")

const demo = (env: NodeJS.ProcessEnv): Promise<DemoSummary> =>
  new Promise((resolve, reject) => {
    execFile(process.execPath, [MAIN, "demo", "--once"], { env, timeout: 120_000 }, (error, stdout, stderr) => {
      if (error !== null) return reject(new Error(`${error.message}\n${stderr}`))
      const summary = JSON.parse(stdout) as DemoSummary
      rmSync(dirname(dirname(summary.log)), { recursive: true, force: true })
      resolve(summary)
    })
  })

describe("the demonstration", () => {
  requirement("namespaces").it("programs the kernel of a private network namespace", async () => {
    const summary = await demo(process.env)
    expect(summary.kernel).toMatchObject({ mode: "netlink", routes: 28_000, nexthops: 3 })
    expect(summary).toMatchObject({ routes: 40_001, fib: expect.any(Number), peers: [{ state: "Established" }, {}] })
  })

  it("programs the model kernel where there can be no namespace", async () => {
    // Without `unshare` in the path there is no way into a namespace.
    const summary = await demo({ ...process.env, PATH: "/nonexistent" })
    expect(summary.kernel).toMatchObject({ mode: "model", routes: 28_000, nexthops: 3 })
  })

  it("plays the same table every time, in messages that fit", () => {
    const table = () => demoTable(demoPrefixes(2000, 1), { asn: 64501, nextHops: [1, 2], seed: 5 })
    const { updates, prefixCount } = table()
    expect(table().updates).toEqual(updates)
    expect(prefixCount).toBe(2000)
    for (const update of updates) expect(frame(update, 0, update.length, 4096)).toBe(update.length)
  })
})
