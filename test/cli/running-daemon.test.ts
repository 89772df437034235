// A daemon as a process, with peers over real TCP: what operators see of it, what SIGHUP does to sessions, and what orders tell peers.
// Each test begins with every session up and leaves it so.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { connect, type Socket } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { demoPrefixes, demoTable } from "../../src/runtime/demo-table.ts"
import { type Capability, MessageType } from "../../src/wire/index.ts"
import { backwalk, type RunningDaemon, startDaemon } from "./process.ts"
import { type Speaker, startSpeaker } from "./speaker.ts"

const PASSWORD = "never-to-be-seen"
const PREFIXES = 20
const RESTARTS: Capability = {
  _tag: "GracefulRestart",
  restarting: false,
  notification: true,
  timeS: 120,
  families: [{ afi: 1, safi: 1, forwarding: true }]
}

type Row = Readonly<Record<string, unknown>>

let directory: string
let file: string
let socket: string
let daemon: RunningDaemon
let plain: Speaker
let rich: Speaker

/** `more` goes to the second peer, `others` are peers beside the two. */
const write = (more = "", others = "", router = ""): void =>
  writeFileSync(
    file,
    `router: { asn: 65000, id: 192.0.2.1${router} }
listen: ["127.0.0.1:0"]
api: { socket: ${socket} }
groups:
  all: { policy: open, idle-hold: 1, connect-retry: 1 }
  leaves: { policy: open }
peers:
  - { address: 127.0.0.11, port: ${plain.port}, asn: 64511, group: all${more} }
  - { address: 127.0.0.12, port: ${rich.port}, asn: 64512, group: all, graceful-restart: true, role: provider, extended-message: true, name: rich }
  - { address: 127.0.0.13, asn: 64513, group: all, password: ${PASSWORD}, ttl-security: true, passive: true }
${others}
dynamic: [{ range: 127.0.1.0/24, group: leaves, asn: any, limit: 1 }]
`
  )

const ask = async (...args: ReadonlyArray<string>): Promise<Row> =>
  JSON.parse((await backwalk(["show", ...args, "--json", "--socket", socket])).out) as Row

const peer = async (address: string): Promise<Row> => {
  const rows = (await ask("peers", address)) as unknown as ReadonlyArray<Row>
  return rows[0]!
}

const order = (...args: ReadonlyArray<string>) => backwalk(["peer", ...args, "--socket", socket])

/** Asks again until it holds; the test's own deadline is the bound. */
const until = async (holds: () => boolean | Promise<boolean>): Promise<void> => {
  while (!(await holds())) await new Promise((resolve) => setTimeout(resolve, 50))
}

const isUp = async (address: string): Promise<boolean> => (await peer(address))["state"] === "Established"

const applied = (): number => daemon.said().split("configuration applied").length - 1

/** Reads the configuration again, and waits until it is applied. */
const reload = async (): Promise<void> => {
  const before = applied()
  daemon.child.kill("SIGHUP")
  await until(() => applied() > before)
}

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), "backwalk-running-"))
  file = join(directory, "backwalk.yaml")
  socket = join(directory, "control.sock")
  plain = await startSpeaker({ address: "127.0.0.11", asn: 64511 })
  rich = await startSpeaker({
    address: "127.0.0.12",
    asn: 64512,
    updates: demoTable(demoPrefixes(PREFIXES, 7), { asn: 64512, nextHops: [0x7f00_000c], seed: 7 }).updates,
    capabilities: [
      RESTARTS,
      { _tag: "ExtendedMessage" },
      { _tag: "EnhancedRouteRefresh" },
      { _tag: "Role", role: 3 },
      { _tag: "Fqdn", host: "edge", domain: "example.net" },
      { _tag: "SoftwareVersion", version: "speaker 1.0" }
    ]
  })
  write()
  daemon = startDaemon(file)
  // The control socket is there before any peer is.
  await until(() => applied() > 0)
  await until(() => isUp("127.0.0.11"))
  await until(() => isUp("127.0.0.12"))
}, 60_000)

