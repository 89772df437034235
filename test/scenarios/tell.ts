// What an operator tells a router, and what befalls it: peers, links, its kernel, the process itself.
import type { Command } from "../../src/router/index.ts"
import type { Line } from "./line.ts"
import type { Stage } from "./stage.ts"

type Action = Extract<Command, { readonly command: "peer" }>["action"]

const operate =
  (action: Action) =>
  (stage: Stage, { names: [router, peer] }: Line): void =>
    stage.world.command(router!, { command: "peer", address: stage.addressOf(peer!), action })

const ERRNO: Readonly<Record<string, number>> = { ENOMEM: 12, EBUSY: 16, EINVAL: 22, ENOBUFS: 105 }

export const tell: Readonly<Record<string, (stage: Stage, line: Line) => void>> = {
  enable: operate("enable"),
  disable: operate("disable"),
  reset: operate("reset"),
  refresh: operate("refresh"),
  shutdown: (stage, { names: [router] }) => {
    stage.world.command(router!, { command: "shutdown" })
    if (stage.pass(60_000, () => stage.world.router(router!).isStopped)) stage.say(`${router} stopped`)
  },
  /** crash ROUTER: the process is gone, its kernel stays. */
  crash: (stage, { names: [router] }) => stage.world.crash(router!),
  restart: (stage, { names: [router] }) => {
    stage.world.restart(router!, stage.config(router!))
  },
  /** cut ONE OTHER: nothing arrives between them any more; nobody is told. */
  cut: (stage, { names: [one, other] }) => stage.world.cut(one!, other!),
  mend: (stage, { names: [one, other] }) => stage.world.mend(one!, other!),
  /** break ONE OTHER: their connections are reset. */
  break: (stage, { names: [one, other] }) => stage.world.breakConnections(one!, other!),
  /** link ROUTER up|down: the carrier of its interface. */
  link: (stage, { names: [router, carrier] }) =>
    stage.world.kernel(router!, { _tag: "CarrierChanged", index: 2, carrier: carrier === "up" }),
  /** kernel ROUTER fail COUNT ERRNO: the next requests are refused. */
  kernel: (stage, { names: [router, , count, errno] }) =>
    stage.world.kernel(router!, { _tag: "FaultsArmed", errno: ERRNO[errno!]!, count: Number(count) })
}
