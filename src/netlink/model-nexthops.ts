// Nexthop objects in the model kernel: what is accepted, in which words the rest is refused, and what goes with an object that goes.
// Measured on Linux 6.18: groups only of leaves, no change between leaf and group, and deletion that takes groups and routes along.
import { hasIpv4, IPV4_ONLY, type Refusal, refuse } from "./model-facts.ts"
import { judgeGateway } from "./model-gateways.ts"
import { type Origin, writeNexthop } from "./model-output.ts"
import { removeRoutesOn } from "./model-routes.ts"
import type { ModelKernel } from "./model-state.ts"
import { Errno, NetlinkFlag, NetlinkType } from "./numbers.ts"
import type { Nexthop } from "./object.ts"

/** RTM_NEWNEXTHOP. */
export const newNexthop = (
  kernel: ModelKernel,
  wanted: Nexthop,
  rawFamily: number,
  origin: Origin
): Refusal | undefined => {
  if (wanted.family === 0 && (wanted.members === undefined || rawFamily !== 0)) {
    return refuse(Errno.EINVAL, "Invalid address family")
  }
  const refused = wanted.members === undefined ? judgeLeaf(kernel, wanted) : judgeMembers(kernel, wanted)
  if (refused !== undefined) return refused
  const replace = (origin.flags & NetlinkFlag.Replace) !== 0
  if (replace && wanted.id === 0) return refuse(Errno.EINVAL, "Replace requires nexthop id")
  const nexthop = { ...wanted, id: wanted.id === 0 ? unusedId(kernel) : wanted.id }
  const gateway = judgeGateway(kernel, nexthop)
  if (gateway !== undefined) return gateway
  const old = kernel.nexthops.get(nexthop.id)
  if (old !== undefined && !replace) return refuse(Errno.EEXIST)
  if (old === undefined && replace && (origin.flags & NetlinkFlag.Create) === 0) return refuse(Errno.ENOENT, NO_ENTRY)
  const conflict = old === undefined ? undefined : judgeReplace(kernel, old, nexthop)
  if (conflict !== undefined) return conflict
  put(kernel, nexthop)
  notify(kernel, NetlinkType.NewNexthop, nexthop, origin)
  return undefined
}

const NO_ENTRY = "Replace specified without create and no entry exists"

/** RTM_DELNEXTHOP. */
export const deleteNexthop = (kernel: ModelKernel, id: number, origin: Origin): Refusal | undefined => {
  if (!kernel.nexthops.has(id)) return refuse(Errno.ENOENT)
  removeNexthops(kernel, [id], origin)
  return undefined
}

/** What was on a link that cannot carry it any more goes without a word; blackholes have no link. */
export const flushNexthopsOn = (kernel: ModelKernel, ifindex: number): void => {
  const ids = Array.from(kernel.nexthops.values(), ({ id, ifindex: on }) => (on === ifindex ? id : 0)).filter(
    (id) => id !== 0
  )
  removeNexthops(kernel, ids, undefined)
}

/** Removes the objects, shrinks their groups, removes emptied groups and every route on what went. No origin: silently. */
const removeNexthops = (kernel: ModelKernel, ids: ReadonlyArray<number>, origin: Origin | undefined): void => {
  const gone = new Set<number>()
  const remove = (id: number): void => {
    const nexthop = kernel.nexthops.get(id)
    if (nexthop === undefined) return
    kernel.nexthops.delete(id)
    gone.add(id)
    if (origin !== undefined) notify(kernel, NetlinkType.DelNexthop, nexthop, origin)
    if (nexthop.members !== undefined) return
    for (const group of groupsOf(kernel, id)) {
      const members = group.members!.filter((member) => member.id !== id)
      if (members.length === 0) {
        remove(group.id)
        continue
      }
      const shrunk = { ...group, members }
      put(kernel, shrunk)
      if (origin !== undefined) notify(kernel, NetlinkType.NewNexthop, shrunk, origin)
    }
  }
  for (const id of ids) remove(id)
  if (Array.from(gone).some((id) => kernel.users.has(id))) removeRoutesOn(kernel, gone)
}

const notify = (kernel: ModelKernel, type: number, nexthop: Nexthop, origin: Origin): void => {
  if (kernel.lossesLeft > 0) {
    kernel.lossesLeft--
    kernel.output.notificationLost()
    return
  }
  writeNexthop(kernel.output.notification(origin.port), type, origin, origin.flags, nexthop)
}

/** The first id that is free, as the kernel picks when none is asked for. */
const unusedId = (kernel: ModelKernel): number => {
  let id = 1
  while (kernel.nexthops.has(id)) id++
  return id
}

