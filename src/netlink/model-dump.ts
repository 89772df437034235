// Dumps of the model kernel: the objects of a kind in parts of the kernel's size, the filters of strict checking, and DONE with its
// error. A dump is not a snapshot in the real kernel; here it is.
import type { OpBuffer } from "../machine/index.ts"
import {
  DUMP_PART_BYTES,
  modelKernelEffects,
  type Origin,
  writeAddress,
  writeDone,
  writeLink,
  writeNeighbour,
  writeNexthop,
  writeRouteObject,
  writeRule
} from "./model-output.ts"
import { shownFlags, shownType } from "./model-routes.ts"
import type { ModelKernel } from "./model-state.ts"
import { Errno, NetlinkFlag, NetlinkType } from "./numbers.ts"
import { familyNumber } from "./object.ts"
import { RouteView } from "./route.ts"
import type { NetlinkWriter } from "./writer.ts"

export const dump = (
  kernel: ModelKernel,
  type: number,
  origin: Origin,
  bytes: Uint8Array,
  at: number,
  end: number,
  out: OpBuffer
): void => {
  const { output } = kernel
  let from = output.length
  const cut = (): void => {
    out.put(modelKernelEffects.code.DumpReplied, origin.port, from, output.length)
    from = output.length
  }
  const next = (): NetlinkWriter => {
    if (output.length - from >= DUMP_PART_BYTES) cut()
    return output.reply()
  }
  const end1 = listed(kernel, type, origin, bytes, at, end, next)
  writeDone(output.reply(), origin, end1.flags, end1.errno, end1.text)
  cut()
}

interface DumpEnd {
  readonly flags: number
  readonly errno: number
  readonly text: string
}

const COMPLETE: DumpEnd = { flags: 0, errno: 0, text: "" }
const { Multi, DumpFiltered } = NetlinkFlag

const listed = (
  kernel: ModelKernel,
  type: number,
  origin: Origin,
  bytes: Uint8Array,
  at: number,
  end: number,
  next: () => NetlinkWriter
): DumpEnd => {
  const family = end > at ? familyNumber(bytes[at]) : 0
  const wanted = (other: 4 | 6): boolean => family === 0 || family === other
  switch (type) {
    case NetlinkType.GetLink:
      for (const link of Array.from(kernel.links.values()).sort((a, b) => a.index - b.index)) {
        writeLink(next(), NetlinkType.NewLink, origin, Multi, link)
      }
      return COMPLETE
    case NetlinkType.GetAddress:
      for (const address of kernel.addresses) {
        if (wanted(address.family)) writeAddress(next(), NetlinkType.NewAddress, origin, Multi, address)
      }
      return COMPLETE
    case NetlinkType.GetNeighbour:
      for (const neighbour of kernel.neighbours) {
        if (wanted(neighbour.family)) writeNeighbour(next(), NetlinkType.NewNeighbour, origin, Multi, neighbour)
      }
      return COMPLETE
    case NetlinkType.GetNexthop:
      // The protocol is no filter here: the kernel refuses it.
      if (end - at >= 8 && bytes[at + 2] !== 0) {
        return { flags: 0, errno: Errno.EINVAL, text: "Invalid values in header for nexthop dump request" }
      }
      for (const nexthop of Array.from(kernel.nexthops.values()).sort((a, b) => a.id - b.id)) {
        writeNexthop(next(), NetlinkType.NewNexthop, origin, Multi, nexthop)
      }
      return COMPLETE
    case NetlinkType.GetRule:
      for (const each of [4, 6] as const) {
        if (!wanted(each)) continue
        for (const rule of kernel.rules[each]) writeRule(next(), NetlinkType.NewRule, origin, Multi, rule)
      }
      return COMPLETE
    case NetlinkType.GetRoute:
      return listRoutes(kernel, origin, bytes, at, end, next)
    default:
      return { flags: 0, errno: Errno.EOPNOTSUPP, text: "" }
  }
}

const listRoutes = (
  kernel: ModelKernel,
  origin: Origin,
  bytes: Uint8Array,
  at: number,
  end: number,
  next: () => NetlinkWriter
): DumpEnd => {
  const filter = new RouteView()
  if (!filter.scan(bytes, at, end))
    return { flags: 0, errno: Errno.EINVAL, text: "Invalid header for FIB dump request" }
  const { family, table, protocol, type } = filter
  const flags = table !== 0 || protocol !== 0 || type !== 0 ? DumpFiltered : 0
  for (const each of [4, 6] as const) {
    if (family !== 0 && family !== each) continue
    if (table !== 0 && !kernel.tables[each].has(table) && family !== 0) {
      return { flags, errno: Errno.ENOENT, text: `ipv${each}: FIB table does not exist` }
    }
    for (const [number, routes] of kernel.tables[each]) {
      if (table !== 0 && table !== number) continue
      for (const list of routes.values()) {
        for (const route of list) {
          if (protocol !== 0 && route.protocol !== protocol) continue
          if (type !== 0 && route.type !== type) continue
          const shown = shownType(kernel, route)
          writeRouteObject(next(), NetlinkType.NewRoute, origin, Multi | flags, route, shown, shownFlags(kernel, route))
        }
      }
    }
  }
  return { flags, errno: 0, text: "" }
}
