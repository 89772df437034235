// The command line as scripts see it: the program is spawned, and its exit status and what it prints where are what counts.
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { createRequire } from "node:module"
import { tmpdir } from "node:os"
import { join } from "node:path"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Scope from "effect/Scope"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { serveApi } from "../../src/api/index.ts"
import { VERSION } from "../../src/cli/version.ts"
import { BatchWriter, encodeHeader } from "../../src/eventlog/index.ts"
import { type FakeDaemon, makeFakeDaemon, PEER, ROUTES } from "../api/fake-port.ts"
import { backwalk, NOBODY } from "./process.ts"

let directory: string
let socket: string
let scope: Scope.Closeable
let daemon: FakeDaemon

/** How far the kernel has come. */
let kernel = { revision: 3, settled: 3, missing: { waiting: 0, failed: 0 } }

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), "backwalk-cli-"))
  socket = join(directory, "control.sock")
  scope = Effect.runSync(Scope.make())
  daemon = makeFakeDaemon({ walks: () => ({ kernel }) })
  await Effect.runPromise(
    serveApi({ socket, http: "" }).pipe(Effect.provide(daemon.layer), Effect.provideService(Scope.Scope, scope))
  )
})

afterAll(async () => {
  await Effect.runPromise(Scope.close(scope, Exit.void))
  rmSync(directory, { recursive: true })
})

const file = (name: string, content: string | Uint8Array): string => {
  const path = join(directory, name)
  writeFileSync(path, content)
  return path
}

