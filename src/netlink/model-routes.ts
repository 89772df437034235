// Routes in the model kernel: the meaning of CREATE, EXCL, REPLACE and APPEND, which differs between the families, and what is told.
// A route's identity is table, prefix, type of service and metric; the protocol is no part of it, so a replace hits anybody's.
import { hasIpv4, IPV4_ONLY, isBlackhole, MALFORMED, type Refusal, refuse } from "./model-facts.ts"
import { judgeGateway } from "./model-gateways.ts"
import { NOBODY, type Origin, writeRouteObject } from "./model-output.ts"
import { type ModelKernel, type ModelRoute, masked, prefixKey, sameWords } from "./model-state.ts"
import { Errno, NetlinkFlag, NetlinkType, NexthopFlag, RouteScope, RouteTable, RouteType } from "./numbers.ts"
import type { Route } from "./route.ts"

/** IP6_RT_PRIO_USER: what an IPv6 route without a metric gets. */
const METRIC_IPV6_DEFAULT = 1024

/** RTM_NEWROUTE. */
export const newRoute = (kernel: ModelKernel, request: Route, origin: Origin): Refusal | undefined => {
  const { family, gateway, nexthopId } = request
  if (family === 0) return refuse(Errno.EOPNOTSUPP)
  if (request.length > (family === 4 ? 32 : 128)) return refuse(Errno.EINVAL, "Invalid prefix length")
  const words = masked(request.words, request.length)
  if (family === 4 && !sameWords(words, request.words)) return HOST_BITS
  if (nexthopId !== 0 && (gateway !== undefined || request.ifindex !== 0 || request.multipath)) {
    return refuse(Errno.EINVAL, "Nexthop specification and nexthop id are mutually exclusive")
  }
  const number = request.table === 0 ? RouteTable.Main : request.table
  const table = kernel.tableFor(family, number)
  const refused = judgeWay(kernel, family, request)
  if (refused !== undefined) return refused
  const metric = family === 6 && request.metric === 0 ? METRIC_IPV6_DEFAULT : request.metric
  const { length, protocol, type, scope, typeOfService } = request
  const unicast = type === RouteType.Unicast
  const loopback = family === 6 && !unicast ? LOOPBACK_INDEX : 0
  const ifindex = nexthopId !== 0 ? 0 : unicast ? request.ifindex : loopback
  const route = {
    family,
    words,
    length,
    table: number,
    protocol,
    type,
    scope,
    metric,
    typeOfService,
    nexthopId,
    ifindex,
    gateway
  }
  const key = prefixKey(family, words, length)
  const routes = table.get(key) ?? []
  const answer = family === 4 ? insert4(kernel, routes, route, origin) : insert6(kernel, routes, route, origin)
  if (routes.length > 0) table.set(key, routes)
  return answer
}

/** IPv4 refuses bits past the prefix length; IPv6 clears them. */
const HOST_BITS = refuse(Errno.EINVAL, "Invalid prefix for given prefix length")

/** IPv6 hangs routes without a way on the loopback interface. */
const LOOPBACK_INDEX = 1

/** Whether the next hop that the route names can be had. */
const judgeWay = (kernel: ModelKernel, family: 4 | 6, request: Route): Refusal | undefined => {
  const { nexthopId, ifindex, type } = request
  if (nexthopId !== 0) {
    const nexthop = kernel.nexthops.get(nexthopId)
    if (nexthop === undefined) return refuse(Errno.EINVAL, "Nexthop id does not exist")
    return family === 6 && hasIpv4(kernel, nexthop) ? refuse(Errno.EINVAL, IPV4_ONLY) : undefined
  }
  if (type !== RouteType.Unicast) return undefined
  if (ifindex === 0) return refuse(Errno.ENODEV, "No nexthop given to the model kernel")
  const link = kernel.links.get(ifindex)
  if (link === undefined) return refuse(Errno.ENODEV)
  if (request.gateway !== undefined) return judgeGateway(kernel, { ...request, onlink: false })
  return link.up ? undefined : refuse(Errno.ENETDOWN, family === 4 ? "Device for nexthop is not up" : "")
}

