// Others meddle with what is ours, with iproute2, on the real kernel: it is put right, in place where that is possible, and what is theirs stays.
import { expect } from "vitest"
import { RealWorld } from "../router/forwarding-real.ts"
import { type Namespace, withNamespace } from "../support/namespace.ts"
import { requirement } from "../support/requirements.ts"

const needs = requirement("root", "namespaces", "ip")

const LINKS = `sysctl -qw net.ipv4.nexthop_compat_mode=0
  for n in 1 2; do
    ip link add v$n type veth peer name p$n; ip link set v$n up; ip link set p$n up
    ip addr add 10.0.$n.1/24 dev v$n; ip -6 addr add 2001:db8:$n::1/64 dev v$n nodad
  done`

interface Nexthop {
  readonly id: number
  readonly gateway?: string
  readonly dev?: string
  readonly group?: ReadonlyArray<{ readonly id: number; readonly weight?: number }>
}

const rows = <Row>(namespace: Namespace, command: string): ReadonlyArray<Row> =>
  JSON.parse(namespace.sh(`ip -j ${command}`).trim() || "[]")

/** Our routes: prefix → gateways with weights, or the type of what discards. */
const shown = (namespace: Namespace): Record<string, string> => {
  const nexthops = new Map(rows<Nexthop>(namespace, "nexthop").map((one) => [one.id, one]))
  const member = ({ id, weight = 1 }: { readonly id: number; readonly weight?: number }): string =>
    `${nexthops.get(id)?.gateway}@${nexthops.get(id)?.dev}*${weight}`
  const routes = ["-4", "-6"].flatMap((family) =>
    rows<{ readonly dst: string; readonly nhid?: number; readonly type?: string }>(
      namespace,
      `${family} route show proto bgp metric 20`
    )
  )
  const found: Record<string, string> = {}
  for (const { dst, nhid, type } of routes) {
    const group = nhid === undefined ? undefined : (nexthops.get(nhid)?.group ?? [])
    const way = group === undefined ? (type ?? "by itself") : group.map(member).sort().join(" ")
    found[dst] = found[dst] === undefined ? way : `${found[dst]}, then ${way}`
  }
  return found
}

const ROUTE = "198.51.100.0/24"
const WANTED = {
  [ROUTE]: "10.0.1.2@v1*1 10.0.2.2@v2*1",
  "192.0.2.0/24": "blackhole",
  "2001:db8:f::/48": "2001:db8:1::2@v1*1"
}

const withRoutes = (tag: string, use: (namespace: Namespace, world: RealWorld) => void): Promise<void> =>
  withNamespace(tag, (namespace) => {
    namespace.sh(LINKS)
    const world = new RealWorld(namespace)
    try {
      world.forwarding.initialSyncDone()
      world.announce(ROUTE, "10.0.1.2", "10.0.2.2")
      world.announce("2001:db8:f::/48", "2001:db8:1::2")
      world.forwarding.setStatic([{ prefix: "192.0.2.0/24", via: [], distance: 1, discard: "blackhole" }])
      world.settle()
      expect(shown(namespace)).toEqual(WANTED)
      use(namespace, world)
    } finally {
      world.close()
    }
  })

/** Of the nexthop with that gateway, or of a group with so many members. */
const idOf = (namespace: Namespace, what: string | number): number =>
  rows<Nexthop>(namespace, "nexthop").find(({ gateway, group }) =>
    typeof what === "string" ? gateway === what : group?.length === what
  )!.id

