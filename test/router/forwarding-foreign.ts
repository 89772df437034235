// What another program asks the kernel for: to the harm of what is ours, or for itself under the same keys.
import { isOwnId } from "../../src/ksync/index.ts"
import {
  type ModelKernel,
  NetlinkFlag,
  NetlinkWriter,
  putNexthop,
  putNexthopDelete,
  putNexthopGroup,
  putRoute,
  putRouteDelete
} from "../../src/netlink/index.ts"
import type { KernelConfig } from "../../src/router/config.ts"
import { formatPrefixWords, parsePrefix } from "../../src/wire/index.ts"

export const kernelConfig: KernelConfig = { table: 254, metric: 20, onExit: "remove", model: true }

const CREATE = NetlinkFlag.Create | NetlinkFlag.Exclusive
const SEQ = 7

const requests = (put: (writer: NetlinkWriter) => void): Uint8Array => {
  const writer = new NetlinkWriter(new Uint8Array(1024))
  put(writer)
  return writer.bytes.slice(0, writer.length)
}

const NOTHING = new Uint8Array(0)

const ownNexthops = (kernel: ModelKernel) => [...kernel.nexthops.values()].filter(({ id }) => isOwnId(id))

export const nexthopDeleted = (kernel: ModelKernel, choice: number): Uint8Array => {
  const own = ownNexthops(kernel)
  return own.length === 0 ? NOTHING : requests((w) => putNexthopDelete(w, SEQ, own[choice % own.length].id))
}

/** Another way for a nexthop, other members for a group: one of ours, or (choices from 8 on) a stranger. */
export const nexthopChanged = (kernel: ModelKernel, choice: number): Uint8Array => {
  const own = ownNexthops(kernel)
  if (own.length === 0) return NOTHING
  const { id, members } = own[choice % own.length]
  const leaves = own.filter((one) => one.members === undefined)
  const head = { seq: SEQ, flags: NetlinkFlag.Replace, id, protocol: 186 }
  if (members === undefined) {
    return requests((w) => putNexthop(w, { ...head, family: 4, gateway: [0x0a00_0114 + (choice % 4)], ifindex: 2 }))
  }
  const member = choice < 8 ? { id: leaves[choice % leaves.length].id, weight: 1 + (choice % 3) } : { id: 7, weight: 1 }
  return requests((w) => putNexthopGroup(w, { ...head, members: [member] }))
}

const keyOf = (prefix: string) => {
  const { family, words, length } = parsePrefix(prefix)!
  return { family, words, wordsAt: 0, length, table: kernelConfig.table, metric: kernelConfig.metric }
}

/** In our name a blackhole; in its own (protocol 4) by way of a nexthop of its own. */
export const routeMade = (prefix: string, protocol: 186 | 4): Uint8Array => {
  const flags = NetlinkFlag.Create | NetlinkFlag.Replace
  const way = protocol === 4 ? { groupId: 8, type: 1 } : { groupId: 0, type: 6 }
  return requests((w) => putRoute(w, { ...keyOf(prefix), ...way, seq: SEQ, flags, protocol }))
}

/** A blackhole under our key beside what is there, in our name or in its own (protocol 4): behind it, or before it. */
export const routeBeside = (prefix: string, protocol: 186 | 4, behind: boolean): Uint8Array => {
  const flags = NetlinkFlag.Create | (behind ? NetlinkFlag.Append : 0)
  return requests((w) => putRoute(w, { ...keyOf(prefix), groupId: 0, type: 6, seq: SEQ, flags, protocol }))
}

export const routeDeleted = (prefix: string, protocol: 186 | 4): Uint8Array =>
  requests((w) => putRouteDelete(w, { ...keyOf(prefix), seq: SEQ, flags: 0, protocol }))

/** Some of them under the very prefixes, protocol or metric that we use. */
export const othersRoutes = (): Uint8Array =>
  requests((w) => {
    const { metric } = kernelConfig
    putNexthop(w, { seq: 1, flags: CREATE, id: 7, family: 4, ifindex: 1, blackhole: true, protocol: 186 })
    putNexthopGroup(w, { seq: 2, flags: CREATE, id: 8, protocol: 186, members: [{ id: 7, weight: 1 }] })
    const route = { flags: CREATE, family: 4, wordsAt: 0, length: 24, groupId: 8, type: 1 } as const
    const words = [0x3200_0000]
    putRoute(w, { ...route, seq: 3, words, table: 254, protocol: 186, metric: metric + 1 })
    putRoute(w, { ...route, seq: 4, words, table: 100, protocol: 186, metric })
    putRoute(w, { ...route, seq: 5, words: [0x4600_0000], table: 254, protocol: 4, metric })
  })

/** Prefixes under which there are several routes in our name. */
export const doublesIn = (kernel: ModelKernel): ReadonlyArray<string> =>
  ([4, 6] as const).flatMap((family) =>
    [...(kernel.tables[family].get(kernelConfig.table)?.values() ?? [])].flatMap((routes) => {
      const own = routes.filter(({ protocol, metric }) => protocol === 186 && metric === kernelConfig.metric)
      return own.length > 1 ? [formatPrefixWords(family, own[0].words, 0, own[0].length)] : []
    })
  )

/** Whether there is a route of somebody else under our key. */
export const hasForeign = (kernel: ModelKernel, prefix: string): boolean => {
  const { family, words, length } = parsePrefix(prefix)!
  return [...(kernel.tables[family].get(kernelConfig.table)?.values() ?? [])]
    .flat()
    .some((route) => route.length === length && route.words.join() === words.join() && route.protocol === 4)
}

/** Everything of protocol 186 and 4 that is not ours by our own rules. */
export const othersIn = (kernel: ModelKernel): unknown => {
  const routes: Array<string> = []
  for (const [table, prefixes] of kernel.tables[4]) {
    for (const route of [...prefixes.values()].flat()) {
      const ours = route.protocol === 186 && route.metric === kernelConfig.metric && table === kernelConfig.table
      if (!ours && route.protocol !== 2)
        routes.push(`${route.words[0]}/${route.length} ${table} ${route.metric} ${route.nexthopId}`)
    }
  }
  return [routes.sort(), [...kernel.nexthops.values()].filter(({ id }) => id < 100)]
}