afterAll(async () => {
  const status = await daemon.end()
  plain.end()
  rich.end()
  rmSync(directory, { recursive: true })
  expect(status).toBe(0)
  expect(daemon.said()).not.toContain(PASSWORD)
})

describe("show", () => {
  it("has what the two OPENs agreed on as one value", async () => {
    expect(await peer("127.0.0.12")).toMatchObject({
      name: "rich",
      state: "Established",
      hostname: "edge.example.net",
      softwareVersion: "speaker 1.0",
      dynamic: false,
      md5: false,
      ttlSecurity: false,
      restarting: false,
      prefixes: { stale: 0 },
      negotiated: {
        as4: true,
        holdTime: 90,
        keepalive: 30,
        remoteAs: 64512,
        remoteId: "10.0.0.12",
        families: ["ipv4-unicast"],
        addPath: { receive: [], send: [] },
        extendedMessage: true,
        extendedNextHop: false,
        routeRefresh: true,
        enhancedRouteRefresh: true,
        gracefulRestart: {
          time: 120,
          restarting: false,
          notification: true,
          families: ["ipv4-unicast"],
          forwarding: ["ipv4-unicast"]
        },
        longLived: null,
        role: { own: "provider", remote: "customer", announced: true }
      }
    })
    expect(await peer("127.0.0.11")).toMatchObject({
      hostname: null,
      negotiated: { extendedMessage: false, gracefulRestart: null, role: null }
    })
  })

  it("says of a peer without a session that nothing is negotiated, and that a password protects it, not which", async () => {
    const answer = await backwalk(["show", "peers", "127.0.0.13", "--json", "--socket", socket])
    expect(JSON.parse(answer.out)).toMatchObject([{ state: "Active", negotiated: null, md5: true, ttlSecurity: true }])
    expect(answer.out).not.toContain(PASSWORD)
  })

  it("counts the routes of a peer that restarts, which stay in use [RFC 4724 §4.2]", async () => {
    await until(async () => ((await peer("127.0.0.12"))["prefixes"] as Row)["received"] === PREFIXES)
    rich.leave()
    await until(async () => (await peer("127.0.0.12"))["restarting"] === true)
    expect(await peer("127.0.0.12")).toMatchObject({
      negotiated: null,
      prefixes: { received: PREFIXES, stale: PREFIXES },
      stale: { "ipv4-unicast": PREFIXES, "ipv6-unicast": 0 }
    })
    expect((await backwalk(["show", "peers", "--socket", socket])).out).toMatch(/127\.0\.0\.12 .*\(restarting\)/)
    rich.comeBack()
    await until(async () => (await peer("127.0.0.12"))["restarting"] === false)
    expect(await peer("127.0.0.12")).toMatchObject({ state: "Established", prefixes: { received: PREFIXES, stale: 0 } })
  })

  it("prints a table with a line for each peer", async () => {
    const { out } = await backwalk(["show", "peers", "--socket", socket])
    const [titles, ...lines] = out.trimEnd().split("\n")
    expect(titles).toMatch(/^PEER +AS +NAME +STATE +SINCE/)
    expect(lines).toHaveLength(3)
  })

  it("counts who is refused by the cause, and shows a peer from a range", async () => {
    const port = Number(/listening on 127\.0\.0\.1:(\d+)/.exec(daemon.said())![1])
    const sockets: Array<Socket> = []
    const from = (localAddress: string): Promise<void> =>
      new Promise((resolve) => {
        const one = connect({ host: "127.0.0.1", port, localAddress }, resolve)
        one.on("error", () => undefined)
        sockets.push(one)
      })
    await from("127.0.1.1")
    await until(async () => (await peer("127.0.1.1")) !== undefined)
    expect(await peer("127.0.1.1")).toMatchObject({ dynamic: true, range: "127.0.1.0/24", state: "OpenSent" })
    await from("127.0.1.2")
    await from("127.0.2.1")
    await until(async () => ((await ask("health"))["refused"] as Row)["unknownPeer"] === 1)
    expect(await ask("health")).toMatchObject({
      peers: { configured: 3, dynamic: 1, established: 2 },
      refused: { unknownPeer: 1, rangeFull: 1, tooManyPeers: 0, byPeer: 0, tooManyConnections: 0, unprotected: 0 },
      droppedPackets: { md5Absent: expect.any(Number), wrongTtl: expect.any(Number) }
    })
    for (const one of sockets) one.destroy()
  })
})