describe("status 0: done", () => {
  it("prints help on stdout when asked", async () => {
    const { status, out, err } = await backwalk(["show", "routes", "--help"])
    expect({ status, err }).toEqual({ status: 0, err: "" })
    expect(out).toContain("--advertised")
  })

  it("prints the version of the package", async () => {
    const { version } = createRequire(import.meta.url)("../../package.json") as { readonly version: string }
    expect(await backwalk(["--version"])).toEqual({ status: 0, out: `backwalk ${version}\n`, err: "" })
    expect(VERSION).toBe(version)
  })

  it("prints completions for a shell", async () => {
    const { status, out } = await backwalk(["--completions", "bash"])
    expect(status).toBe(0)
    expect(out).toContain("backwalk")
  })

  it("accepts a configuration, in TypeScript too", async () => {
    const path = file("router.ts", `const asn: number = 65000\nexport default { router: { asn, id: "192.0.2.1" } }\n`)
    const { status, out, err } = await backwalk(["check", path])
    expect({ status, out, err }).toEqual({ status: 0, out: `${path}: good: AS 65000, 0 peers, no kernel\n`, err: "" })
  })

  it("prints the configuration's JSON Schema without a file", async () => {
    const { status, out } = await backwalk(["check", "--schema"])
    expect(status).toBe(0)
    expect(JSON.parse(out)).toMatchObject({ type: "object", properties: { router: {} } })
  })

  it("prints JSON exactly as the daemon gives it", async () => {
    expect(await backwalk(["show", "peers", "--json", "--socket", socket])).toEqual({
      status: 0,
      out: `${JSON.stringify([PEER])}\n`,
      err: ""
    })
    expect(await backwalk(["--socket", socket, "--json", "show", "routes"])).toEqual({
      status: 0,
      out: `${JSON.stringify(ROUTES[0])}\n`,
      err: ""
    })
  })

  it("prints tables for people", async () => {
    const { status, out } = await backwalk(["show", "routes", "--best", "--socket", socket])
    expect(status).toBe(0)
    const [titles, row] = out.split("\n")
    expect(titles).toMatch(/PREFIX +PEER +NEXT HOP/)
    expect(row).toMatch(/^\* {2}198\.51\.100\.0\/24 {2}192\.0\.2\.7 /)
    expect(daemon.questions.at(-1)).toEqual(["routes", { best: "true" }])
  })

  it("prints everything about one peer for people", async () => {
    const { status, out } = await backwalk(["show", "peers", "192.0.2.7", "--socket", socket])
    expect(status).toBe(0)
    expect(out).toMatch(/^address +192\.0\.2\.7$/m)
    expect(out).toMatch(/^negotiated$/m)
    expect(out).toMatch(/^ +holdTime +90$/m)
    expect(daemon.questions.at(-1)).toEqual(["peers", { address: "192.0.2.7" }])
  })

  it("shows no password when it prints a configuration", async () => {
    const path = file(
      "secret.yaml",
      `router: { asn: 65000, id: 192.0.2.1 }
groups: { closed: { password: s3cret, policy: open } }
peers: [{ address: 192.0.2.7, asn: 1, group: closed }]
dynamic: [{ range: 198.51.100.0/24, asn: any, group: closed }]
`
    )
    const text = await backwalk(["check", path])
    expect(text).toEqual({ status: 0, out: `${path}: good: AS 65000, 1 peer, 1 range, no kernel\n`, err: "" })
    const json = await backwalk(["check", path, "--json"])
    expect(json.status).toBe(0)
    expect(json.out).not.toContain("s3cret")
    expect(JSON.parse(json.out).router.dynamic[0].peer.password).toBe("(set)")
  })

  it("gives orders", async () => {
    const to = ["--socket", socket]
    expect((await backwalk(["peer", "192.0.2.7", "reset", ...to])).status).toBe(0)
    expect((await backwalk(["peer", "192.0.2.7", "disable", "--message", "back at 4", ...to])).status).toBe(0)
    expect((await backwalk(["peer", "192.0.2.7", "reset", "--soft", ...to])).status).toBe(0)
    expect((await backwalk(["announce", "10.1.0.0/16", "10.2.0.0/16", "--community", "65000:1", ...to])).status).toBe(0)
    expect((await backwalk(["withdraw", "10.1.0.0/16", ...to])).status).toBe(0)
    expect((await backwalk(["resync", ...to])).status).toBe(0)
    expect(daemon.commands).toEqual([
      { command: "peer", address: "192.0.2.7", action: "reset" },
      { command: "peer", address: "192.0.2.7", action: "disable", message: "back at 4" },
      { command: "peer", address: "192.0.2.7", action: "reset", soft: true },
      { command: "announce", route: { prefix: "10.1.0.0/16", communities: ["65000:1"] } },
      { command: "announce", route: { prefix: "10.2.0.0/16", communities: ["65000:1"] } },
      { command: "withdraw", prefix: "10.1.0.0/16" },
      { command: "resync" }
    ])
  })

  it("waits until the kernel has what is wanted; what is missing, or not there in time, is a no", async () => {
    const to = ["--socket", socket]
    expect(await backwalk(["settle", ...to])).toMatchObject({ status: 0, out: "all that is wanted is in the kernel\n" })
    kernel = { ...kernel, settled: 2 }
    const asked = daemon.questions.length
    const waiting = backwalk(["settle", "--json", ...to])
    // Once it was looked at twice it is being waited for; what is wanted meanwhile is not.
    while (daemon.questions.length < asked + 2) await new Promise((resolve) => setTimeout(resolve, 5))
    kernel = { ...kernel, revision: 9, settled: 3 }
    expect(JSON.parse((await waiting).out)).toEqual({ settled: true, revision: 3, waiting: 0, failed: 0 })
    kernel = { revision: 3, settled: 3, missing: { waiting: 2, failed: 1 } }
    const missing = await backwalk(["settle", "--json", ...to])
    expect([missing.status, JSON.parse(missing.out)]).toEqual([
      1,
      { settled: true, revision: 3, waiting: 2, failed: 1 }
    ])
    expect(missing.err).toContain("objects that wait: 2, that the kernel refused: 1")
    kernel = { ...kernel, settled: 2 }
    const late = await backwalk(["settle", "--within", "0", ...to])
    expect([late.status, late.err]).toEqual([1, expect.stringContaining("not yet")])
    const never = await backwalk(["settle", "--within", "-1", ...to])
    expect(never.err).toContain("within=-1: expected seconds, from 0 to 3600")
    kernel = { revision: 3, settled: 3, missing: { waiting: 0, failed: 0 } }
  })

  it("decodes messages from an argument and from stdin, one line each", async () => {
    const keepalive = `${"ff".repeat(16)}001304`
    const { status, out } = await backwalk(["decode", keepalive])
    expect(status).toBe(0)
    expect(JSON.parse(out)).toMatchObject({ length: 19 })
    const spaced = keepalive.replace(/../g, "$& ")
    expect((await backwalk(["decode", "-"], { input: `${spaced}\n${spaced}` })).out).toBe(out + out)
  })

  it("prints a log as NDJSON and in numbers, and mentions a torn tail", async () => {
    const path = file("run.log", logBytes())
    const { status, out, err } = await backwalk(["log", "cat", path])
    expect({ status, err }).toEqual({ status: 0, err: "" })
    expect(JSON.parse(out)).toMatchObject({ seq: 0, records: [{ kind: "Timer", timer: 7 }] })
    const torn = file("torn.log", logBytes().slice(0, -3))
    const stats = await backwalk(["log", "stats", torn, "--json"])
    expect(stats.status).toBe(0)
    expect(JSON.parse(stats.out)).toMatchObject({ seed: 5, batches: 0, end: { state: "torn" } })
    expect(stats.err).toContain("torn at byte")
  })
})

