// Convergence below many routes on the real kernel, in a namespace: from the moment that something is known to the acknowledgement of the
// last request that it causes. Needs root. What another daemon takes for the same stands in docs/PERFORMANCE.md (S5).
import type { PathSpec } from "../src/fib/index.ts"
import { parseAddress } from "../src/wire/index.ts"
import { RealWorld } from "../test/router/forwarding-real.ts"
import { type Namespace, withNamespace } from "../test/support/namespace.ts"
import type { Row } from "./run.ts"

const LINKS = `sysctl -qw net.ipv4.nexthop_compat_mode=0
  for n in 11 12; do
    ip link add v$n index $n type veth peer name p$n
    ip link set v$n up; ip link set p$n up
    ip addr add 10.0.$n.1/24 dev v$n; ip -6 addr add 2001:db8:$n::1/64 dev v$n nodad
  done`

interface Side {
  readonly name: string
  readonly from: string
  readonly nextHop: string
  readonly ways: readonly [string, string]
}

const SIDES: ReadonlyArray<Side> = [
  { name: "IPv4", from: "20.0.0.0/24", nextHop: "192.0.2.1", ways: ["10.0.11.2", "10.0.12.2"] },
  { name: "IPv6", from: "2400::/48", nextHop: "2001:db8:ff::1", ways: ["2001:db8:11::2", "2001:db8:12::2"] }
]

const via = (text: string, more: Partial<PathSpec> = {}): PathSpec => ({ address: parseAddress(text)!, ...more })

const measure = (namespace: Namespace, { name, from, nextHop, ways }: Side, count: number): ReadonlyArray<Row> => {
  const world = new RealWorld(namespace)
  const prefix = `${nextHop}/${nextHop.includes(":") ? 128 : 32}`
  const row = (bench: string, change: () => void): Row => {
    const before = world.requests
    const start = process.hrtime.bigint()
    change()
    world.settleAnswers()
    const milliseconds = Number(process.hrtime.bigint() - start) / 1e6
    const measured = `${milliseconds.toFixed(1)} ms, ${world.requests - before} requests, ${count} routes`
    return { bench: `${name}: ${bench}`, measured, budget: "50 ms" }
  }
  try {
    world.forwarding.setStatic([{ prefix, via: [...ways], distance: 1 }])
    world.announceMany(from, count, [via(nextHop)])
    world.settle()
    const neighbour = parseAddress(ways[0])!
    return [
      row("one of two next hops fails", () => world.forwarding.neighbourState(neighbour, 11, false)),
      row("it returns", () => world.forwarding.neighbourState(neighbour, 11, true)),
      row("the route to the next hop changes", () =>
        world.forwarding.setStatic([{ prefix, via: [ways[1]], distance: 1 }])
      )
    ]
  } finally {
    world.close()
  }
}

export const run = async (count: number, print: (row: Row) => void): Promise<void> => {
  for (const side of SIDES) {
    await withNamespace("bench", (namespace) => {
      namespace.sh(LINKS)
      for (const row of measure(namespace, side, count)) print(row)
    })
  }
}