describe("SIGHUP", () => {
  it("resets the peer that the session is another one for, and no other", async () => {
    const before = await peer("127.0.0.12")
    const [changed, untouched] = [plain.opens.length, rich.opens.length]
    write(", hold-time: 30")
    await reload()
    await until(() => plain.opens.length === changed + 1)
    await until(() => isUp("127.0.0.11"))
    expect(await peer("127.0.0.11")).toMatchObject({ negotiated: { holdTime: 30 } })
    const after = await peer("127.0.0.12")
    expect([after["state"], after["since"], rich.opens.length]).toEqual(["Established", before["since"], untouched])
    expect(rich.notifications).toEqual([])
  })

  it("changes limits, timers of the next try, how routes are judged and told, and our name without a new session; the next one hears the name", async () => {
    const before = [await peer("127.0.0.11"), await peer("127.0.0.12")]
    write(
      ", hold-time: 30, max-prefixes: 10, prefix-warning: 80, prefix-restart: never, delay-open: 1, damping: false, weight: 7, allow-own-as: 1, as-override: true",
      "",
      ", hostname: edge1"
    )
    await reload()
    const after = [await peer("127.0.0.11"), await peer("127.0.0.12")]
    expect(after.map((row) => [row["state"], row["since"]])).toEqual(before.map((row) => [row["state"], row["since"]]))
    const told = rich.opens.length
    await order("127.0.0.12", "reset")
    await until(() => rich.opens.length > told)
    expect(rich.opens.at(-1)!.capabilities).toContainEqual({ _tag: "Fqdn", host: "edge1", domain: "" })
    await until(() => isUp("127.0.0.12"))
  })

  it("adds a peer and removes it again with a word, beside sessions that stay [RFC 4486 §4]", async () => {
    const before = await peer("127.0.0.12")
    const third = await startSpeaker({ address: "127.0.0.14", asn: 64514 })
    write("", `  - { address: 127.0.0.14, port: ${third.port}, asn: 64514, group: all }`)
    await reload()
    await until(() => isUp("127.0.0.14"))
    write()
    await reload()
    await until(() => third.notifications.length > 0)
    expect(third.words()).toEqual(["Cease, Peer De-configured"])
    expect((await backwalk(["show", "peers", "127.0.0.14", "--socket", socket])).status).toBe(1)
    expect((await peer("127.0.0.12"))["since"]).toBe(before["since"])
    third.end()
    await until(() => isUp("127.0.0.11"))
  })

  it("refuses what needs a restart, and says of the rest what does", async () => {
    const text = readFileSync(file, "utf8")
    const before = [await peer("127.0.0.11"), await peer("127.0.0.12")]
    writeFileSync(file, text.replace("asn: 65000", "asn: 65001"))
    daemon.child.kill("SIGHUP")
    await until(() => daemon.said().includes("a new router.asn, router.id, listen or kernel needs a restart"))
    writeFileSync(file, text.replace(`socket: ${socket}`, `socket: ${socket}, http: "127.0.0.1:0"`))
    await reload()
    expect(daemon.said()).toContain("api, log and fanout are read at start only")
    const after = [await peer("127.0.0.11"), await peer("127.0.0.12")]
    expect(after.map((row) => row["since"])).toEqual(before.map((row) => row["since"]))
    write()
  })

  it("keeps everything as it was when the file has errors, and names them", async () => {
    const before = [await peer("127.0.0.11"), await peer("127.0.0.12")]
    write(", hold-time: 2")
    daemon.child.kill("SIGHUP")
    await until(() => daemon.said().includes("the configuration stays as it was:\n"))
    expect(daemon.said()).toMatch(/backwalk\.yaml:8:\d+: a hold time is 0 \(never expires\) or at least 3 seconds/)
    const after = [await peer("127.0.0.11"), await peer("127.0.0.12")]
    expect(after.map((row) => row["since"])).toEqual(before.map((row) => row["since"]))
    write()
  })
})