/** The kernel's fib_table_insert: a new route goes before those of its metric, an appended one behind. */
const insert4 = (
  kernel: ModelKernel,
  routes: Array<ModelRoute>,
  route: ModelRoute,
  origin: Origin
): Refusal | undefined => {
  const first = routes.findIndex((other) => sameRank(other, route))
  if (first < 0) {
    if ((origin.flags & NetlinkFlag.Create) === 0) return refuse(Errno.ENOENT)
    const after = routes.findIndex((other) => other.metric > route.metric)
    place(kernel, routes, after < 0 ? routes.length : after, route, origin, ALONE)
    return undefined
  }
  if ((origin.flags & NetlinkFlag.Exclusive) !== 0) return refuse(Errno.EEXIST)
  const same = routes.findIndex((other) => sameRank(other, route) && sameContent(other, route))
  if ((origin.flags & NetlinkFlag.Replace) !== 0) {
    // The same again is done without a word; a duplicate further down is refused.
    if (same >= 0) return same === first ? undefined : refuse(Errno.EEXIST)
    kernel.routeRemoved(routes[first])
    routes.splice(first, 1)
    place(kernel, routes, first, route, origin, NetlinkFlag.Replace)
    return undefined
  }
  if (same >= 0) return refuse(Errno.EEXIST)
  const append = (origin.flags & NetlinkFlag.Append) !== 0
  if ((origin.flags & NetlinkFlag.Create) === 0 && !append) return refuse(Errno.ENOENT)
  const end = routes.findLastIndex((other) => sameRank(other, route)) + 1
  place(kernel, routes, append ? end : first, route, origin, append ? BEHIND : NetlinkFlag.Create)
  return undefined
}

/** The kernel's fib6_add: a new route goes behind those of its metric, and one replaced is told even when nothing changed. */
const insert6 = (
  kernel: ModelKernel,
  routes: Array<ModelRoute>,
  route: ModelRoute,
  origin: Origin
): Refusal | undefined => {
  const replace = (origin.flags & NetlinkFlag.Replace) !== 0
  const create = (origin.flags & NetlinkFlag.Create) !== 0
  // The root of the kernel's tree is always there, so for the default route the search for a match says nothing.
  if (routes.length === 0 && replace && !create && route.length > 0) {
    return refuse(Errno.ENOENT, "Can not replace route - no match found")
  }
  const first = routes.findIndex(({ metric }) => metric === route.metric)
  if (first >= 0) {
    if ((origin.flags & NetlinkFlag.Exclusive) !== 0) return refuse(Errno.EEXIST)
    if (replace) {
      kernel.routeRemoved(routes[first])
      routes.splice(first, 1)
      place(kernel, routes, first, route, origin, NetlinkFlag.Replace)
      return undefined
    }
    if (routes.some((other) => other.metric === route.metric && sameWay(other, route))) return refuse(Errno.EEXIST)
  } else if (replace && !create) return refuse(Errno.ENOENT)
  const after = routes.findIndex(({ metric }) => metric > route.metric)
  const told = (first < 0 ? ALONE : NetlinkFlag.Create) | (origin.flags & NetlinkFlag.Append)
  place(kernel, routes, after < 0 ? routes.length : after, route, origin, told)
  return undefined
}

/** What is told of a new route where none had its key, and of one that was appended; a bare CREATE: it was put beside others, in IPv4 before them. */
const ALONE = NetlinkFlag.Create | NetlinkFlag.Exclusive
const BEHIND = NetlinkFlag.Create | NetlinkFlag.Append

const place = (
  kernel: ModelKernel,
  routes: Array<ModelRoute>,
  at: number,
  route: ModelRoute,
  origin: Origin,
  flags: number
): void => {
  routes.splice(at, 0, route)
  kernel.routeAdded(route)
  tellRoute(kernel, NetlinkType.NewRoute, route, origin, flags)
}