needs.describe("what iproute2 does to what is ours", () => {
  const MEDDLING: ReadonlyArray<readonly [string, (namespace: Namespace) => string, number]> = [
    ["a route that is deleted", () => `ip route del ${ROUTE} proto bgp`, 1],
    ["an IPv6 route that is deleted", () => "ip -6 route del 2001:db8:f::/48 proto bgp", 1],
    ["a blackhole that is deleted", () => "ip route del blackhole 192.0.2.0/24 proto bgp", 1],
    ["a route with another way", () => `ip route change ${ROUTE} via 10.0.2.9 proto bgp metric 20`, 1],
    ["an IPv6 route with another way", () => "ip -6 route replace 2001:db8:f::/48 dev v2 proto bgp metric 20", 1],
    ["a route behind ours in our name", () => `ip route append ${ROUTE} via 10.0.2.9 proto bgp metric 20`, 3],
    ["a route before ours in our name", () => `ip route prepend ${ROUTE} via 10.0.2.9 proto bgp metric 20`, 3],
    [
      "routes on both sides of ours in our name",
      () =>
        `ip route prepend ${ROUTE} via 10.0.2.9 proto bgp metric 20; ip route append blackhole ${ROUTE} proto bgp metric 20`,
      6
    ],
    ["an IPv6 route beside ours in our name", () => "ip -6 route append 2001:db8:f::/48 dev v2 proto bgp metric 20", 3],
    [
      "a nexthop under another name",
      (ns) => `ip nexthop replace id ${idOf(ns, "10.0.1.2")} via 10.0.1.2 dev v1 proto static`,
      1
    ],
    [
      "a group under another name",
      (ns) => `ip nexthop replace id ${idOf(ns, 2)} group ${idOf(ns, "10.0.1.2")}/${idOf(ns, "10.0.2.2")} proto static`,
      1
    ],
    ["a route that nobody wants", () => "ip route add 203.0.113.0/24 via 10.0.2.9 proto bgp metric 20", 1],
    ["a nexthop with another gateway", (ns) => `ip nexthop replace id ${idOf(ns, "10.0.1.2")} via 10.0.2.77 dev v2`, 1],
    ["a group with fewer members", (ns) => `ip nexthop replace id ${idOf(ns, 2)} group ${idOf(ns, "10.0.1.2")}`, 1],
    [
      "a group with other weights",
      (ns) => `ip nexthop replace id ${idOf(ns, 2)} group ${idOf(ns, "10.0.1.2")},7/${idOf(ns, "10.0.2.2")},3`,
      1
    ],
    ["a group that is deleted", (ns) => `ip nexthop del id ${idOf(ns, 2)}`, 2],
    ["a nexthop that is deleted", (ns) => `ip nexthop del id ${idOf(ns, "10.0.1.2")}`, 3],
    ["everything", () => "ip route flush proto bgp; ip -6 route flush proto bgp; ip nexthop flush", 16]
  ]
  for (const [what, command, requests] of MEDDLING) {
    needs.it(`${what} is put right with a handful of requests`, () =>
      withRoutes("drift", (namespace, world) => {
        const before = world.requests
        namespace.sh(command(namespace))
        world.settle()
        expect(shown(namespace)).toEqual(WANTED)
        expect(world.requests - before).toBeLessThanOrEqual(requests)
      })
    )
  }

  needs.it("a route that somebody put before ours is a conflict, stays as it is, and ours is back when it goes", () =>
    withRoutes("before", (namespace, world) => {
      namespace.sh(`ip route prepend ${ROUTE} via 10.0.2.9 proto static metric 20`)
      world.settle()
      expect(namespace.sh(`ip route show ${ROUTE}`).trim()).toBe(`${ROUTE} via 10.0.2.9 dev v2 proto static metric 20`)
      expect([...world.forwarding.showKernel({ failed: "" })]).toMatchObject([
        { key: ROUTE, error: "conflict: EEXIST" }
      ])
      namespace.sh(`ip route del ${ROUTE} proto static`)
      world.settle(() => shown(namespace)[ROUTE] !== undefined)
      expect(shown(namespace)).toEqual(WANTED)
    })
  )

  needs.it("a route that somebody put behind ours stays where it is, and ours in use", () =>
    withRoutes("behind", (namespace, world) => {
      const before = world.requests
      namespace.sh(`ip route append ${ROUTE} via 10.0.2.9 proto static metric 20`)
      world.settle()
      expect(namespace.sh(`ip route show ${ROUTE}`).trim().split("\n")).toHaveLength(2)
      expect([world.requests - before, shown(namespace)]).toEqual([0, WANTED])
    })
  )

  needs.it("routes beside ours in our name that an earlier run left are gone once it is compared", () =>
    withRoutes("doubles", (namespace) => {
      namespace.sh(`ip route append ${ROUTE} via 10.0.2.9 proto bgp metric 20
        ip -6 route append 2001:db8:f::/48 dev v2 proto bgp metric 20; ip route prepend 192.0.2.0/24 via 10.0.2.9 proto bgp metric 20`)
      const next = new RealWorld(namespace)
      next.announce(ROUTE, "10.0.1.2", "10.0.2.2")
      next.announce("2001:db8:f::/48", "2001:db8:1::2")
      next.forwarding.setStatic([{ prefix: "192.0.2.0/24", via: [], distance: 1, discard: "blackhole" }])
      next.settle()
      next.forwarding.initialSyncDone()
      next.settle()
      next.close()
      expect(shown(namespace)).toEqual(WANTED)
    })
  )

  needs.it("what the kernel refuses while no rule leads to our gateways is back at once when one does", () =>
    withRoutes("rules", (namespace, world) => {
      namespace.sh("ip rule del pref 32766; ip nexthop flush")
      world.settle()
      expect(shown(namespace)[ROUTE]).toBe(undefined)
      namespace.sh("ip rule add pref 32766 lookup main")
      world.settle()
      expect(shown(namespace)).toEqual(WANTED)
    })
  )

  needs.it("a route that took the place of ours stays, and ours is back when it goes", () =>
    withRoutes("taken", (namespace, world) => {
      namespace.sh(`ip route change ${ROUTE} via 10.0.2.9 proto static metric 20`)
      world.settle()
      expect(namespace.sh(`ip route show ${ROUTE}`)).toContain("via 10.0.2.9 dev v2 proto static metric 20")
      expect([...world.forwarding.showKernel({ failed: "" })]).toMatchObject([
        { key: ROUTE, error: "conflict: EEXIST" }
      ])
      namespace.sh(`ip route del ${ROUTE} proto static`)
      world.settle(() => shown(namespace)[ROUTE] !== undefined)
      expect(shown(namespace)).toEqual(WANTED)
    })
  )
})
