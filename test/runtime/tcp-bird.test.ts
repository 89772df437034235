// BIRD with a password and TTL security, as the side that waits and as the side that connects, over IPv4 and IPv6. What is held against
// it are the sockets of the transport and just enough BGP to be Established.
import { once } from "node:events"
import { writeFileSync } from "node:fs"
import { createServer, type Socket } from "node:net"
import { expect } from "vitest"
import { inNetworkNamespace } from "../../src/runtime/sys.ts"
import { TcpPolicy } from "../../src/runtime/tcp-policy.ts"
import { type Capability, encodeOpen, frame, HEADER_BYTES, keepalive, MessageType } from "../../src/wire/index.ts"
import { executableOf } from "../support/available.ts"
import {
  eventually,
  InteropLab,
  LINK,
  OUR_ADDRESS,
  OUR_AS,
  runCommand,
  THEIR_ADDRESS,
  THEIR_AS
} from "../support/interop-lab.ts"
import { requirement } from "../support/requirements.ts"
import { peer } from "./tcp-bench.ts"

const { describe, it } = requirement("bird", "root", "ip")

const PASSWORD = "shared with BIRD"

const FAMILIES = [
  { name: "IPv4", ours: OUR_ADDRESS, theirs: THEIR_ADDRESS },
  { name: "IPv6", ours: "fd77::1", theirs: "fd77::2" }
]

class Bench {
  readonly lab = new InteropLab("tcp")
  readonly policy = new TcpPolicy()
  readonly path: string
  private readonly sockets: Array<Socket> = []

  constructor() {
    const [, , , name] = this.lab.inside("ours", [])
    this.path = `/run/netns/${name}`
  }

  async addresses(): Promise<void> {
    await this.lab.ip("ours", "address", "add", "fd77::1/64", "dev", LINK, "nodad")
    await this.lab.ip("theirs", "address", "add", "fd77::2/64", "dev", LINK, "nodad")
  }

  /** Starts BIRD. */
  async start(ours: string, theirs: string, lines: string): Promise<void> {
    const channel = ours.includes(":") ? "ipv6" : "ipv4"
    writeFileSync(
      this.lab.path("bird.conf"),
      `router id ${THEIR_ADDRESS};
protocol device { }
protocol bgp backwalk {
  local ${theirs} as ${THEIR_AS};
  neighbor ${ours} as ${OUR_AS};
  connect retry time 1;
  connect delay time 1;
  error wait time 1, 2;
  ${lines}
  ${channel} { import all; export none; };
}
`
    )
    const options = ["-f", "-c", this.lab.path("bird.conf"), "-s", this.lab.path("ctl"), "-P", this.lab.path("pid")]
    this.lab.start("theirs", "bird", [executableOf("bird"), ...options], true)
    await eventually("BIRD to answer", async () => (await this.bird()).includes("backwalk"))
  }

  dial(ours: string, theirs: string): Promise<Socket> {
    return eventually("a connection to BIRD", async () => {
      const target = { address: theirs, port: 179, localAddress: ours }
      const socket = inNetworkNamespace(this.path, () => this.policy.dial(target))
      this.sockets.push(socket)
      await once(socket, "connect")
      return socket
    })
  }

  /** The first connection from BIRD. */
  async accept(ours: string): Promise<Socket> {
    const server = createServer()
    inNetworkNamespace(this.path, () => this.policy.listen(server, { host: ours, port: 179, backlog: 16 }))
    const [socket] = (await once(server, "connection")) as [Socket]
    this.sockets.push(socket)
    expect(this.policy.admit(socket)).toBeUndefined()
    server.close()
    return socket
  }

  async established(): Promise<void> {
    await eventually("BIRD to be Established", async () => /BGP state:\s+Established/.test(await this.bird()))
  }

  async close(): Promise<void> {
    for (const socket of this.sockets) socket.destroy()
    await this.lab.close()
  }

  private async bird(): Promise<string> {
    const { stdout } = await runCommand([executableOf("birdc"), "-s", this.lab.path("ctl"), "show", "protocols", "all"])
    return stdout
  }
}

/** Says OPEN, and KEEPALIVE to whatever needs one. */
const speak = (socket: Socket): void => {
  const capabilities: ReadonlyArray<Capability> = [1, 2].map((afi) => ({ _tag: "Multiprotocol", afi, safi: 1 }))
  const open = { version: 4, asn: OUR_AS, holdTime: 90, id: 0x0a4d_0001, capabilities }
  let carried: Uint8Array = new Uint8Array(0)
  socket.on("error", () => undefined)
  socket.on("data", (bytes: Uint8Array) => {
    carried = Buffer.concat([carried, bytes])
    for (let length = frameOf(carried); length > 0 && length <= carried.length; length = frameOf(carried)) {
      if (carried[HEADER_BYTES - 1] === MessageType.Open) socket.write(keepalive())
      carried = carried.subarray(length)
    }
  })
  socket.write(encodeOpen(open))
}

const frameOf = (bytes: Uint8Array): number => frame(bytes, 0, bytes.length, 4096)

for (const { name, ours, theirs } of FAMILIES) {
  const secured = peer(theirs, { type: "external", password: PASSWORD, ttlSecurity: true })
  const lines = `password "${PASSWORD}"; ttl security yes;`
  const withBench = async (use: (bench: Bench) => Promise<void>): Promise<void> => {
    const bench = new Bench()
    try {
      await bench.addresses()
      await use(bench)
    } finally {
      await bench.close()
    }
  }

  describe(`BIRD with a password and TTL security, ${name} [RFC 2385, RFC 5082]`, () => {
    it("takes our connection", () =>
      withBench(async (bench) => {
        bench.policy.configure([secured])
        await bench.start(ours, theirs, `${lines} passive yes;`)
        speak(await bench.dial(ours, theirs))
        await bench.established()
      }))

    it("connects to us", () =>
      withBench(async (bench) => {
        bench.policy.configure([secured])
        const arrived = bench.accept(ours)
        await bench.start(ours, theirs, lines)
        speak(await arrived)
        await bench.established()
      }))

    it("is refused where its TTL says that it was routed", () =>
      withBench(async (bench) => {
        bench.policy.configure([secured])
        const server = createServer()
        inNetworkNamespace(bench.path, () => bench.policy.listen(server, { host: ours, port: 179, backlog: 16 }))
        const arrived = once(server, "connection") as Promise<[Socket]>
        // A neighbour without TTL security sends TTL 1.
        await bench.start(ours, theirs, `password "${PASSWORD}";`)
        const [socket] = await arrived
        expect(bench.policy.admit(socket)).toBe("ttl-security: came with TTL 1, below 255")
        socket.destroy()
        server.close()
      }))
  })
}
