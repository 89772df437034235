// BIRD, FRR and GoBGP as clients of one Backwalk: of a route server, of a route reflector (with families that are only carried, and several
// paths in the real kernel), and as what a confederation's member has around it. RFC 7947, RFC 4456, RFC 5065
import { afterAll, beforeAll, expect, it } from "vitest"
import { eventually } from "../support/interop-lab.ts"
import { requirement } from "../support/requirements.ts"
import { BIRD, FRR, GOBGP, type Held, type Settings, Trio } from "../support/trio-lab.ts"

const needs = requirement("bird", "frr", "gobgp", "root", "ip", "namespaces")

const FROM_BIRD = "100.2.0.0/24"
const FROM_FRR = "100.3.0.0/24"
const FROM_GOBGP = "100.4.0.0/24"
/** Announced by all three. */
const SHARED = "100.99.0.0/24"
/** From BIRD with FRR's number in its path, and from GoBGP without. */
const LOOPING = "100.98.0.0/24"

const holds = (what: string, probe: () => Promise<Held | undefined>, expected: Held | undefined): Promise<unknown> =>
  eventually(what, async () => {
    const found = await probe()
    if (JSON.stringify(found) !== JSON.stringify(expected)) throw new Error(`it has ${JSON.stringify(found)}`)
    return true
  })

const scene = (title: string, settings: Settings, body: (trio: () => Trio) => void): void =>
  needs.describe(title, () => {
    let trio: Trio | undefined
    beforeAll(async () => {
      trio = new Trio(title.split(" ").at(-1)!, settings)
      try {
        await trio.start()
      } catch (cause) {
        throw new Error(`${String(cause)}\n${trio.lab.said()}`)
      }
    }, 120_000)
    afterAll(() => trio?.close(), 60_000)
    body(() => trio!)
  })

const served = { type: "route-server-client" } as const

scene(
  "clients of a route-server",
  {
    router: {},
    peers: [
      { address: BIRD, asn: 65002, ...served },
      { address: FRR, asn: 65003, ...served },
      { address: GOBGP, asn: 65004, ...served }
    ],
    asns: { bird: [65002, 65001], frr: [65003, 65001], gobgp: [65004, 65001] },
    birdRoutes: [FROM_BIRD, SHARED, LOOPING],
    birdExport: `if net = ${LOOPING} then bgp_path.prepend(65003);`,
    frrNetworks: [FROM_FRR, SHARED]
  },
  (trio) => {
    beforeAll(async () => {
      for (const prefix of [FROM_GOBGP, SHARED, LOOPING]) {
        await trio().mustGoBgp("global", "rib", "add", prefix, "nexthop", GOBGP, "-a", "ipv4")
      }
    })

    it("each hears of the others' routes with their AS_PATH and NEXT_HOP, and without us [RFC 7947 §2.2]", async () => {
      const bird = { asPath: "65002", nextHop: BIRD }
      const frr = { asPath: "65003", nextHop: FRR }
      const go = { asPath: "65004", nextHop: GOBGP }
      await holds("FRR to have BIRD's", () => trio().frr(FROM_BIRD), bird)
      await holds("GoBGP to have BIRD's", () => trio().gobgp(FROM_BIRD), bird)
      await holds("BIRD to have FRR's", () => trio().bird(FROM_FRR), frr)
      await holds("GoBGP to have FRR's", () => trio().gobgp(FROM_FRR), frr)
      await holds("BIRD to have GoBGP's", () => trio().bird(FROM_GOBGP), go)
      await holds("FRR to have GoBGP's", () => trio().frr(FROM_GOBGP), go)
      await holds("BIRD not to get its own back", () => trio().bird(FROM_BIRD), undefined)
    }, 60_000)

    it("each gets the best of what it may have: whose route is best gets the next one [RFC 7947 §2.3]", async () => {
      await holds("FRR to have the best", () => trio().frr(SHARED), { asPath: "65002", nextHop: BIRD })
      await holds("GoBGP to have the best", () => trio().gobgp(SHARED), { asPath: "65002", nextHop: BIRD })
      await holds("BIRD to have the second", () => trio().bird(SHARED), { asPath: "65003", nextHop: FRR })
    }, 60_000)

    it("who would take the best route for a loop gets another one", async () => {
      await holds("FRR to have GoBGP's", () => trio().frr(LOOPING), { asPath: "65004", nextHop: GOBGP })
      await holds("BIRD to have GoBGP's", () => trio().bird(LOOPING), { asPath: "65004", nextHop: GOBGP })
    }, 60_000)
  }
)