const judgeLeaf = (kernel: ModelKernel, wanted: Nexthop): Refusal | undefined => {
  if (wanted.blackhole) {
    return wanted.gateway !== undefined || wanted.ifindex !== 0
      ? refuse(Errno.EINVAL, "Blackhole attribute can not be used with gateway, oif, encap or fdb")
      : undefined
  }
  // Before anything else about it is looked at.
  if (wanted.labels !== undefined && !kernel.pushesLabels) {
    return refuse(Errno.EOPNOTSUPP, "lwt encapsulation type not supported")
  }
  if (wanted.ifindex === 0) {
    return refuse(Errno.EINVAL, "Device attribute required for non-blackhole and non-fdb nexthops")
  }
  const link = kernel.links.get(wanted.ifindex)
  if (link === undefined) return refuse(Errno.EINVAL, "Invalid device index")
  if (!link.up) return refuse(Errno.ENETDOWN, "Nexthop device is not up")
  if (!link.carrier) return refuse(Errno.ENETDOWN, "Carrier for nexthop device is down")
  if (wanted.onlink && wanted.gateway === undefined) {
    return refuse(Errno.EINVAL, "ONLINK flag can not be set for nexthop without a gateway")
  }
  return undefined
}

const judgeMembers = (kernel: ModelKernel, { members = [], resilient }: Nexthop): Refusal | undefined => {
  if (members.length === 0) return refuse(Errno.EINVAL, "Invalid length for nexthop group attribute")
  const ids = members.map(({ id }) => id)
  if (new Set(ids).size < ids.length) return refuse(Errno.EINVAL, "Nexthop id can not be used twice in a group")
  if (resilient?.buckets === 0) return refuse(Errno.EINVAL, "Number of buckets needs to be non-0")
  for (const id of ids) {
    const member = kernel.nexthops.get(id)
    if (member === undefined) return refuse(Errno.EINVAL, "Invalid nexthop id")
    if (member.members !== undefined) {
      const type = member.resilient === undefined ? "Hash-threshold" : "Resilient"
      return refuse(Errno.EINVAL, `${type} group can not be a nexthop within a group`)
    }
    if (member.blackhole && ids.length > 1) {
      return refuse(Errno.EINVAL, "Blackhole nexthop can not be used in a group with more than 1 path")
    }
  }
  return undefined
}

/** In the kernel's order of looking: own routes, then group by group, then whether leaf and group are exchanged. */
const judgeReplace = (kernel: ModelKernel, old: Nexthop, nexthop: Nexthop): Refusal | undefined => {
  const ipv4 = hasIpv4(kernel, nexthop)
  if (ipv4 && usedByIpv6(kernel, old.id)) return refuse(Errno.EINVAL, IPV4_ONLY)
  for (const group of groupsOf(kernel, old.id)) {
    if (nexthop.blackhole && group.members!.length > 1) {
      return refuse(Errno.EINVAL, "Blackhole nexthop can not be a member of a group with more than one path")
    }
    if (ipv4 && usedByIpv6(kernel, group.id)) return refuse(Errno.EINVAL, IPV4_ONLY)
  }
  if (old.members !== undefined && nexthop.members === undefined) {
    return refuse(Errno.EINVAL, "Can not replace a nexthop group with a nexthop")
  }
  if (old.members === undefined && nexthop.members !== undefined) {
    return refuse(Errno.EINVAL, "Can not replace a nexthop with a nexthop group")
  }
  if (old.members !== undefined && old.groupType !== nexthop.groupType) {
    return refuse(Errno.EINVAL, "Can not replace a nexthop group with one of a different type.")
  }
  if (old.resilient?.buckets !== nexthop.resilient?.buckets) {
    return refuse(Errno.EINVAL, "Can not change number of buckets of a resilient nexthop group.")
  }
  return undefined
}

const usedByIpv6 = (kernel: ModelKernel, id: number): boolean => (kernel.users.get(id)?.[1] ?? 0) > 0

/** The one that was written last comes first, as in the kernel's list. */
const groupsOf = (kernel: ModelKernel, id: number): ReadonlyArray<Nexthop> =>
  Array.from(kernel.nexthops.values())
    .filter((group) => group.members?.some((member) => member.id === id) === true)
    .reverse()

const put = (kernel: ModelKernel, nexthop: Nexthop): void => {
  kernel.nexthops.delete(nexthop.id)
  kernel.nexthops.set(nexthop.id, nexthop)
}
