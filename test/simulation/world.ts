// Two routers of a virtual world that speak BGP over one link: `left` has a kernel and learns, `right` originates.
import type { RouterConfig } from "../../src/router/index.ts"
import { replayWorldRouter, World, type WorldOptions, type WorldRouter } from "../../src/testing/world.ts"
import { formatAddress, formatPrefix } from "../../src/wire/index.ts"

export const PREFIXES = ["198.51.100.0/24", "203.0.113.0/24"]
const BGP = 186

const peer = (address: string, asn: number, passive: boolean): RouterConfig["peers"][number] => ({
  address,
  port: 179,
  asn,
  type: "external",
  name: "",
  localAddress: "",
  passive,
  enabled: true,
  families: ["ipv4-unicast"],
  holdTime: 9,
  connectRetry: 5,
  idleHold: 1,
  addPath: { receive: false, send: 0 },
  extendedMessage: false,
  password: "",
  ttlSecurity: false,
  multihop: 0,
  policyOpen: true,
  maxPrefixes: 0
})

const KERNEL = { table: 254, metric: 20, onExit: "remove", model: true } as const

const ethernet = (host: number) =>
  [
    { _tag: "LinkAdded", index: 2, name: "eth0", up: true, carrier: true },
    { _tag: "AddressAdded", family: 4, ifindex: 2, words: [0x0a000000 + host], length: 24 }
  ] as const

export const twoRouters = (options: WorldOptions, bothDial = false): World => {
  const world = new World(options)
  world.add("left", {
    addresses: ["10.0.0.1"],
    config: {
      router: { asn: 65001, id: "10.0.0.1" },
      listen: ["0.0.0.0:179"],
      kernel: KERNEL,
      peers: [peer("10.0.0.2", 65002, !bothDial)],
      static: [],
      originate: []
    },
    kernel: ethernet(1)
  })
  world.add("right", {
    addresses: ["10.0.0.2"],
    config: {
      router: { asn: 65002, id: "10.0.0.2" },
      listen: ["0.0.0.0:179"],
      peers: [peer("10.0.0.1", 65001, false)],
      static: [],
      originate: PREFIXES.map((prefix) => ({ prefix, communities: [] }))
    }
  })
  return world
}

/** Routers `r1`, `r2`, … in a row, each with a kernel and an AS of its own; the first originates. */
export const rowOfRouters = (options: WorldOptions, count: number): World => {
  const world = new World(options)
  for (let host = 1; host <= count; host++) {
    const neighbours = [host - 1, host + 1].filter((other) => other >= 1 && other <= count)
    world.add(`r${host}`, {
      addresses: [`10.0.0.${host}`],
      config: {
        router: { asn: 65000 + host, id: `10.0.0.${host}` },
        listen: ["0.0.0.0:179"],
        kernel: KERNEL,
        peers: neighbours.map((other) => peer(`10.0.0.${other}`, 65000 + other, other > host)),
        static: [],
        originate: host === 1 ? PREFIXES.map((prefix) => ({ prefix, communities: ["65001:7"] })) : []
      },
      kernel: ethernet(host)
    })
  }
  return world
}

/** The routes that we put into a router's kernel, as text, sorted. */
export const kernelRoutes = (one: WorldRouter): Array<string> =>
  [...one.kernel.tables[4].values()]
    .flatMap((table) => [...table.values()].flat())
    .filter((route) => route.protocol === BGP)
    .map((route) => formatPrefix(route))
    .sort()

/** Everything that is ours in a router's kernel, by what it does and not by its numbers. */
export const kernelOf = (one: WorldRouter): unknown => {
  const { nexthops, tables } = one.kernel
  const gatewaysOf = (id: number): Array<string> => {
    const nexthop = nexthops.get(id)
    if (nexthop === undefined) return ["missing"]
    const { gateway, members } = nexthop
    if (members !== undefined) return members.flatMap((member) => gatewaysOf(member.id)).sort()
    return [gateway === undefined ? "no gateway" : formatAddress({ family: 4, words: gateway })]
  }
  const routes = [...tables[4].values()].flatMap((table) => [...table.values()].flat())
  return {
    routes: routes
      .filter((route) => route.protocol === BGP)
      .map((route) => `${formatPrefix(route)} via ${gatewaysOf(route.nexthopId).join()} metric ${route.metric}`)
      .sort(),
    nexthops: [...nexthops.values()].filter(({ protocol }) => protocol === BGP).length
  }
}

export const isConverged = (world: World): boolean =>
  kernelRoutes(world.router("left")).join() === [...PREFIXES].sort().join()

/** The first divergence of any router's replay, as text; empty when every checkpoint agrees. */
export const divergences = (world: World): string =>
  ["left", "right"]
    .flatMap((name) => {
      const { divergence } = replayWorldRouter(world.router(name))
      return divergence === undefined ? [] : [`${name}: ${JSON.stringify(divergence)}`]
    })
    .join("; ")
