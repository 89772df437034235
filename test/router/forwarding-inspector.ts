// Looks over the shoulder of whoever writes to the kernel: each batch, message by message, against the laws of what may be asked. Never
// something that stands on what was not asked for before, never a delete of what our routes in the kernel point at or are being told to,
// never two operations for one key, in one batch or in several that are under way, and never more batches than may be under way.
import { KERNEL_BATCHES_UNDER_WAY_MAX } from "../../src/machine/index.ts"
import {
  decodeNexthop,
  decodeRoute,
  eachMessage,
  type ModelKernel,
  NetlinkType,
  RouteProtocol
} from "../../src/netlink/index.ts"

/** By key, what a batch does to it: the id of the group that a route is to point at, 0 for all else. */
type Operations = Map<string, number>

export class Inspector {
  readonly wrong: Array<string> = []
  /**
   * Words of prefixes under which somebody put another route in our name. A delete hits the first of them, so before the news of it we may
   * take ours for gone while it is there.
   */
  readonly doubled = new Set<string>()
  /** As many batches as were ever under way at once. */
  mostUnderWay = 0
  /** Sent and not answered, oldest first. */
  private readonly underWay: Array<Operations> = []
  /** Nexthop ids that were asked for and not asked to go. */
  private readonly asked = new Set<number>()

  /** The oldest batch is answered, or its answer is lost. */
  answered(): void {
    this.underWay.shift()
  }

  /** What is there at start is there for the one who starts. */
  begin(kernel: ModelKernel): void {
    for (const id of kernel.nexthops.keys()) this.asked.add(id)
  }

  batch(kernel: ModelKernel, bytes: Uint8Array): void {
    this.begin(kernel)
    const inKernel = routesOf(kernel, this.doubled)
    const operations: Operations = new Map()
    const isPointedAt = (id: number): boolean =>
      inKernel.has(id) || [...this.underWay, operations].some((batch) => [...batch.values()].includes(id))
    const once = (key: string, points = 0): void => {
      if (operations.has(key)) this.wrong.push(`two operations for ${key}`)
      if (this.underWay.some((batch) => batch.has(key)))
        this.wrong.push(`an operation for ${key}, which has one under way`)
      operations.set(key, points)
    }
    eachMessage(bytes, (type, _flags, _seq, _port, at, end) => {
      if (type === NetlinkType.NewNexthop || type === NetlinkType.DelNexthop) {
        const { id, members = [] } = decodeNexthop(bytes, at, end)
        once(`nexthop ${id}`)
        if (type === NetlinkType.DelNexthop) {
          if (isPointedAt(id)) this.wrong.push(`delete of ${id}, which routes point at`)
          this.asked.delete(id)
          return
        }
        for (const member of members) this.needs(member.id, `group ${id}`)
        this.asked.add(id)
      } else if (type === NetlinkType.NewRoute || type === NetlinkType.DelRoute) {
        const { words, length, nexthopId } = decodeRoute(bytes, at, end)
        const key = `route ${words.join(".")}/${length}`
        once(key, type === NetlinkType.NewRoute ? nexthopId : 0)
        if (type === NetlinkType.NewRoute && nexthopId !== 0) this.needs(nexthopId, key)
      }
    })
    this.underWay.push(operations)
    this.mostUnderWay = Math.max(this.mostUnderWay, this.underWay.length)
    if (this.underWay.length > KERNEL_BATCHES_UNDER_WAY_MAX) this.wrong.push("more batches than may be under way")
  }

  private needs(id: number, what: string): void {
    if (!this.asked.has(id)) this.wrong.push(`${what} before ${id}, on which it stands`)
  }
}

/** What our routes point at. */
const routesOf = (kernel: ModelKernel, doubled: ReadonlySet<string>): ReadonlySet<number> => {
  const found = new Set<number>()
  for (const family of [4, 6] as const) {
    for (const prefixes of kernel.tables[family].values()) {
      for (const { protocol, nexthopId, words } of [...prefixes.values()].flat()) {
        if (doubled.has(words.join())) continue
        if (protocol === RouteProtocol.Bgp && nexthopId !== 0) found.add(nexthopId)
      }
    }
  }
  return found
}
