// Every kind of object that we write, on the real kernel: routes of both families in any table, those that discard, resilient groups, rules,
// label stacks; made, taken over without a word, repaired, changed and removed. What iproute2 shows is what counts.
import { expect } from "vitest"
import { OpBuffer } from "../../src/machine/index.ts"
import type { KernelConfig, KernelRule } from "../../src/router/config.ts"
import { RealWorld } from "../router/forwarding-real.ts"
import { type Namespace, withNamespace } from "../support/namespace.ts"
import { requirement } from "../support/requirements.ts"

const needs = requirement("root", "namespaces", "ip")

const LINKS = `sysctl -qw net.ipv4.nexthop_compat_mode=0
  for n in 1 2; do
    ip link add v$n type veth peer name p$n; ip link set v$n up; ip link set p$n up
    ip addr add 10.0.$n.1/24 dev v$n; ip -6 addr add 2001:db8:$n::1/64 dev v$n nodad
  done`

const OFFICE: KernelRule = { family: 4, priority: 100, table: 70_000, from: "10.9.0.0/16" }
const MARKED: KernelRule = { family: 6, priority: 101, table: 71, mark: 16, markMask: 255, iif: "v1" }
const RESILIENT = { buckets: 32, idleTimer: 6000, unbalancedTimer: 30_000 }
const KINDS: Partial<KernelConfig> = { table: 70_000, groups: RESILIENT, rules: [OFFICE, MARKED] }
const CONFIG: KernelConfig = { table: 70_000, metric: 20, onExit: "remove", model: false }

const DISCARDING = (["blackhole", "unreachable", "prohibit"] as const).flatMap((discard, at) =>
  [`198.51.10${at}.0/24`, `2001:db8:f${at}::/48`].map((prefix) => ({ prefix, via: [], distance: 1, discard }))
)

/** Lines in which nothing depends on numbers that we give out. */
const lines = (namespace: Namespace, command: string): Array<string> =>
  namespace
    .sh(command)
    .split("\n")
    .map((line) =>
      line
        .replaceAll(/\b(nh)?id \d{6,}/g, "$1id N")
        .replaceAll(/\d{9}/g, "N")
        .trim()
    )
    .filter((line) => line !== "")

const rules = (namespace: Namespace): ReadonlyArray<string> =>
  ["", "-6"].flatMap((family) => lines(namespace, `ip ${family} -d rule`).filter((line) => line.includes("proto bgp")))

const withKinds = (
  tag: string,
  prepare: string,
  use: (namespace: Namespace, world: RealWorld) => void
): Promise<void> =>
  withNamespace(tag, (namespace) => {
    namespace.sh(`${LINKS}; ${prepare}`)
    const world = begin(namespace)
    try {
      use(namespace, world)
    } finally {
      world.close()
    }
  })

const begin = (namespace: Namespace): RealWorld => {
  const world = new RealWorld(namespace, KINDS)
  world.announce("203.0.113.0/24", "10.0.1.2", "10.0.2.2")
  world.announce("2001:db8:a::/48", "2001:db8:1::2", "2001:db8:2::2")
  world.forwarding.setStatic(DISCARDING)
  world.settle()
  world.forwarding.initialSyncDone()
  world.settle()
  return world
}

const RULES = [
  "100:\tfrom 10.9.0.0/16 lookup 70000 proto bgp",
  "101:\tfrom all fwmark 0x10/0xff iif v1 lookup 71 proto bgp"
]

