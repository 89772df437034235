// SIGHUP while the daemon starts: it ends nothing, and the configuration is read again once it can be.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { describe, expect, it } from "vitest"
import { startDaemon } from "./process.ts"

/** The process sends itself a hangup as soon as the program runs: then it listens to the end that others ask for. */
const HANGS_UP_EARLY = `data:text/javascript,${encodeURIComponent(`
process.on("newListener", function hangUp(name) {
  if (name !== "SIGTERM") return
  process.off("newListener", hangUp)
  setImmediate(() => process.kill(process.pid, "SIGHUP"))
})`)}`

describe("a hangup before the daemon listens to it", () => {
  it("does not end it, and is followed by a second reading of the configuration", async () => {
    const directory = mkdtempSync(join(tmpdir(), "backwalk-hangup-"))
    const file = join(directory, "backwalk.yaml")
    writeFileSync(
      file,
      `router: { asn: 65000, id: 192.0.2.1 }\nlisten: ["127.0.0.1:0"]\napi: { socket: ${join(directory, "control.sock")} }\n`
    )
    const daemon = startDaemon(file, ["--import", HANGS_UP_EARLY])
    const isOver = new Promise((resolve) => daemon.child.once("close", resolve))
    const isTwice = new Promise<void>((resolve) => {
      daemon.child.stderr?.on("data", () => {
        if (daemon.said().split("configuration applied").length > 2) resolve()
      })
    })
    await Promise.race([isTwice, isOver])
    expect([daemon.child.exitCode, daemon.child.signalCode]).toEqual([null, null])
    expect(daemon.said().split("configuration applied")).toHaveLength(3)
    expect(await daemon.end()).toBe(0)
    rmSync(directory, { recursive: true })
  }, 30_000)
})