describe("status 1: the answer is no", () => {
  it("says so when nothing matches", async () => {
    const ended = await backwalk(["show", "routes", "203.0.113.0/24", "--socket", socket])
    expect(ended).toEqual({ status: 1, out: "", err: "routes: nothing matches\n" })
  })

  it("says so in the daemon's own words", async () => {
    const to = ["--socket", socket]
    expect(await backwalk(["peer", "192.0.2.9", "reset", ...to])).toMatchObject({
      status: 1,
      err: "there is no peer 192.0.2.9\n"
    })
    expect(await backwalk(["show", "routes", "--peer", "192.0.2.9", "--advertised", ...to])).toEqual({
      status: 1,
      out: "",
      err: "there is no peer 192.0.2.9\n"
    })
    expect(await backwalk(["withdraw", "10.0.0.0/8", ...to])).toMatchObject({
      status: 1,
      err: "10.0.0.0/8 was not announced here\n"
    })
  })

  it("names the byte at which a log cannot be believed", async () => {
    const bytes = logBytes()
    bytes[bytes.length - 1]! ^= 0xff
    const { status, err } = await backwalk(["replay", file("corrupt.log", bytes)])
    expect(status).toBe(1)
    expect(err).toMatch(/corrupt\.log: corrupt at byte \d+/)
    expect(await backwalk(["log", "cat", file("no.log", "no log at all, whatever the name says")])).toMatchObject({
      status: 1,
      err: expect.stringContaining("no.log: at byte 0")
    })
  })

  it("says what is wrong with a message", async () => {
    const { status, err } = await backwalk(["decode", `${"ff".repeat(16)}001309`])
    expect(status).toBe(1)
    expect(err).toContain("decode: malformed")
  })
})

describe("status 2: usage or configuration", () => {
  it.each([
    [["shwo"], "show"],
    [["show"], "peers"],
    [["show", "routes", "--bset"], "--best"],
    [["run"], "--config"],
    [["peer", "192.0.2.7", "explode"], "explode"],
    [["peer", "192.0.2.7", "reset", "--hard"], "--hard"],
    [["decode", "xyz"], '"x" is not a hex digit'],
    [["decode", "fff"], "no whole number of bytes"],
    [["decode", "--add-path", "ipv5", "ff"], 'unknown family "ipv5"'],
    [["explain", "LOG"], "--route PREFIX"],
    [["replay", "LOG", "--until", "soon"], "--until soon"]
  ])("explains %j on stderr only", async (args, words) => {
    const { status, out, err } = await backwalk(args)
    expect({ status, out }).toEqual({ status: 2, out: "" })
    expect(err).toContain(words)
  })

  it("names file, line and column of every error in a configuration, for check and for run", async () => {
    const path = file("bad.yaml", "router: { asn: 65000, id: here }\npers: []\n")
    for (const args of [
      ["check", path],
      ["run", "--config", path]
    ]) {
      const { status, out, err } = await backwalk(args)
      expect({ status, out }).toEqual({ status: 2, out: "" })
      expect(err.trimEnd().split("\n")).toEqual([
        expect.stringContaining(`${path}:1:27: "here" is not a router id`),
        `${path}:2:1: unknown key "pers"; did you mean "peers"?`
      ])
    }
  })

  it("passes on what the daemon does not understand", async () => {
    const { status: refused, err: why } = await backwalk(["peer", "192.0.2.7", "enable", "--soft", "--socket", socket])
    expect({ refused, why }).toEqual({ refused: 2, why: "soft is for reset, not for enable\n" })
    const { status, err } = await backwalk(["show", "routes", "10.0.0.1/8", "--socket", socket])
    expect(status).toBe(2)
    expect(err).toContain("without host bits")
  })
})

describe("status 3: the daemon cannot be reached", () => {
  it("says how to start one, or to name its socket", async () => {
    const { status, err } = await backwalk(["show", "peers", "--socket", join(directory, "nobody.sock")])
    expect(status).toBe(3)
    expect(err).toContain("backwalk run --config FILE")
    expect(err).toContain("--socket PATH")
  })
})

describe("status 4: a permission is missing", () => {
  it("names the socket", async () => {
    // Root may open anything: as root, the command runs as somebody else, to whom the socket does not belong.
    const isRoot = process.getuid?.() === 0
    if (!isRoot) chmodSync(socket, 0)
    const { status, err } = await backwalk(["show", "peers", "--socket", socket], isRoot ? { privileges: NOBODY } : {})
    if (!isRoot) chmodSync(socket, 0o600)
    expect(status).toBe(4)
    expect(err).toContain(`permission denied for the control socket ${socket}`)
  })
})

/** A log of one batch with one record. */
const logBytes = (): Uint8Array => {
  const header = encodeHeader({ programVersion: VERSION, startedAt: 1_000_000, seed: 5 })
  const writer = new BatchWriter()
  writer.append({ seq: 0, at: 2_000_000, records: [{ _tag: "Timer", timer: 7 }] })
  const bytes = new Uint8Array(header.length + writer.length)
  bytes.set(header)
  bytes.set(writer.bytes.subarray(0, writer.length), header.length)
  return bytes
}
