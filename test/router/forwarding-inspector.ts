// Looks over the shoulder of whoever writes to the kernel: each batch, message by message, against the laws of what may be asked. Never
// something that stands on what was not asked for before, never a delete of what our routes in the kernel still point at, never two
// operations for one key, never a batch before the last one is answered.
import {
  decodeNexthop,
  decodeRoute,
  eachMessage,
  type ModelKernel,
  NetlinkType,
  RouteProtocol
} from "../../src/netlink/index.ts"

export class Inspector {
  readonly wrong: Array<string> = []
  isUnderWay = false
  /** Nexthop ids that were asked for and not asked to go. */
  private readonly asked = new Set<number>()

  /** What is there at start is there for the one who starts. */
  begin(kernel: ModelKernel): void {
    for (const id of kernel.nexthops.keys()) this.asked.add(id)
  }

  batch(kernel: ModelKernel, bytes: Uint8Array): void {
    if (this.isUnderWay) this.wrong.push("a batch before the last one is answered")
    this.isUnderWay = true
    this.begin(kernel)
    const pointing = routesOf(kernel)
    const keys = new Set<string>()
    const once = (key: string): void => {
      if (keys.has(key)) this.wrong.push(`two operations for ${key}`)
      keys.add(key)
    }
    eachMessage(bytes, (type, _flags, _seq, _port, at, end) => {
      if (type === NetlinkType.NewNexthop || type === NetlinkType.DelNexthop) {
        const { id, members = [] } = decodeNexthop(bytes, at, end)
        once(`nexthop ${id}`)
        if (type === NetlinkType.DelNexthop) {
          if ([...pointing.values()].includes(id)) this.wrong.push(`delete of ${id}, which routes point at`)
          this.asked.delete(id)
          return
        }
        for (const member of members) this.needs(member.id, `group ${id}`)
        this.asked.add(id)
      } else if (type === NetlinkType.NewRoute || type === NetlinkType.DelRoute) {
        const { words, length, nexthopId } = decodeRoute(bytes, at, end)
        const key = `route ${words.join(".")}/${length}`
        once(key)
        if (type === NetlinkType.DelRoute) pointing.delete(key)
        else {
          if (nexthopId !== 0) this.needs(nexthopId, key)
          pointing.set(key, nexthopId)
        }
      }
    })
  }

  private needs(id: number, what: string): void {
    if (!this.asked.has(id)) this.wrong.push(`${what} before ${id}, on which it stands`)
  }
}

/** Of our routes, what each points at. */
const routesOf = (kernel: ModelKernel): Map<string, number> => {
  const found = new Map<string, number>()
  for (const family of [4, 6] as const) {
    for (const prefixes of kernel.tables[family].values()) {
      for (const { protocol, words, length, nexthopId } of [...prefixes.values()].flat()) {
        if (protocol === RouteProtocol.Bgp && nexthopId !== 0)
          found.set(`route ${words.join(".")}/${length}`, nexthopId)
      }
    }
  }
  return found
}
