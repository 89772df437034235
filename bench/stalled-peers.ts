// The peers of stalled.bench.ts: node bench/stalled-peers.ts PORT PEERS PREFIXES FLAPS STALLED DAEMON_PID. One peer feeds a table of which
// every route then changes again and again; STALLED of the others stop reading after the first table, and read on after the last flap.
// Prints one line of JSON. Loopback has an address for each.
import { readFileSync } from "node:fs"
import { connect, type Socket } from "node:net"
import { encodeOpen, keepalive } from "../src/wire/index.ts"
import { table } from "./table.ts"

export interface Outcome {
  /** Resident memory of the daemon after the first table and after each flap, in MB. */
  readonly residentMb: ReadonlyArray<number>
  /** Prefixes that each stalled peer was announced after it read on. */
  readonly afterwards: ReadonlyArray<number>
  readonly seconds: number
}

const [port, count, prefixes, flaps, stalled, daemon] = process.argv.slice(2).map(Number) as [
  number,
  number,
  number,
  number,
  number,
  number
]
const FEED_AS = 64501
const FIRST_AS = 65101
const QUIET_MS = 1500

class Peer {
  readonly socket: Socket
  announced = 0
  isUp = false
  private rest: Buffer = Buffer.alloc(0)
  private readonly isCounting: boolean

  constructor(address: string, asn: number, id: number, isCounting: boolean, becameUp: () => void) {
    this.isCounting = isCounting
    this.socket = connect({ host: "127.0.0.1", port, localAddress: address })
    this.socket.on("connect", () => {
      const capabilities = [{ _tag: "Multiprotocol", afi: 1, safi: 1 } as const, { _tag: "FourOctetAs", asn } as const]
      this.socket.write(encodeOpen({ version: 4, asn, holdTime: 0, id, capabilities }))
      this.socket.write(keepalive())
    })
    this.socket.on("error", (error) => {
      throw error
    })
    this.socket.on("data", (chunk: Buffer) => {
      lastHeardAt = performance.now()
      if (!this.isUp) {
        this.isUp = true
        becameUp()
      }
      if (this.isCounting) this.count(chunk)
    })
  }

  private count(chunk: Buffer): void {
    const bytes = this.rest.length === 0 ? chunk : Buffer.concat([this.rest, chunk])
    let at = 0
    while (at + 19 <= bytes.length) {
      const end = at + ((bytes[at + 16]! << 8) | bytes[at + 17]!)
      if (end > bytes.length) break
      if (bytes[at + 18] === 2) {
        const withdrawnEnd = at + 21 + ((bytes[at + 19]! << 8) | bytes[at + 20]!)
        let nlri = withdrawnEnd + 2 + ((bytes[withdrawnEnd]! << 8) | bytes[withdrawnEnd + 1]!)
        for (; nlri < end; nlri += 1 + ((bytes[nlri]! + 7) >> 3)) this.announced++
      }
      at = end
    }
    this.rest = bytes.subarray(at)
  }
}

let lastHeardAt = performance.now()

/** Until nothing has been heard for a while. */
const quiet = async (): Promise<void> => {
  while (performance.now() - lastHeardAt < QUIET_MS) await new Promise((resolve) => setTimeout(resolve, 100))
}

const residentMb = (): number =>
  Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${daemon}/status`, "utf8"))![1]) / 1024

const run = async (): Promise<Outcome> => {
  const begun = performance.now()
  // The same prefixes with other attributes: every route of the table changes with each flap.
  const tables = [1, 2].map((pathSeed) => table(prefixes, FEED_AS, 1, pathSeed))
  const peers: Array<Peer> = []
  for (let index = 0; index < count; index++) {
    const address = `127.1.${1 + Math.floor(index / 200)}.${1 + (index % 200)}`
    await new Promise<void>((resolve) => {
      peers.push(new Peer(address, FIRST_AS + index, 0x7f01_0001 + index, index < stalled, resolve))
    })
  }
  let sender: Peer | undefined
  await new Promise<void>((resolve) => {
    sender = new Peer("127.1.0.1", FEED_AS, 0x7f01_ff01, false, resolve)
  })
  const flap = async (bytes: Uint8Array): Promise<void> => {
    lastHeardAt = performance.now()
    await new Promise<void>((resolve) => sender!.socket.write(bytes, () => resolve()))
    lastHeardAt = performance.now()
    await quiet()
  }
  const resident: Array<number> = []
  await flap(tables[0])
  resident.push(residentMb())
  for (const peer of peers.slice(0, stalled)) peer.socket.pause()
  for (let round = 1; round <= flaps; round++) {
    await flap(tables[round % 2])
    resident.push(residentMb())
  }
  for (const peer of peers.slice(0, stalled)) {
    peer.announced = 0
    peer.socket.resume()
  }
  lastHeardAt = performance.now()
  await quiet()
  return {
    residentMb: resident.map(Math.round),
    afterwards: peers.slice(0, stalled).map(({ announced }) => announced),
    seconds: Math.round((performance.now() - begun) / 1000)
  }
}

console.log(JSON.stringify(await run()))
process.exit(0)