describe("peer", () => {
  it("tells the peer why it is disabled, and stays down until it is enabled [RFC 9003 §2]", async () => {
    plain.notifications.length = 0
    expect(await order("127.0.0.11", "disable", "--message", "Umzug bis 4 Uhr – NOC")).toMatchObject({ status: 0 })
    await until(() => plain.notifications.length > 0)
    expect(plain.words()).toEqual([`Cease, Administrative Shutdown: "Umzug bis 4 Uhr – NOC"`])
    expect(await peer("127.0.0.11")).toMatchObject({ state: "Idle", enabled: false, negotiated: null })
    expect((await backwalk(["show", "peers", "--socket", socket])).out).toContain("Idle (disabled)")
    expect(await order("127.0.0.11", "refresh")).toMatchObject({
      status: 1,
      err: "127.0.0.11 is not up: there is nothing to refresh\n"
    })
    expect(await order("127.0.0.11", "enable")).toMatchObject({ status: 0 })
    await until(() => isUp("127.0.0.11"))
  })

  it("resets softly where both sides keep the routes, and hard when told so [RFC 8538 §3]", async () => {
    rich.notifications.length = 0
    expect(await order("127.0.0.12", "reset", "--soft", "--message", "soft")).toMatchObject({ status: 0 })
    await until(() => rich.notifications.length === 1)
    await until(() => isUp("127.0.0.12"))
    expect(await order("127.0.0.12", "reset", "--message", "hard")).toMatchObject({ status: 0 })
    await until(() => rich.notifications.length === 2)
    expect(rich.notifications.map(({ code, subcode }) => [code, subcode])).toEqual([
      [6, 4],
      [6, 9]
    ])
    expect(rich.words()).toEqual([
      'Cease, Administrative Reset: "soft"',
      'Cease, Hard Reset: Cease, Administrative Reset: "hard"'
    ])
    await until(() => isUp("127.0.0.12"))
  })

  it("refreshes both ways, and the session stays [RFC 2918 §4]", async () => {
    const before = await peer("127.0.0.11")
    plain.types.length = 0
    expect(await order("127.0.0.11", "refresh")).toMatchObject({ status: 0 })
    await until(() => plain.types.includes(MessageType.RouteRefresh) && plain.types.includes(MessageType.Update))
    expect((await peer("127.0.0.11"))["since"]).toBe(before["since"])
  })

  it("ends the session when a BFD daemon says that the path is gone, and tries again [RFC 9384 §3]", async () => {
    plain.notifications.length = 0
    expect(await order("127.0.0.11", "bfd-down")).toMatchObject({ status: 0 })
    await until(() => plain.notifications.length > 0)
    expect(plain.words()).toEqual(["Cease, BFD Down"])
    await until(() => isUp("127.0.0.11"))
    expect((await peer("127.0.0.11"))["lastNotification"]).toMatchObject({ direction: "sent", code: 6, subcode: 10 })
  })

  it("refuses a soft reset that would lose routes", async () => {
    const before = await peer("127.0.0.11")
    expect(await order("127.0.0.11", "reset", "--soft")).toMatchObject({
      status: 1,
      err: expect.stringContaining("not agreed to keep routes over a reset (RFC 8538)")
    })
    expect((await peer("127.0.0.11"))["since"]).toBe(before["since"])
  })
})
