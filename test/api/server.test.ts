// The API over real sockets, with a daemon that is plain data: what is asked, what comes back, and who may connect.
import { chmodSync, existsSync, mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs"
import { type IncomingMessage, request } from "node:http"
import { createServer } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Scope from "effect/Scope"
import { afterEach, beforeEach, describe, expect, it } from "vitest"
import { serveApi } from "../../src/api/index.ts"
import { type FakeDaemon, GRAPH, makeFakeDaemon, PEER, ROUTES } from "./fake-port.ts"

interface Answer {
  readonly status: number
  readonly type: string
  readonly text: string
}

let directory: string
let socket: string
let scope: Scope.Closeable

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "backwalk-api-"))
  socket = join(directory, "run", "control.sock")
  scope = Effect.runSync(Scope.make())
})

afterEach(async () => {
  await Effect.runPromise(Scope.close(scope, Exit.void))
  rmSync(directory, { recursive: true })
})

const serve = (daemon: FakeDaemon, http = "") =>
  Effect.runPromise(
    serveApi({ socket, http }).pipe(Effect.provide(daemon.layer), Effect.provideService(Scope.Scope, scope))
  )

const refusal = (daemon: FakeDaemon, http = "") =>
  Effect.runPromise(
    serveApi({ socket, http }).pipe(
      Effect.flip,
      Effect.provide(daemon.layer),
      Effect.provideService(Scope.Scope, scope)
    )
  )

const ask = (path: string, options: { method?: string; body?: string; headers?: Record<string, string> } = {}) =>
  new Promise<Answer>((resolve, reject) => {
    const sent = request({ socketPath: socket, path, method: options.method ?? "GET", headers: options.headers ?? {} })
    sent.on("error", reject)
    sent.on("response", (response) => {
      let text = ""
      response.setEncoding("utf8")
      response.on("data", (chunk: string) => {
        text += chunk
      })
      response.on("end", () =>
        resolve({ status: response.statusCode ?? 0, type: response.headers["content-type"] ?? "", text })
      )
      response.on("error", reject)
    })
    sent.end(options.body)
  })

/** The answer's body, still to be read. */
const open = (path: string) =>
  new Promise<IncomingMessage>((resolve, reject) => {
    const sent = request({ socketPath: socket, path }, resolve)
    sent.on("error", reject)
    sent.end()
  })

const post = (path: string, body?: unknown) =>
  ask(path, {
    method: "POST",
    ...(body === undefined ? {} : { body: JSON.stringify(body), headers: { "content-type": "application/json" } })
  })

