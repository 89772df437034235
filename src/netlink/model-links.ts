// Links and addresses of the model kernel, and what their changes take along. The point of the model is here: a carrier that goes
// takes nexthops, group members and routes with it, and nobody is told but for the link (ADR-0020).

import { flushNexthopsOn } from "./model-nexthops.ts"
import { NOBODY, type Origin, writeAddress, writeLink, writeNeighbour } from "./model-output.ts"
import { addKernelRoute, tellRoute } from "./model-routes.ts"
import {
  type ModelAddress,
  type ModelKernel,
  type ModelLink,
  type ModelRoute,
  masked,
  sameWords
} from "./model-state.ts"
import { NetlinkType, RouteProtocol, RouteScope, RouteTable, RouteType } from "./numbers.ts"

/** A new link has its wanted index, or the next one. */
export const addLink = (kernel: ModelKernel, link: Omit<ModelLink, "index"> & { readonly index?: number }): number => {
  const index = link.index ?? kernel.nextLinkIndex
  kernel.nextLinkIndex = Math.max(kernel.nextLinkIndex, index + 1)
  const added = { ...link, index }
  kernel.links.set(index, added)
  tellLink(kernel, NetlinkType.NewLink, added, NOBODY)
  return index
}

export const removeLink = (kernel: ModelKernel, index: number): void => {
  const link = kernel.links.get(index)
  if (link === undefined) return
  setLinkUp(kernel, index, false, NOBODY)
  for (const address of kernel.addresses.filter(({ ifindex }) => ifindex === index))
    removeAddress(kernel, address, NOBODY)
  kernel.links.delete(index)
  tellLink(kernel, NetlinkType.DelLink, { ...link, up: false, carrier: false }, NOBODY)
}

/** Administratively up or down. Down takes all routes of the link, IPv6 addresses, and every neighbour. */
export const setLinkUp = (kernel: ModelKernel, index: number, up: boolean, origin: Origin): void => {
  const link = kernel.links.get(index)
  if (link === undefined || link.up === up) return
  const changed = { ...link, up }
  kernel.links.set(index, changed)
  if (up) {
    tellLink(kernel, NetlinkType.NewLink, changed, origin)
    for (const address of kernel.addresses.filter(({ ifindex }) => ifindex === index)) addRoutesOf(kernel, address)
    return
  }
  flushNexthopsOn(kernel, index)
  removeNeighbours(kernel, index, false)
  kernel.removeRoutes(
    ({ ifindex, nexthopId }) => nexthopId === 0 && ifindex === index,
    (route) => {
      if (route.family === 6) tellRoute(kernel, NetlinkType.DelRoute, route, NOBODY, 0)
    }
  )
  const lost = kernel.addresses.filter(({ ifindex, family }) => ifindex === index && family === 6 && !link.loopback)
  for (const address of lost) removeAddress(kernel, address, NOBODY)
  tellLink(kernel, NetlinkType.NewLink, changed, origin)
}

/** Without a carrier nexthops go; plain routes stay and are flagged. What went does not come back by itself. */
export const setCarrier = (kernel: ModelKernel, index: number, carrier: boolean): void => {
  const link = kernel.links.get(index)
  if (link === undefined || link.carrier === carrier) return
  const changed = { ...link, carrier }
  kernel.links.set(index, changed)
  if (!carrier && link.up) {
    flushNexthopsOn(kernel, index)
    removeNeighbours(kernel, index, true)
  }
  tellLink(kernel, NetlinkType.NewLink, changed, NOBODY)
}

/** False: the link has it already. */
export const addAddress = (kernel: ModelKernel, address: ModelAddress, origin: Origin): boolean => {
  if (kernel.addresses.some((other) => sameAddress(other, address))) return false
  kernel.addresses.push(address)
  tellAddress(kernel, NetlinkType.NewAddress, address, origin)
  if (kernel.links.get(address.ifindex)?.up === true) addRoutesOf(kernel, address)
  return true
}

