// A thousand connections from a stranger and a thousand from a peer's own address, over real TCP against a daemon as a process:
// each is closed, counted and (the first ones) named; the session that is up, a peer that comes meanwhile, and the peer
// whose address it is do not suffer.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { connect, type Socket } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { expect, it } from "vitest"
import { encodeOpen, keepalive } from "../../src/wire/index.ts"
import { backwalk, startDaemon } from "./process.ts"
import { startSpeaker } from "./speaker.ts"

const MANY = 1000
/** At once: what the system's accept queue holds. What comes beyond it the system drops before anybody can count it. */
const WAVE = 250
const STRANGER = "127.0.0.61"
const CROWDED = "127.0.0.62"
const LATE = "127.0.0.63"
const STEADY = "127.0.0.64"

/** What the peer at the crowded address says, once it comes. */
const OPEN = encodeOpen({
  version: 4,
  asn: 64562,
  holdTime: 90,
  id: 0x0a00_003e,
  capabilities: [{ _tag: "Multiprotocol", afi: 1, safi: 1 }]
})

type Row = Readonly<Record<string, unknown>>

/** Asks again until it holds; the test's own deadline is the bound. */
const until = async (holds: () => boolean | Promise<boolean>): Promise<void> => {
  while (!(await holds())) await new Promise((resolve) => setTimeout(resolve, 50))
}

it("two thousand connections are closed, counted and named, and nobody else notices", async () => {
  const directory = mkdtempSync(join(tmpdir(), "backwalk-flood-"))
  const socket = join(directory, "control.sock")
  const file = join(directory, "router.yaml")
  const steady = await startSpeaker({ address: STEADY, asn: 64564 })
  writeFileSync(
    file,
    `router: { asn: 65000, id: 192.0.2.1 }
listen: ["127.0.0.1:0"]
api: { socket: ${socket} }
peers:
  - { address: ${STEADY}, port: ${steady.port}, asn: 64564, policy: open }
  - { address: ${CROWDED}, asn: 64562, policy: open, passive: true }
  - { address: ${LATE}, asn: 64563, policy: open, passive: true, open-wait: 5 }
`
  )
  const daemon = startDaemon(file)
  const sockets: Array<Socket> = []
  const from = (address: string, port: number): Socket => {
    const made = connect({ host: "127.0.0.1", port, localAddress: address })
    made.on("error", () => undefined)
    made.on("data", () => undefined)
    sockets.push(made)
    return made
  }
  const ask = async (...args: ReadonlyArray<string>): Promise<Row> =>
    JSON.parse((await backwalk(["show", ...args, "--json", "--socket", socket])).out) as Row
  try {
    await until(() => /127\.0\.0\.64.*is up/.test(daemon.said()) && /listening on/.test(daemon.said()))
    const port = Number(/listening on 127\.0\.0\.1:(\d+)/.exec(daemon.said())![1])
    let late: Socket | undefined
    for (let opened = WAVE; opened <= MANY; opened += WAVE) {
      for (let count = 0; count < WAVE; count++) {
        from(STRANGER, port)
        from(CROWDED, port)
      }
      // A peer that comes in the middle of it hears our OPEN.
      late ??= from(LATE, port)
      await until(async () => ((await ask("health"))["refused"] as Row)["unknownPeer"] === opened)
    }
    await until(() => (late?.bytesRead ?? 0) > 0)
    const open = (): number => sockets.filter((one) => !one.destroyed && one !== late).length
    // What is left of the crowd: the newest (ADR-0025).
    await until(() => open() <= 1)
    const health = await ask("health")
    expect(health["refused"]).toMatchObject({
      unknownPeer: MANY,
      superseded: MANY - 1,
      byPeer: 0,
      tooManyConnections: 0
    })
    expect(health["peers"]).toMatchObject({ established: 1 })
    expect(daemon.said().split("refused: no such peer").length - 1).toBeGreaterThan(0)
    expect(daemon.said().split("closed: it has sent no OPEN, and the peer has connected again").length - 1).toBe(100)
    // The peer itself comes, from the address that was so crowded.
    const peer = from(CROWDED, port)
    peer.write(OPEN)
    peer.write(keepalive())
    await until(() => /127\.0\.0\.62.*is up/.test(daemon.said()))
    // Who came and never said its OPEN is let go after the wait that is configured.
    await until(() => /127\.0\.0\.63:\d+ closed: it has sent no OPEN in time/.test(daemon.said()))
    expect((await ask("health"))["refused"]).toMatchObject({ openTimeout: 1 })
    expect(steady.notifications).toEqual([])
  } finally {
    for (const one of sockets) one.destroy()
    await daemon.end()
    steady.end()
    rmSync(directory, { recursive: true })
  }
})