describe("questions over the control socket", () => {
  it("answers with one JSON value where the daemon gives one", async () => {
    await serve(makeFakeDaemon())
    const answer = await ask("/v1/peers")
    expect(answer.status).toBe(200)
    expect(JSON.parse(answer.text)).toEqual([PEER])
  })

  it("answers with NDJSON where the daemon gives a table", async () => {
    await serve(makeFakeDaemon())
    const answer = await ask("/v1/routes")
    expect(answer.type).toBe("application/x-ndjson")
    expect(answer.text).toBe(ROUTES.map((route) => `${JSON.stringify(route)}\n`).join(""))
  })

  it.each([
    ["ok", 204],
    ["degraded", 503],
    ["stopping", 503]
  ])("tells probes whether it is ready: %s", async (status, ready) => {
    await serve(makeFakeDaemon({ health: () => ({ status }) }))
    expect([(await ask("/liveness")).status, (await ask("/readiness")).status]).toEqual([204, ready])
  })

  it("hands parameters on in canonical form and leaves out flags that are false", async () => {
    const daemon = makeFakeDaemon({ peers: () => [{ ...PEER, address: "fe80::1%eth0" }] })
    await serve(daemon)
    await ask("/v1/routes?prefix=2001:0DB8::/32&longer&best=false&peer=FE80:0::1%25eth0")
    expect(daemon.questions.at(-1)?.[1]).toEqual({ prefix: "2001:db8::/32", longer: "true", peer: "fe80::1%eth0" })
  })

  it.each([
    ["/v1/routes?prefix=10.0.0.1/8", "prefix=10.0.0.1/8: expected a prefix without host bits"],
    ["/v1/routes?perfix=10.0.0.0/8", 'unknown parameter "perfix"; known here: prefix, peer'],
    ["/v1/routes?advertised", "advertised needs peer"],
    ["/v1/routes?toString=1", 'unknown parameter "toString"'],
    ["/v1/fib?lookup=here", "lookup=here: expected an address"],
    ["/v1/kernel?waiting=maybe", "waiting=maybe: expected true or false"],
    ["/v1/health?x", "health takes none"]
  ])("refuses %s and says why", async (path, why) => {
    const daemon = makeFakeDaemon()
    await serve(daemon)
    const answer = await ask(path)
    expect(answer.status).toBe(400)
    expect(JSON.parse(answer.text).error).toContain(why)
    expect(daemon.questions).toEqual([])
  })

  it("draws the forwarding graph for Graphviz, each node once and quoted", async () => {
    await serve(makeFakeDaemon())
    expect(JSON.parse((await ask("/v1/graph?prefix=198.51.100.0/24")).text)).toEqual(GRAPH)
    const { text, type } = await ask("/v1/graph?prefix=198.51.100.0/24&dot")
    expect(type).toContain("text/plain")
    expect(text).toMatch(/^digraph forwarding \{\n/)
    expect(text).toContain('"prefix 198.51.100.0/24" -> "path-list 5"\n')
    expect(text).toContain('"path-list 5" -> "path-list 2" [label="192.0.2.7"]\n')
    expect(text).toContain('"path-list 2" -> "interface eth0"\n')
    expect(text).toContain('"path-list 5" -> "interface et\\"h1" [label="192.0.2.8 weight 3"]\n')
    expect(text).toContain('"path-list 5" -> "loop" [label="192.0.2.9"]\n')
  })

  it("says 404 for what the daemon does not have, for a peer that is not there, and for paths that lead nowhere", async () => {
    await serve(makeFakeDaemon())
    expect(await ask("/v1/fanout")).toMatchObject({ status: 404, text: '{"error":"this daemon has no fanout"}' })
    for (const path of ["/v1/kernel/settled", "/v1/peers?address=192.0.2.8", "/v1/routes?peer=192.0.2.8", "/nothing"])
      expect(await ask(path)).toMatchObject({ status: 404 })
  })

  it("draws a long table no faster than its reader takes it, and ends it when the reader goes away", async () => {
    let drawn = 0
    let ended = false
    function* endless(): Generator<unknown> {
      try {
        for (;;) yield { row: drawn++, padding: "x".repeat(100) }
      } finally {
        ended = true
      }
    }
    await serve(makeFakeDaemon({ routes: endless }))
    const response = await open("/v1/routes")
    await new Promise((resolve) => response.once("data", resolve))
    response.pause()
    // Once the socket's buffers are full, nothing more is drawn.
    let before = -1
    await expect
      .poll(() => {
        const isStill = drawn === before
        before = drawn
        return isStill
      })
      .toBe(true)
    expect(ended).toBe(false)
    response.destroy()
    await expect.poll(() => ended).toBe(true)
  })

  it("sends a large table whole", async () => {
    const count = 20_000
    await serve(
      makeFakeDaemon({
        routes: function* () {
          for (let row = 0; row < count; row++) yield { row }
        }
      })
    )
    const lines = (await ask("/v1/routes")).text.trimEnd().split("\n")
    expect(lines).toHaveLength(count)
    expect(JSON.parse(lines[count - 1]!)).toEqual({ row: count - 1 })
  })
})

describe("orders", () => {
  it("passes an action on a peer to the daemon", async () => {
    const daemon = makeFakeDaemon()
    await serve(daemon)
    expect((await post("/v1/peers/192.0.2.7/reset")).status).toBe(200)
    expect(daemon.commands).toEqual([{ command: "peer", address: "192.0.2.7", action: "reset" }])
  })

  it("passes on what the peer is to be told, and how soft the reset is to be", async () => {
    const daemon = makeFakeDaemon()
    await serve(daemon)
    expect((await post("/v1/peers/192.0.2.7/disable", { message: "back at 4" })).status).toBe(200)
    expect((await post("/v1/peers/192.0.2.7/reset", { message: "", soft: true })).status).toBe(200)
    expect((await post("/v1/peers/192.0.2.7/reset", { soft: false })).status).toBe(200)
    expect(daemon.commands).toEqual([
      { command: "peer", address: "192.0.2.7", action: "disable", message: "back at 4" },
      { command: "peer", address: "192.0.2.7", action: "reset", soft: true },
      { command: "peer", address: "192.0.2.7", action: "reset" }
    ])
  })

  it.each([
    ["enable", { message: "hello" }, "enable tells the peer nothing: leave message out"],
    ["disable", { soft: true }, "soft is for reset, not for disable"],
    ["disable", { message: "é".repeat(128) }, "the message has 256 bytes, and RFC 9003 allows 255"],
    ["disable", { why: "maintenance" }, 'expected nothing, or {"message": TEXT, "soft": true or false}'],
    ["reset", { soft: "yes" }, 'expected nothing, or {"message": TEXT, "soft": true or false}'],
    ["reset", [], 'expected nothing, or {"message": TEXT, "soft": true or false}']
  ])("refuses %s with %j and says why", async (action, body, why) => {
    const daemon = makeFakeDaemon()
    await serve(daemon)
    const answer = await post(`/v1/peers/192.0.2.7/${action}`, body)
    expect([answer.status, JSON.parse(answer.text).error]).toEqual([400, why])
    expect(daemon.commands).toEqual([])
  })

  it("refuses unknown peers, unknown actions and things that are no address", async () => {
    const daemon = makeFakeDaemon()
    await serve(daemon)
    expect((await post("/v1/peers/192.0.2.8/reset")).status).toBe(404)
    expect((await post("/v1/peers/192.0.2.7/explode")).status).toBe(404)
    expect((await post("/v1/peers/transit/reset")).status).toBe(400)
    expect(daemon.commands).toEqual([])
  })

  it("withdraws and announces in canonical form", async () => {
    const daemon = makeFakeDaemon()
    await serve(daemon)
    const body = { withdraw: ["2001:DB8::/32"], announce: [{ prefix: "10.1.0.0/16", communities: ["65000:1"] }] }
    expect((await post("/v1/routes", body)).status).toBe(200)
    expect(daemon.commands).toEqual([
      { command: "withdraw", prefix: "2001:db8::/32" },
      { command: "announce", route: { prefix: "10.1.0.0/16", communities: ["65000:1"] } }
    ])
  })

  it.each([
    [{ announce: [{ prefix: "10.1.0.0/16" }, { prefix: "10.1.0.1/16" }] }],
    [{ announce: [{ prefix: "10.1.0.0/16", communities: ["65536:1"] }] }],
    [{ announce: "10.1.0.0/16" }],
    [{ anounce: [] }],
    ["text"]
  ])("changes nothing when any part of %j is wrong", async (body) => {
    const daemon = makeFakeDaemon()
    await serve(daemon)
    expect((await post("/v1/routes", body)).status).toBe(400)
    expect(daemon.commands).toEqual([])
  })

  it("says 409 with the daemon's own words when the daemon refuses", async () => {
    await serve(makeFakeDaemon())
    const answer = await post("/v1/routes", { withdraw: ["10.0.0.0/8"] })
    expect(answer).toMatchObject({ status: 409, text: '{"error":"10.0.0.0/8 was not announced here"}' })
  })
})

describe("events, metrics and descriptions", () => {
  it("sends notices as server-sent events", async () => {
    const daemon = makeFakeDaemon()
    await serve(daemon)
    const notice = { kind: "peer-up", level: "info", message: "192.0.2.7 is established" } as const
    const response = await open("/v1/events")
    // Told until heard: a notice from before the subscription is rightly lost.
    const teller = setInterval(() => Effect.runFork(daemon.tell(notice)), 5)
    let received = ""
    for await (const chunk of response) {
      received =
        String(chunk)
          .split("\n")
          .find((line) => line.startsWith("data: ")) ?? ""
      if (received !== "") break
    }
    clearInterval(teller)
    expect(JSON.parse(received.slice("data: ".length))).toEqual(notice)
  })

  it("gives Prometheus each metric once with its samples together", async () => {
    await serve(makeFakeDaemon())
    const { text, type } = await ask("/metrics")
    expect(type).toContain("version=0.0.4")
    expect(text).toContain('backwalk_peer_established{peer="192.0.2.7",asn="64500"} 1')
    expect(text).toContain('backwalk_peer_prefixes{peer="192.0.2.7",asn="64500",kind="accepted"} 2')
    expect(text).toContain('backwalk_pool{pool="out",kind="leased"} 1')
    expect(text).toContain("backwalk_buffers_packed_sets 7")
    expect(text).toContain("backwalk_health_counters_batches 5")
    const types = text.split("\n").filter((line) => line.startsWith("# TYPE"))
    expect(new Set(types).size).toBe(types.length)
  })

  it("describes itself", async () => {
    await serve(makeFakeDaemon())
    const paths = Object.keys(JSON.parse((await ask("/openapi.json")).text).paths)
    expect(paths).toEqual(
      expect.arrayContaining(["/v1/peers", "/v1/routes", "/v1/events", "/v1/peers/{address}/{action}"])
    )
  })

  it("serves a looking glass that loads nothing from elsewhere", async () => {
    await serve(makeFakeDaemon())
    const { text, type } = await ask("/")
    expect(type).toContain("text/html")
    expect(text).not.toMatch(/(src|href)\s*=|https?:\/\//)
  })
})

describe("who may connect", () => {
  it("creates the directory, and a socket that only its owner may open", async () => {
    await serve(makeFakeDaemon())
    expect(statSync(socket).mode & 0o777).toBe(0o600)
  })

  it("leaves no socket behind", async () => {
    await serve(makeFakeDaemon())
    await Effect.runPromise(Scope.close(scope, Exit.void))
    expect(existsSync(socket)).toBe(false)
  })

  it("replaces the socket of a daemon that died", async () => {
    await serve(makeFakeDaemon())
    await Effect.runPromise(Scope.close(scope, Exit.void))
    await leaveStaleSocket(socket)
    scope = Effect.runSync(Scope.make())
    await serve(makeFakeDaemon())
    expect((await ask("/v1/peers")).status).toBe(200)
  })

  it("refuses to take the socket of a daemon that lives, and does not disturb it", async () => {
    await serve(makeFakeDaemon())
    const second = await refusal(makeFakeDaemon())
    expect(second.message).toContain("another daemon answers")
    expect((await ask("/v1/peers")).status).toBe(200)
  })

  it("does not remove a file that is no socket", async () => {
    socket = join(directory, "precious")
    writeFileSync(socket, "data")
    expect((await refusal(makeFakeDaemon())).message).toContain("is no socket")
    expect(existsSync(socket)).toBe(true)
  })

  it("says which permission is missing", async () => {
    chmodSync(directory, 0o500)
    const error = await asNobody(() => refusal(makeFakeDaemon()))
    chmodSync(directory, 0o700)
    expect(error.status).toBe(4)
    expect(error.message).toContain("permission denied")
  })

  it("serves TCP on loopback, and refuses requests that came under another name or from another site", async () => {
    const { http } = await serve(makeFakeDaemon(), "127.0.0.1:0")
    expect((await fetch(`${http}v1/peers`)).status).toBe(200)
    const port = Number(new URL(http).port)
    const over = (headers: Record<string, string>, method = "GET") =>
      new Promise<number>((resolve, reject) => {
        const sent = request({ host: "127.0.0.1", port, path: "/v1/peers", method, headers }, (response) => {
          response.resume()
          resolve(response.statusCode ?? 0)
        })
        sent.on("error", reject)
        sent.end()
      })
    expect(await over({ host: "evil.example" })).toBe(403)
    expect(await over({ host: `127.0.0.1:${port}`, origin: "http://evil.example" }, "POST")).toBe(403)
  })

  it("refuses to serve TCP beyond this host", async () => {
    expect((await refusal(makeFakeDaemon(), "0.0.0.0:8179")).message).toContain("only loopback addresses are served")
  })
})

/** A socket file that nobody listens on, as a crash leaves it: the file outlives the listener when it is renamed away first. */
const leaveStaleSocket = async (path: string): Promise<void> => {
  const { renameSync } = await import("node:fs")
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(`${path}.live`, resolve))
  renameSync(`${path}.live`, path)
  await new Promise<void>((resolve) => server.close(() => resolve()))
}

/** Root may do anything: step down for a moment, so that a permission can be missing. */
const asNobody = async <A>(action: () => Promise<A>): Promise<A> => {
  if (process.getuid?.() !== 0) return action()
  process.seteuid?.(65534)
  try {
    return await action()
  } finally {
    process.seteuid?.(0)
  }
}