const CLUSTER = "10.77.0.100"
/** 3e8 and 1e8 bytes per second, as floats and as megabits. */
const BIRD_BANDWIDTH = "(generic, 0x4004fde9, 0x4d8f0d18)"
const FRR_BANDWIDTH_MBPS = 800

scene(
  "clients of a route-reflector",
  {
    router: { "cluster-id": CLUSTER, multipath: 4 },
    peers: [
      {
        address: BIRD,
        asn: 65001,
        type: "route-reflector-client",
        families: ["ipv4-unicast", "ipv4-vpn", "ipv4-flowspec"]
      },
      {
        address: FRR,
        asn: 65001,
        type: "route-reflector-client",
        families: ["ipv4-unicast", "ipv4-vpn", "l2vpn-evpn"]
      },
      { address: GOBGP, asn: 65001, families: ["ipv4-unicast", "ipv4-vpn", "l2vpn-evpn", "ipv4-flowspec"] }
    ],
    asns: { bird: [65001, 65001], frr: [65001, 65001], gobgp: [65001, 65001] },
    birdRoutes: [FROM_BIRD, SHARED],
    birdExport: `if net = ${SHARED} then bgp_ext_community.add(${BIRD_BANDWIDTH});`,
    birdTables: "vpn4 table vpntab4; flow4 table flowtab4;",
    birdChannels:
      "vpn4 mpls { table vpntab4; import all; export none; }; flow4 { table flowtab4; import all; export none; };",
    frrNetworks: [FROM_FRR, `${SHARED} route-map bandwidth`],
    frrMaps: `route-map bandwidth permit 10\n set extcommunity bandwidth ${FRR_BANDWIDTH_MBPS}\nexit`,
    frrFamilies: ["ipv4 vpn", "l2vpn evpn"]
      .map((name) => ` address-family ${name}\n  neighbor 10.77.0.1 activate\n exit-address-family`)
      .join("\n"),
    gobgpFamilies: ["ipv4-unicast", "l3vpn-ipv4-unicast", "l2vpn-evpn", "ipv4-flowspec"]
  },
  (trio) => {
    beforeAll(() => trio().mustGoBgp("global", "rib", "add", FROM_GOBGP, "nexthop", GOBGP, "-a", "ipv4"))

    it("a client's routes reach clients and others with ORIGINATOR_ID and CLUSTER_LIST, next hop as it was [RFC 4456 §8, §10]", async () => {
      const bird = { asPath: "", nextHop: BIRD, originator: BIRD, clusters: CLUSTER }
      const frr = { asPath: "", nextHop: FRR, originator: FRR, clusters: CLUSTER }
      await holds("FRR to have BIRD's", () => trio().frr(FROM_BIRD), bird)
      await holds("GoBGP to have BIRD's", () => trio().gobgp(FROM_BIRD), bird)
      await holds("BIRD to have FRR's", () => trio().bird(FROM_FRR), frr)
      await holds("GoBGP to have FRR's", () => trio().gobgp(FROM_FRR), frr)
    }, 60_000)

    it("who is no client reaches clients too [RFC 4456 §6]", async () => {
      const go = { asPath: "", nextHop: GOBGP, originator: GOBGP, clusters: CLUSTER }
      await holds("BIRD to have GoBGP's", () => trio().bird(FROM_GOBGP), go)
      await holds("FRR to have GoBGP's", () => trio().frr(FROM_GOBGP), go)
    }, 60_000)

    it("two paths share the traffic in the kernel as their link bandwidths are", async () => {
      await eventually("both paths in the table", async () => {
        const rows = await trio().rows("routes", SHARED)
        const shares = rows.filter((row) => row["multipath"] === true).map((row) => [row["peer"], row["weight"]])
        if (
          JSON.stringify(shares) !==
          JSON.stringify([
            [BIRD, 3],
            [FRR, 1]
          ])
        )
          throw new Error(JSON.stringify(rows))
        return true
      })
      // The kernel does not repeat a group's members with the route (nexthop_compat_mode=0): they are asked for by their numbers.
      const ip = async <A>(...words: ReadonlyArray<string>): Promise<A | undefined> => {
        const { stdout } = await trio().lab.ip("ours", "-j", ...words)
        return (JSON.parse(stdout === "" ? "[]" : stdout) as ReadonlyArray<A>)[0]
      }
      const weights = await eventually("a group of two in the kernel", async () => {
        const route = await ip<{ readonly nhid?: number }>("route", "show", SHARED)
        if (route?.nhid === undefined) return undefined
        const group = await ip<{ readonly group?: ReadonlyArray<{ readonly id: number; readonly weight?: number }> }>(
          ...["nexthop", "show", "id", String(route.nhid)]
        )
        if (group?.group?.length !== 2) return undefined
        const found = new Map<string, number>()
        for (const { id, weight = 1 } of group.group) {
          const leaf = await ip<{ readonly gateway: string }>("nexthop", "show", "id", String(id))
          if (leaf !== undefined) found.set(leaf.gateway, weight)
        }
        return found
      })
      expect([...weights].sort()).toEqual([
        [BIRD, 3],
        [FRR, 1]
      ])
      const [entry] = await trio().rows("fib", SHARED)
      expect(entry?.["nextHops"]).toHaveLength(2)
    }, 60_000)

    it("VPN, EVPN and FlowSpec routes of GoBGP reach those who speak them, and are withdrawn", async () => {
      const rib = ["global", "rib"]
      const vpn = ["10.1.0.0/24", "label", "100", "rd", "65001:1", "rt", "65001:1", "nexthop", GOBGP, "-a", "vpnv4"]
      const mac = ["macadv", "aa:bb:cc:dd:ee:04", "10.0.0.1", "etag", "100", "label", "1000", "rd", "65001:2"]
      const evpn = [...mac, "rt", "65001:2", "-a", "evpn"]
      const flow = ["match", "destination", "10.2.0.0/24", "then", "discard", "-a", "ipv4-flowspec"]
      for (const route of [vpn, evpn, flow]) await trio().mustGoBgp(...rib, "add", ...route)
      const seen = {
        "FRR's VPN table": async () => (await trio().vtysh("show bgp ipv4 vpn json")).includes("10.1.0.0/24"),
        "BIRD's VPN table": async () =>
          (await trio().birdc("show", "route", "table", "vpntab4")).includes("65001:1 10.1.0.0/24"),
        "FRR's EVPN table": async () => (await trio().vtysh("show bgp l2vpn evpn json")).includes("aa:bb:cc:dd:ee:04"),
        "BIRD's FlowSpec table": async () =>
          (await trio().birdc("show", "route", "table", "flowtab4")).includes("10.2.0.0/24")
      }
      for (const [where, probe] of Object.entries(seen)) await eventually(`the route in ${where}`, probe)
      const rows = await trio().rows("routes", "--family", "l2vpn-evpn")
      expect(rows.map((row) => [row["peer"], String(row["prefix"]).startsWith("0x02")])).toEqual([[GOBGP, true]])
      for (const route of [vpn, evpn, flow]) await trio().mustGoBgp(...rib, "del", ...route)
      for (const [where, probe] of Object.entries(seen)) {
        await eventually(`no route in ${where}`, async () => !(await probe()))
      }
    }, 90_000)
  }
)