needs.describe("each kind of object on the real kernel", () => {
  needs.it(
    "is as it is asked for: routes of both families in a table of one's own, what discards, resilient groups, rules",
    () =>
      withKinds("kinds", ":", (namespace, world) => {
        expect(rules(namespace)).toEqual(RULES)
        expect(lines(namespace, "ip nexthop").filter((line) => line.includes("group"))).toEqual(
          Array.from(
            { length: 2 },
            () =>
              "id N group N/N type resilient buckets 32 idle_timer 60 unbalanced_timer 300 unbalanced_time 0 proto bgp"
          )
        )
        expect(lines(namespace, "ip route show table 70000").sort()).toEqual([
          "203.0.113.0/24 nhid N proto bgp metric 20",
          "blackhole 198.51.100.0/24 proto bgp metric 20",
          "prohibit 198.51.102.0/24 proto bgp metric 20",
          "unreachable 198.51.101.0/24 proto bgp metric 20"
        ])
        expect(
          lines(namespace, "ip -6 route show table 70000")
            .map((line) => line.split(" proto")[0])
            .sort()
        ).toEqual([
          "2001:db8:a::/48 nhid N",
          "blackhole 2001:db8:f0::/48 dev lo",
          "prohibit 2001:db8:f2::/48 dev lo",
          "unreachable 2001:db8:f1::/48 dev lo"
        ])
        expect([...world.forwarding.showKernel({ failed: "" })]).toEqual([])
      })
  )

  needs.it("is taken over by the next run without a word; leftovers go, and what is somebody else's stays", () =>
    withKinds(
      "kinds",
      "ip rule add pref 90 from 10.8.0.0/16 lookup 70000; ip rule add pref 91 from 10.8.0.0/16 lookup 70000 protocol bgp",
      (namespace) => {
        expect(rules(namespace)).toEqual(RULES)
        const next = begin(namespace)
        expect([next.requests, rules(namespace)]).toEqual([0, RULES])
        next.close()
        expect(lines(namespace, "ip rule show pref 90")).toEqual(["90:\tfrom 10.8.0.0/16 lookup 70000"])
      }
    )
  )

  needs.it("is back when somebody deletes it, and gets its own again when somebody changes it", () =>
    withKinds("kinds", ":", (namespace, world) => {
      const before = lines(namespace, "ip nexthop").sort()
      namespace.sh("ip rule del pref 100; ip -6 rule del pref 101")
      const [group] = namespace.sh("ip nexthop | grep group").split(" ").slice(1)
      const [, members] = /group (\S+)/.exec(namespace.sh(`ip nexthop show id ${group}`))!
      namespace.sh(`ip nexthop replace id ${group} group ${members} type resilient idle_timer 5 proto bgp`)
      world.settle(() => rules(namespace).length === 2)
      expect([rules(namespace), lines(namespace, "ip nexthop").sort()]).toEqual([RULES, before])
      namespace.sh(`ip nexthop del id ${group}`)
      const isBack = (): boolean => lines(namespace, "ip route show 203.0.113.0/24 table 70000").length === 1
      world.settle(isBack)
      expect([isBack(), lines(namespace, "ip nexthop").sort()]).toEqual([true, before])
    })
  )

  needs.it(
    "follows the configuration: other rules, other timers in place, other buckets beside, in the end nothing",
    () =>
      withKinds("kinds", ":", (namespace, world) => {
        const groups = (): ReadonlyArray<string> =>
          lines(namespace, "ip nexthop")
            .filter((line) => line.includes("group"))
            .map((line) => line.split(" type ")[1] ?? "")
        world.forwarding.setKernel({
          ...CONFIG,
          groups: { ...RESILIENT, idleTimer: 9000 },
          rules: [{ ...OFFICE, priority: 99 }]
        })
        world.settle()
        expect(rules(namespace)).toEqual(["99:\tfrom 10.9.0.0/16 lookup 70000 proto bgp"])
        expect(new Set(groups())).toEqual(
          new Set(["resilient buckets 32 idle_timer 90 unbalanced_timer 300 unbalanced_time 0 proto bgp"])
        )
        world.forwarding.setKernel({ ...CONFIG, groups: { ...RESILIENT, buckets: 64 } })
        world.settle()
        expect([rules(namespace), groups().map((group) => group.split(" idle")[0])]).toEqual([
          [],
          ["resilient buckets 64", "resilient buckets 64"]
        ])
        world.forwarding.setKernel(CONFIG)
        world.settle()
        expect(groups()).toEqual(["", ""])
        world.forwarding.shutdown(new OpBuffer())
        world.settle()
        expect([lines(namespace, "ip nexthop"), lines(namespace, "ip route show table 70000")]).toEqual([[], []])
      })
  )

  needs.it("may be refused: then the kernel's words are shown, and what stands on it waits", () =>
    withKinds("kinds", ":", (namespace, world) => {
      const path = { address: { family: 4, words: [0x0a000102] }, labels: [100, 200] } as const
      world.route("203.0.114.0/24", [path])
      world.settle()
      const shown = [...world.forwarding.showKernel({})] as ReadonlyArray<Record<string, string>>
      const route = shown.find(({ key }) => key === "203.0.114.0/24")
      const [leaf] = shown.filter(({ kind, error }) => kind === "nexthop" && error !== null)
      const isThere = lines(namespace, "ip nexthop").some((line) => line.includes("encap mpls 100/200"))
      expect(route?.["state"]).toBe(isThere ? "IN_SYNC" : "ADD_DEFER")
      expect(leaf?.["error"]).toBe(isThere ? undefined : "permanent: EOPNOTSUPP lwt encapsulation type not supported")
    })
  )
})
