// A daemon that is plain data: answers what a test gave it, notes the commands it got, and tells notices when asked to.
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as PubSub from "effect/PubSub"
import * as Stream from "effect/Stream"
import { DaemonPort, NotFound, type QueryName, type QueryParams } from "../../src/api/index.ts"
import type { Command, Notice } from "../../src/router/index.ts"

export interface FakeDaemon {
  readonly layer: Layer.Layer<DaemonPort>
  readonly commands: Array<Command>
  readonly questions: Array<readonly [QueryName, QueryParams]>
  readonly tell: (notice: Notice) => Effect.Effect<void>
}

export const PEER = {
  address: "192.0.2.7",
  port: 179,
  asn: 64500,
  name: "transit",
  type: "external",
  state: "Established",
  since: "2026-01-31T12:00:00.000Z",
  families: ["ipv4-unicast"],
  capabilities: ["four-octet-as"],
  negotiated: { as4: true, holdTime: 90, families: ["ipv4-unicast"], gracefulRestart: null },
  hostname: "edge1",
  softwareVersion: null,
  dynamic: false,
  md5: true,
  ttlSecurity: false,
  restarting: false,
  prefixes: { received: 3, accepted: 2, advertised: 1, stale: 0 },
  messages: { in: 10, out: 11 },
  findings: { discarded: 1, treatedAsWithdraw: 2, last: "" },
  lastError: ""
}

export const ROUTES = [
  {
    prefix: "198.51.100.0/24",
    family: "ipv4-unicast",
    peer: "192.0.2.7",
    pathId: 0,
    best: true,
    reason: "only path",
    nextHop: "192.0.2.7",
    origin: "igp",
    asPath: "64500 64501",
    localPref: null,
    med: null,
    communities: ["64500:1"],
    largeCommunities: [],
    extendedCommunities: []
  }
]

export const GRAPH = {
  prefix: "198.51.100.0/24",
  graph: {
    pathList: 5,
    kind: "recursive",
    usable: true,
    kernel: { index: 7, state: "IN_SYNC" },
    paths: [
      {
        nextHop: "192.0.2.7",
        weight: 1,
        looped: false,
        via: { pathList: 2, kind: "connected", usable: true, interface: "eth0" }
      },
      { nextHop: "192.0.2.8", weight: 3, looped: false, interface: 'et"h1' },
      { nextHop: "192.0.2.9", weight: 1, looped: true }
    ]
  }
}

export const makeFakeDaemon = (
  answers: Partial<Record<QueryName, (params: QueryParams) => unknown>> = {}
): FakeDaemon => {
  const commands: Array<Command> = []
  const questions: Array<readonly [QueryName, QueryParams]> = []
  const notices = Effect.runSync(PubSub.sliding<Notice>(16))
  const standard: Partial<Record<QueryName, (params: QueryParams) => unknown>> = {
    peers: () => [PEER],
    routes: (params) => rowsOf(params["prefix"] === undefined || params["prefix"] === ROUTES[0]!.prefix ? ROUTES : []),
    fib: () => rowsOf([]),
    kernel: () => rowsOf([]),
    graph: () => GRAPH,
    walks: () => ({ active: 2 }),
    buffers: () => ({ pools: [{ name: "out", size: 65536, total: 4, free: 3, leased: 1 }], packed: { sets: 7 } }),
    log: () => ({ state: "off" }),
    health: () => ({ status: "ok", counters: { batches: 5 } }),
    ...answers
  }
  return {
    commands,
    questions,
    tell: (notice) => Effect.asVoid(PubSub.publish(notices, notice)),
    layer: Layer.succeed(DaemonPort, {
      query: (name, params) => {
        questions.push([name, params])
        const answer = standard[name]
        return answer === undefined
          ? Effect.fail(new NotFound({ message: `this daemon has no ${name}` }))
          : Effect.sync(() => answer(params))
      },
      command: (command) =>
        Effect.sync(() => {
          commands.push(command)
          return command.command === "withdraw" && command.prefix === "10.0.0.0/8"
            ? { ok: false, message: "10.0.0.0/8 was not announced here" }
            : { ok: true, message: "" }
        }),
      events: Stream.fromPubSub(notices)
    })
  }
}

/** A table as the router gives it: an iterable that is not an array. */
function* rowsOf(rows: ReadonlyArray<unknown>): Generator<unknown> {
  yield* rows
}