/** False: the link does not have it. Nexthops stay, though their gateway may be off-link now. */
export const removeAddress = (kernel: ModelKernel, address: ModelAddress, origin: Origin): boolean => {
  const kept = kernel.addresses.filter((other) => !sameAddress(other, address))
  if (kept.length === kernel.addresses.length) return false
  kernel.addresses = kept
  const { family, ifindex } = address
  const own = routesOf(address)
  kernel.removeRoutes(
    (route) => route.protocol === RouteProtocol.Kernel && own.some((other) => sameKernelRoute(route, other)),
    (route) => tellRoute(kernel, NetlinkType.DelRoute, route, NOBODY, 0)
  )
  tellAddress(kernel, NetlinkType.DelAddress, address, origin)
  // IPv4 is switched off on a link with its last address, and its routes go without a word.
  if (family === 4 && !kept.some((other) => other.family === 4 && other.ifindex === ifindex)) {
    kernel.removeRoutes(
      (route) => route.family === 4 && route.nexthopId === 0 && route.ifindex === ifindex,
      () => {}
    )
  }
  return true
}

const sameAddress = (a: ModelAddress, b: ModelAddress): boolean =>
  a.ifindex === b.ifindex && a.length === b.length && sameWords(a.words, b.words)

const sameKernelRoute = (a: ModelRoute, b: ModelRoute): boolean =>
  a.family === b.family &&
  a.table === b.table &&
  a.length === b.length &&
  a.ifindex === b.ifindex &&
  a.type === b.type &&
  sameWords(a.words, b.words)

const addRoutesOf = (kernel: ModelKernel, address: ModelAddress): void => {
  for (const route of routesOf(address)) addKernelRoute(kernel, route)
}

const METRIC_IPV6_KERNEL = 256

/** The connected prefix, and the address itself in the local table. */
const routesOf = ({ family, ifindex, words, length }: ModelAddress): ReadonlyArray<ModelRoute> => {
  const whole = family === 4 ? 32 : 128
  const common = { family, protocol: RouteProtocol.Kernel, typeOfService: 0, nexthopId: 0, ifindex, gateway: undefined }
  const scopes = family === 4 ? { connected: RouteScope.Link, local: RouteScope.Host } : { connected: 0, local: 0 }
  const local = {
    ...common,
    words,
    length: whole,
    table: RouteTable.Local,
    type: RouteType.Local,
    scope: scopes.local,
    metric: 0
  }
  if (family === 4 && length === whole) return [local]
  const connected = {
    ...common,
    words: masked(words, length),
    length,
    table: RouteTable.Main,
    type: RouteType.Unicast,
    scope: scopes.connected,
    metric: family === 4 ? 0 : METRIC_IPV6_KERNEL
  }
  return [local, connected]
}

const NEIGHBOUR_PERMANENT = 0x80

const removeNeighbours = (kernel: ModelKernel, index: number, keepPermanent: boolean): void => {
  const stays = (state: number): boolean => keepPermanent && (state & NEIGHBOUR_PERMANENT) !== 0
  const gone = kernel.neighbours.filter(({ ifindex, state }) => ifindex === index && !stays(state))
  kernel.neighbours = kernel.neighbours.filter((neighbour) => !gone.includes(neighbour))
  for (const neighbour of gone) {
    writeNeighbour(kernel.output.notification(0), NetlinkType.DelNeighbour, NOBODY, 0, neighbour)
  }
}

const tellLink = (kernel: ModelKernel, type: number, link: ModelLink, origin: Origin): void => {
  if (lose(kernel)) return
  writeLink(kernel.output.notification(origin.port), type, origin, 0, link)
}

const tellAddress = (kernel: ModelKernel, type: number, address: ModelAddress, origin: Origin): void => {
  if (lose(kernel)) return
  writeAddress(kernel.output.notification(origin.port), type, origin, 0, address)
}

const lose = (kernel: ModelKernel): boolean => {
  if (kernel.lossesLeft === 0) return false
  kernel.lossesLeft--
  kernel.output.notificationLost()
  return true
}
