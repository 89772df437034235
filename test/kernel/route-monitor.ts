// Somebody else in the namespace, who hears everything that happens to nexthops and routes and keeps an account of it: which routes of
// ours there are at every moment, and which of those that should have stayed were ever missing. A route goes with a DELROUTE of its
// own, or, for IPv4 without a word, with the group that it points at.
import { closeSync } from "node:fs"
import { decodeNexthop, decodeRoute, eachMessage, NetlinkType, RouteProtocol } from "../../src/netlink/index.ts"
import { isFailure, type NetlinkSocket, openSocket, readNow, subscribe } from "../../src/runtime/kernel-socket.ts"
import { inNetworkNamespace } from "../../src/runtime/sys.ts"
import { formatPrefixWords } from "../../src/wire/index.ts"

const RECEIVE_BUFFER_BYTES = 512 * 1024 * 1024
/** No socket has this port: nothing is left out. */
const NOBODY = 0xffff_fff0

export class RouteMonitor {
  /** Nexthop id that each route of ours points at, by prefix. */
  readonly routes = new Map<string, number>()
  /** Routes that should have stayed and were not there for a moment. */
  readonly missed = new Set<string>()
  /** Messages about routes of ours: made or changed, and deleted. */
  written = 0
  deleted = 0
  nexthopsWritten = 0
  nexthopsDeleted = 0
  overruns = 0
  private staying: ReadonlySet<string> = new Set()
  private readonly socket: NetlinkSocket
  private readonly buffer = new Uint8Array(1 << 20)

  constructor(namespace: string) {
    this.socket = inNetworkNamespace(namespace, () =>
      openSocket({ blocking: false, receiveBufferBytes: RECEIVE_BUFFER_BYTES })
    )
    subscribe(this.socket.fd, NOBODY)
  }

  /** From now on these must not be missing. */
  expect(staying: ReadonlySet<string>): void {
    this.staying = staying
    for (const prefix of staying) if (!this.routes.has(prefix)) this.missed.add(prefix)
  }

  forgetCounts(): void {
    this.written = this.deleted = this.nexthopsWritten = this.nexthopsDeleted = 0
  }

  /** Takes in what has happened since, or so much of it that there are more than `routesMax` routes. */
  read(routesMax = Number.POSITIVE_INFINITY): void {
    while (this.routes.size <= routesMax) {
      const count = readNow(this.socket.fd, this.buffer, 0)
      if (isFailure(count)) {
        if (count.code !== "ENOBUFS") return
        this.overruns++
        continue
      }
      const bytes = this.buffer.subarray(0, count)
      eachMessage(bytes, (type, _flags, _seq, _port, at, end) => {
        if (type === NetlinkType.NewRoute || type === NetlinkType.DelRoute) {
          this.routeTold(type === NetlinkType.NewRoute, bytes, at, end)
        } else if (type === NetlinkType.NewNexthop) this.nexthopsWritten++
        else if (type === NetlinkType.DelNexthop) this.nexthopGone(decodeNexthop(bytes, at, end).id)
      })
    }
  }

  close(): void {
    closeSync(this.socket.fd)
  }

  private routeTold(present: boolean, bytes: Uint8Array, at: number, end: number): void {
    const { family, words, length, protocol, nexthopId } = decodeRoute(bytes, at, end)
    if (protocol !== RouteProtocol.Bgp || family === 0) return
    const prefix = formatPrefixWords(family, words, 0, length)
    if (present) {
      this.written++
      this.routes.set(prefix, nexthopId)
      return
    }
    this.deleted++
    this.gone(prefix)
  }

  private nexthopGone(id: number): void {
    this.nexthopsDeleted++
    for (const [prefix, nexthop] of this.routes) if (nexthop === id) this.gone(prefix)
  }

  private gone(prefix: string): void {
    this.routes.delete(prefix)
    if (this.staying.has(prefix)) this.missed.add(prefix)
  }
}
