// The peers of sessions.bench.ts, in a process of their own so that nobody waits for the daemon's event loop but its peers:
// node bench/session-peers.ts PORT PEERS PREFIXES HOLD_SECONDS LINGER_SECONDS. Loopback has an address for each. Prints one line of JSON.
import { connect, type Socket } from "node:net"
import { encodeOpen, keepalive } from "../src/wire/index.ts"
import { table } from "./table.ts"

export interface Outcome {
  readonly peers: number
  readonly dropped: number
  /** Why, one of each kind. */
  readonly causes: ReadonlyArray<string>
  readonly secondsToFull: number
  readonly full: number
  /** What all peers received. */
  readonly bytes: number
  /** The longest that any peer waited for a KEEPALIVE after the last, and for any message. */
  readonly keepaliveGapMs: number
  readonly silenceMs: number
  /** The longest that this process did not look: gaps are no longer than it makes them. */
  readonly ownDelayMs: number
}

const [port, count, prefixes, holdS, lingerS] = process.argv.slice(2).map(Number) as [
  number,
  number,
  number,
  number,
  number
]
const DAEMON = "127.0.0.1"
const FEED_AS = 64501
const FIRST_AS = 65101

class ScriptedPeer {
  readonly socket: Socket
  isUp = false
  announced = 0
  bytes = 0
  fullAt = 0
  dropped = ""
  keepaliveGapMs = 0
  silenceMs = 0
  lastKeepaliveAt = 0
  private lastHeardAt = 0
  private rest: Buffer = Buffer.alloc(0)
  private readonly becameUp: () => void

  constructor(address: string, asn: number, id: number, becameUp: () => void) {
    this.becameUp = becameUp
    this.socket = connect({ host: DAEMON, port, localAddress: address })
    this.socket.setNoDelay(true)
    this.socket.on("connect", () => {
      const capabilities = [{ _tag: "Multiprotocol", afi: 1, safi: 1 } as const, { _tag: "FourOctetAs", asn } as const]
      this.socket.write(encodeOpen({ version: 4, asn, holdTime: holdS, id, capabilities }))
    })
    this.socket.on("data", (chunk: Buffer) => this.receive(chunk))
    this.socket.on("error", (error) => this.drop(error.message))
    this.socket.on("close", () => this.drop("closed by the daemon"))
  }

  drop(why: string): void {
    if (this.dropped === "") this.dropped = why
  }

  private receive(chunk: Buffer): void {
    const now = performance.now()
    this.bytes += chunk.length
    if (this.isUp) this.silenceMs = Math.max(this.silenceMs, now - this.lastHeardAt)
    this.lastHeardAt = now
    const bytes = this.rest.length === 0 ? chunk : Buffer.concat([this.rest, chunk])
    let at = 0
    while (at + 19 <= bytes.length) {
      const length = (bytes[at + 16]! << 8) | bytes[at + 17]!
      if (at + length > bytes.length) break
      this.message(bytes, at, length, now)
      at += length
    }
    this.rest = bytes.subarray(at)
  }

  private message(bytes: Buffer, at: number, length: number, now: number): void {
    switch (bytes[at + 18]) {
      case 1:
        this.socket.write(keepalive())
        return
      case 2:
        this.update(bytes, at, length, now)
        return
      case 3:
        this.drop(`NOTIFICATION ${bytes[at + 19]}/${bytes[at + 20]}`)
        return
      case 4:
        if (this.isUp) this.keepaliveGapMs = Math.max(this.keepaliveGapMs, now - this.lastKeepaliveAt)
        this.lastKeepaliveAt = now
        if (this.isUp) return
        this.isUp = true
        this.becameUp()
    }
  }

  private update(bytes: Buffer, at: number, length: number, now: number): void {
    const end = at + length
    const withdrawnEnd = at + 21 + ((bytes[at + 19]! << 8) | bytes[at + 20]!)
    let nlri = withdrawnEnd + 2 + ((bytes[withdrawnEnd]! << 8) | bytes[withdrawnEnd + 1]!)
    for (; nlri < end; nlri += 1 + ((bytes[nlri]! + 7) >> 3)) this.announced++
    if (this.announced >= prefixes && this.fullAt === 0) this.fullAt = now
  }
}

const feed = table(prefixes, FEED_AS)
let up = 0
let begunAt = 0
let ownDelayMs = 0
let lookedAt = performance.now()

const peers = Array.from({ length: count }, (_, index) => {
  const address = `127.1.${1 + Math.floor(index / 200)}.${1 + (index % 200)}`
  return new ScriptedPeer(address, FIRST_AS + index, 0x7f01_0001 + index, () => {
    if (++up === count) startFeed()
  })
})

let sender: ScriptedPeer | undefined
const startFeed = (): void => {
  sender = new ScriptedPeer("127.1.0.1", FEED_AS, 0x7f01_ff01, () => {
    begunAt = performance.now()
    sender!.socket.write(feed)
  })
}

setInterval(() => {
  const now = performance.now()
  ownDelayMs = Math.max(ownDelayMs, now - lookedAt - LOOK_MS)
  lookedAt = now
}, 20)
const LOOK_MS = 20

setInterval(
  () => {
    for (const peer of sender === undefined ? peers : [...peers, sender]) {
      if (peer.isUp && peer.dropped === "") peer.socket.write(keepalive())
    }
  },
  (holdS / 3) * 1000
)

const finish = (fullAt: number): void => {
  const all = [...peers, ...(sender === undefined ? [] : [sender])]
  const gone = all.filter(({ dropped }) => dropped !== "")
  const now = performance.now()
  const outcome: Outcome = {
    peers: count,
    dropped: gone.length,
    causes: [...new Set(gone.map(({ dropped }) => dropped))].slice(0, 5),
    secondsToFull: (fullAt - begunAt) / 1000,
    bytes: peers.reduce((sum, peer) => sum + peer.bytes, 0),
    full: peers.filter(({ fullAt: at }) => at > 0).length,
    // A KEEPALIVE that has not come by now is a gap too.
    keepaliveGapMs: Math.max(...peers.map((peer) => Math.max(peer.keepaliveGapMs, now - peer.lastKeepaliveAt))),
    silenceMs: Math.max(...peers.map(({ silenceMs }) => silenceMs)),
    ownDelayMs
  }
  console.log(JSON.stringify(outcome))
  process.exit(0)
}

const LIMIT_S = 240
const poll = setInterval(() => {
  const isFull = peers.every(({ fullAt }) => fullAt > 0)
  const isOver = isFull || performance.now() > LIMIT_S * 1000 || peers.every(({ dropped }) => dropped !== "")
  if (!isOver) return
  clearInterval(poll)
  const fullAt = Math.max(...peers.map((peer) => peer.fullAt))
  // Long enough for whoever missed a keepalive during the load to say so.
  setTimeout(() => finish(fullAt), isFull ? lingerS * 1000 : 0)
}, 100)
