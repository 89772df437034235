// The real kernel against the dumb oracle, after every change: the same random worlds as beside the graph and the model, from a few
// seeds, brought about with iproute2 and read back with it.
import { isDeepStrictEqual } from "node:util"
import fc from "fast-check"
import { expect } from "vitest"
import { address, pathOf } from "../fib/graph-world.ts"
import { expected } from "../fib/oracle.ts"
import { Ledger, WORLD_LINKS, type WorldStep, worldStep } from "../fib/topology.ts"
import { RealWorld } from "../router/forwarding-real.ts"
import { inLowestTerms } from "../router/forwarding-world.ts"
import { type Namespace, withNamespace } from "../support/namespace.ts"
import { requirement } from "../support/requirements.ts"

const needs = requirement("root", "namespaces", "ip")
const STEPS = 30

const linkCommands = ({ index, name, address: own }: (typeof WORLD_LINKS)[number]): string =>
  `ip link add ${name} index ${index} type veth peer name far${index} index ${100 + index}; ip link set ${name} up
   ip link set far${index} up; ip addr add ${own} dev ${name}`

interface Nexthop {
  readonly id: number
  readonly gateway?: string
  readonly dev?: string
  readonly group?: ReadonlyArray<{ readonly id: number; readonly weight?: number }>
}

const json = <Row>(text: string): ReadonlyArray<Row> => (text.trim() === "" ? [] : JSON.parse(text))

/** Our routes as iproute2 lists them: prefix → `gateway@link*weight …` of the group. */
const shown = (namespace: Namespace): Record<string, string> => {
  const nexthops = new Map(json<Nexthop>(namespace.sh("ip -j nexthop")).map((one) => [one.id, one]))
  const routes = json<{ readonly dst: string; readonly nhid: number }>(
    namespace.sh("ip -j route show proto bgp metric 20")
  )
  return Object.fromEntries(
    routes.map(({ dst, nhid }) => [
      dst === "default" ? "0.0.0.0/0" : dst.includes("/") ? dst : `${dst}/32`,
      inLowestTerms((nexthops.get(nhid)?.group ?? []).map(({ id, weight = 1 }) => ({ id, weight })))
        .map(({ id, weight }) => `${nexthops.get(id)?.gateway ?? ""}@${nexthops.get(id)?.dev}*${weight}`)
        .sort()
        .join(" ")
    ])
  )
}

const perform = (namespace: Namespace, world: RealWorld, step: WorldStep): void => {
  switch (step._tag) {
    case "Routed":
      // What goes nowhere is of no interest here: the next test of that prefix finds it gone.
      if (step.via[0] === "drop" || step.via[0] === "unreachable") world.withdraw(step.prefix)
      else
        world.route(
          step.prefix,
          step.via.map((path) => pathOf(path))
        )
      return
    case "Unrouted":
      world.withdraw(step.prefix)
      return
    case "Carrier":
      namespace.sh(`ip link set far${WORLD_LINKS[step.link].index} ${step.carrier ? "up" : "down"}`)
      return
    case "Up":
      namespace.sh(`ip link set ${WORLD_LINKS[step.link].name} ${step.up ? "up" : "down"}`)
      return
    case "Address": {
      const { name, address: own } = WORLD_LINKS[step.link]
      namespace.sh(`ip addr ${step.present ? "replace" : "del"} ${own} dev ${name} 2>/dev/null || true`)
      return
    }
    case "Replaced": {
      const link = WORLD_LINKS[step.link]
      namespace.sh(`ip link del ${link.name}; ${linkCommands(link)}`)
      return
    }
    case "Neighbour":
      world.forwarding.neighbourState(address(step.address), WORLD_LINKS[step.link].index, step.up)
      return
    case "Session":
      world.forwarding.sessionState(address(step.address), step.up)
      return
  }
}

/** What discards packets is noted as not being there: routes of that kind are another room's. */
const noted = (step: WorldStep): WorldStep =>
  step._tag === "Routed" && (step.via[0] === "drop" || step.via[0] === "unreachable")
    ? { _tag: "Unrouted", prefix: step.prefix }
    : step

const play = (seed: number): Promise<void> =>
  withNamespace(`oracle${seed}`, (namespace) => {
    namespace.sh("sysctl -qw net.ipv4.nexthop_compat_mode=0")
    for (const link of WORLD_LINKS) namespace.sh(linkCommands(link))
    const world = new RealWorld(namespace)
    try {
      world.forwarding.initialSyncDone()
      const ledger = new Ledger()
      const steps = fc.sample(worldStep, { seed, numRuns: STEPS })
      steps.forEach((step, index) => {
        perform(namespace, world, step)
        ledger.note(noted(step))
        const wanted = expected(ledger.topology)
        world.settle(() => isDeepStrictEqual(shown(namespace), wanted))
        expect(shown(namespace), `after ${JSON.stringify(steps.slice(0, index + 1))}`).toEqual(wanted)
      })
    } finally {
      world.close()
    }
  })

needs.describe("the real kernel and the dumb oracle", () => {
  for (const seed of [1, 2, 3, 4]) needs.it(`agree after every change, seed ${seed}`, () => play(seed), 120_000)
})
