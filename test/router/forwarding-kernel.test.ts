// Forwarding on the real kernel: what `ip route` shows, through failure and return of links, and what a restart finds.
import { isDeepStrictEqual } from "node:util"
import { expect } from "vitest"
import { type Namespace, withNamespace } from "../support/namespace.ts"
import { requirement } from "../support/requirements.ts"
import { RealWorld } from "./forwarding-real.ts"

const LINKS = [
  { index: 11, own: "10.0.1.1/24" },
  { index: 12, own: "10.0.2.1/24" }
]

const prepare = (namespace: Namespace): void => {
  namespace.sh("sysctl -qw net.ipv4.nexthop_compat_mode=0")
  for (const { index, own } of LINKS) {
    namespace.sh(`ip link add v${index} index ${index} type veth peer name p${index}; ip link set v${index} up
      ip link set p${index} up; ip addr add ${own} dev v${index}`)
  }
}

interface Nexthop {
  readonly id: number
  readonly gateway?: string
  readonly dev?: string
  readonly group?: ReadonlyArray<{ readonly id: number }>
}

const json = (text: string): ReadonlyArray<unknown> => (text.trim() === "" ? [] : JSON.parse(text))

/** Our routes: prefix → neighbours through the group, as iproute2 lists both. */
const shown = (namespace: Namespace): Record<string, string> => {
  const nexthops = new Map((json(namespace.sh("ip -j nexthop")) as ReadonlyArray<Nexthop>).map((one) => [one.id, one]))
  const routes = json(namespace.sh("ip -j route show proto bgp metric 20")) as ReadonlyArray<{
    readonly dst: string
    readonly nhid: number
  }>
  return Object.fromEntries(
    routes.map(({ dst, nhid }) => [
      dst,
      (nexthops.get(nhid)?.group ?? [])
        .map(({ id }) => `${nexthops.get(id)?.gateway}@${nexthops.get(id)?.dev}`)
        .sort()
        .join(" ")
    ])
  )
}

const ownNexthops = (namespace: Namespace): number => namespace.sh("ip nexthop").split("\n").length - 1

const needs = requirement("root", "namespaces", "ip")

needs.describe("forwarding on the real kernel", () => {
  needs.it("installs, fails over, returns, adopts after a restart, and leaves nothing", () =>
    withNamespace("fwd", (namespace) => {
      prepare(namespace)
      scenario(namespace)
    })
  )
})

const scenario = (namespace: Namespace): void => {
  const first = new RealWorld(namespace)
  first.announce("198.51.100.0/24", "10.0.1.2")
  first.announce("203.0.113.0/24", "10.0.1.2", "10.0.2.2")
  first.settle()
  const comesTo = (world: RealWorld, wanted: Record<string, string>): void => {
    world.settle(() => isDeepStrictEqual(shown(namespace), wanted))
    expect(shown(namespace)).toEqual(wanted)
  }
  const both = { "198.51.100.0/24": "10.0.1.2@v11", "203.0.113.0/24": "10.0.1.2@v11 10.0.2.2@v12" }
  expect(shown(namespace)).toEqual(both)

  namespace.sh("ip link set p11 down")
  comesTo(first, { "203.0.113.0/24": "10.0.2.2@v12" })
  namespace.sh("ip link set p11 up")
  comesTo(first, both)

  namespace.sh("ip route del 198.51.100.0/24 proto bgp metric 20")
  comesTo(first, both)
  first.close()

  const second = new RealWorld(namespace)
  second.announce("198.51.100.0/24", "10.0.1.2")
  second.settle()
  expect(second.forwarding.kernelSide!.sync.counters()).toMatchObject({ requests: 0, violations: 0 })
  second.forwarding.initialSyncDone()
  comesTo(second, { "198.51.100.0/24": "10.0.1.2@v11" })
  second.withdraw("198.51.100.0/24")
  comesTo(second, {})
  expect(ownNexthops(namespace)).toBe(0)
  second.close()
}