scene(
  "around a member of a confederation",
  {
    router: { confederation: { identifier: 64500, members: [65010] } },
    peers: [
      { address: BIRD, asn: 65002 },
      { address: FRR, asn: 65010 },
      { address: GOBGP, asn: 65001 }
    ],
    asns: { bird: [65002, 64500], frr: [65010, 65001], gobgp: [65001, 65001] },
    birdRoutes: [FROM_BIRD],
    frrNetworks: [FROM_FRR],
    frrRouter: "bgp confederation identifier 64500\n bgp confederation peers 65001"
  },
  (trio) => {
    beforeAll(() => trio().mustGoBgp("global", "rib", "add", FROM_GOBGP, "nexthop", GOBGP, "-a", "ipv4"))

    it("the world hears one AS, and the members which of them a route has passed [RFC 5065 §4]", async () => {
      await holds("BIRD to have FRR's", () => trio().bird(FROM_FRR), { asPath: "64500", nextHop: "10.77.0.1" })
      await holds("BIRD to have GoBGP's", () => trio().bird(FROM_GOBGP), { asPath: "64500", nextHop: "10.77.0.1" })
      await holds("FRR to have BIRD's", () => trio().frr(FROM_BIRD), { asPath: "(65001) 65002", nextHop: BIRD })
      await holds("FRR to have GoBGP's", () => trio().frr(FROM_GOBGP), { asPath: "(65001)", nextHop: GOBGP })
      await holds("GoBGP to have BIRD's", () => trio().gobgp(FROM_BIRD), { asPath: "65002", nextHop: BIRD })
      await holds("GoBGP to have FRR's", () => trio().gobgp(FROM_FRR), { asPath: "65010", nextHop: FRR })
    }, 60_000)
  }
)
