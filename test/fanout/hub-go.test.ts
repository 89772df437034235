// The daemon as a hub: what it originates and is told to announce arrives at a Go follower, and it says how it is itself.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { Deferred, Effect, Fiber } from "effect"
import { expect } from "vitest"
import { loadConfig, parseConfig } from "../../src/config/index.ts"
import type { Daemon } from "../../src/runtime/index.ts"
import { runDaemon } from "../../src/runtime/index.ts"
import { GobPeer } from "../support/gob-peer.ts"
import { requirement } from "../support/requirements.ts"

const go = requirement("go", "gobpeer")

const CONFIG = `
router: { asn: 65000, id: 192.0.2.1 }
listen: ["127.0.0.1:0"]
kernel: { model: true }
originate: [{ prefix: 198.51.100.0/24 }]
fanout: { serve: { listen: ["127.0.0.1:0"] } }
`

interface Shown {
  readonly serve: { readonly listening: ReadonlyArray<string>; readonly keys: number; readonly status: string }
}

go.describe("a daemon that serves followers", () => {
  go.it("tells them its table, in sync, and says in its health when it is not", async () => {
    const program = Effect.gen(function* () {
      const folder = mkdtempSync(join(tmpdir(), "backwalk-hub-"))
      const file = join(folder, "hub.yaml")
      writeFileSync(file, CONFIG)
      yield* Effect.addFinalizer(() => Effect.sync(() => rmSync(folder, { recursive: true })))
      const config = yield* loadConfig(file)
      const up = yield* Deferred.make<Daemon>()
      const surface = (daemon: Daemon) => Deferred.succeed(up, daemon)
      const running = yield* Effect.forkChild(runDaemon(config, { surface, programVersion: "test" }))
      const daemon = yield* Deferred.await(up)
      const isInSync = () => (daemon.query("fanout", {}) as Shown).serve.status === "in-sync"
      while (!isInSync()) yield* Effect.sleep("5 millis")
      yield* daemon.command({ command: "announce", route: { prefix: "203.0.113.0/24", communities: [] } })
      const shown = daemon.query("fanout", {}) as Shown
      const peer = new GobPeer(["client", "-addr", shown.serve.listening[0], "-proto", "modern"])
      expect(yield* Effect.promise(() => peer.exit())).toBe(0)
      const text = JSON.stringify(peer.lines)
      for (const key of [
        "route/main/ipv4-unicast/198.51.100.0-24",
        "route/main/ipv4-unicast/203.0.113.0-24",
        "hub/192.0.2.1"
      ]) {
        expect(text).toContain(`/backwalk/v1/${key}"`)
      }
      expect(daemon.query("health", {})).toMatchObject({ status: "ok", fanout: { inSync: true } })
      const reloaded = { ...config.router, peers: [SILENT_PEER] }
      yield* daemon.command({ command: "configure", seed: 1, config: { ...reloaded, publish: true } })
      expect(daemon.query("health", {})).toMatchObject({ status: "degraded", fanout: { inSync: false } })
      expect(daemon.query("fanout", { format: "prometheus" })).toContain("typha_connections_accepted 1\n")
      // A configuration without followers: they are served until the end all the same, and not left with what stands still.
      writeFileSync(file, CONFIG.replace(/^fanout.*$/m, "").replace("198.51.100.0/24", "192.0.2.0/24"))
      expect(yield* daemon.reload).toMatchObject({ ok: true })
      while (!isInSync()) yield* Effect.sleep("5 millis")
      const later = new GobPeer(["client", "-addr", shown.serve.listening[0], "-proto", "modern"])
      yield* Effect.promise(() => later.exit())
      expect(JSON.stringify(later.lines)).toContain("192.0.2.0-24")
      yield* Fiber.interrupt(running)
    })
    await Effect.runPromise(Effect.scoped(program) as Effect.Effect<void>)
  })
})

/** Nobody is there. */
const SILENT_PEER = Effect.runSync(
  parseConfig(`${CONFIG}peers: [{ address: 127.0.0.9, asn: 65001, policy: open, passive: true }]`, "hub.yaml")
).router.peers[0]