const sameRank = (a: ModelRoute, b: ModelRoute): boolean => a.metric === b.metric && a.typeOfService === b.typeOfService

const sameContent = (a: ModelRoute, b: ModelRoute): boolean =>
  a.type === b.type && a.scope === b.scope && a.protocol === b.protocol && sameWay(a, b)

const sameWay = (a: ModelRoute, b: ModelRoute): boolean =>
  a.nexthopId === b.nexthopId && a.ifindex === b.ifindex && sameWords(a.gateway, b.gateway)

/** RTM_DELROUTE: what the request leaves out matches everything. */
export const deleteRoute = (kernel: ModelKernel, request: Route, origin: Origin): Refusal | undefined => {
  const { family, length, metric, protocol, type, scope, nexthopId } = request
  if (family === 0) return MALFORMED
  const words = masked(request.words, length)
  if (family === 4 && !sameWords(words, request.words)) return HOST_BITS
  if (nexthopId !== 0 && !kernel.nexthops.has(nexthopId)) return refuse(Errno.EINVAL, "Nexthop id does not exist")
  const table = kernel.tables[family].get(request.table === 0 ? RouteTable.Main : request.table)
  if (table === undefined) return refuse(Errno.ESRCH, "FIB table does not exist")
  const key = prefixKey(family, words, length)
  const routes = table.get(key) ?? []
  const at = routes.findIndex(
    (route) =>
      (metric === 0 || route.metric === metric) &&
      (protocol === 0 || route.protocol === protocol) &&
      (nexthopId === 0 || route.nexthopId === nexthopId) &&
      (request.ifindex === 0 || route.ifindex === request.ifindex) &&
      (request.gateway === undefined || sameWords(request.gateway, route.gateway)) &&
      (family === 6 || type === 0 || route.type === type) &&
      (family === 6 || scope === RouteScope.Nowhere || route.scope === scope)
  )
  if (at < 0) return refuse(Errno.ESRCH)
  const [route] = routes.splice(at, 1)
  if (routes.length === 0) table.delete(key)
  kernel.routeRemoved(route)
  tellRoute(kernel, NetlinkType.DelRoute, route, origin, 0)
  return undefined
}

/** Routes on nexthops that went, go without a word. */
export const removeRoutesOn = (kernel: ModelKernel, nexthopIds: ReadonlySet<number>): void =>
  kernel.removeRoutes(
    ({ nexthopId }) => nexthopId !== 0 && nexthopIds.has(nexthopId),
    () => {}
  )

/** Puts in a route of the kernel's own (connected or local), and tells. */
export const addKernelRoute = (kernel: ModelKernel, route: ModelRoute): void => {
  const table = kernel.tableFor(route.family, route.table)
  const key = prefixKey(route.family, route.words, route.length)
  const routes = table.get(key) ?? []
  if (routes.some((other) => sameRank(other, route) && sameContent(other, route))) return
  const after = routes.findIndex(({ metric }) => metric > route.metric)
  place(kernel, routes, after < 0 ? routes.length : after, route, NOBODY, ALONE)
  table.set(key, routes)
}

export const tellRoute = (
  kernel: ModelKernel,
  message: number,
  route: ModelRoute,
  origin: Origin,
  flags: number
): void => {
  if (kernel.lossesLeft > 0) {
    kernel.lossesLeft--
    kernel.output.notificationLost()
    return
  }
  const w = kernel.output.notification(origin.port)
  writeRouteObject(w, message, origin, flags, route, shownType(kernel, route), shownFlags(kernel, route))
}

/** What the kernel calls it now: routes on a blackhole group are blackhole routes. */
export const shownType = (kernel: ModelKernel, route: ModelRoute): number =>
  route.nexthopId !== 0 && isBlackhole(kernel, route.nexthopId) ? RouteType.Blackhole : route.type

export const shownFlags = (kernel: ModelKernel, { nexthopId, ifindex, type }: ModelRoute): number =>
  nexthopId === 0 && ifindex !== 0 && type === RouteType.Unicast && !kernel.usable(ifindex) ? NexthopFlag.LinkDown : 0
