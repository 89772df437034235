// What one may ask: a router's tables as an operator sees them, a speaker's, why a route is what it is, and whether a replay agrees.
import { explain, query } from "../../src/router/index.ts"
import { replayWorldRouter } from "../../src/testing/world.ts"
import type { Line } from "./line.ts"
import { attributesText } from "./speaker.ts"
import type { Stage } from "./stage.ts"

type Row = Readonly<Record<string, unknown>>

const rows = (
  stage: Stage,
  router: string,
  name: string,
  params: Readonly<Record<string, string>> = {}
): ReadonlyArray<Row> => [...(query(stage.world.router(router).state, name, params) as Iterable<Row>)]

const peerLine = (stage: Stage, row: Row): string => {
  const { received, accepted, advertised } = row["prefixes"] as Readonly<Record<string, number>>
  const error = row["lastError"] === "" ? "" : `, last error: ${row["lastError"]}`
  const counts = `received ${received}, accepted ${accepted}, advertised ${advertised}`
  return `${stage.nameOf(row["address"] as string)} as=${row["asn"]} ${row["type"]} ${row["state"]}: ${counts}${error}`
}

const routeLine = (stage: Stage, row: Row): string => {
  const best = row["reason"] === "best" ? "best" : `not best: ${row["reason"]}`
  return `${row["prefix"]} from ${stage.nameOf(row["peer"] as string)} ${attributesText(row)} (${best})`
}

const advertisedLine = (stage: Stage, row: Row): string =>
  `${row["prefix"]} to ${stage.nameOf(row["peer"] as string)} ${attributesText(row)}`

const fibLine = (row: Row): string => {
  const hops = (row["nextHops"] as ReadonlyArray<Row>).map(
    ({ address, interface: device, weight }) =>
      `${address ?? "directly"} dev ${device}${weight === 1 ? "" : ` weight ${weight}`}`
  )
  return `${row["prefix"]} ${row["source"]} via ${hops.length === 0 ? "nothing" : hops.join(", ")} (kernel: ${row["kernel"]})`
}

const kernelLine = (row: Row): string => {
  const waiting = row["waitingFor"] === null ? "" : `, waits for ${row["waitingFor"]}`
  const error = row["error"] === null ? "" : `, ${row["error"]}`
  return `${row["kind"]} ${row["key"]} ${row["state"]}${waiting}${error}`
}

const showSpeaker = (stage: Stage, name: string): ReadonlyArray<string> => {
  const { table, told } = stage.speakers.get(name)!
  return table.size > 5
    ? [`${table.size} prefixes, told in ${told} UPDATEs, all with ${[...new Set(table.values())].join("; ")}`]
    : [...table].map(([prefix, text]) => `${prefix} ${text}`).sort()
}

const showRouter = (stage: Stage, router: string, what: string, more: string | undefined): ReadonlyArray<string> => {
  switch (what) {
    case "peers":
      return rows(stage, router, "peers").map((row) => peerLine(stage, row))
    case "routes":
      return rows(stage, router, "routes", more === undefined ? {} : { prefix: more }).map((row) =>
        routeLine(stage, row)
      )
    case "advertised":
      return rows(stage, router, "routes", { advertised: "true", peer: stage.addressOf(more!) }).map((row) =>
        advertisedLine(stage, row)
      )
    case "fib":
      return rows(stage, router, "fib").map(fibLine)
    case "kernel":
      return rows(stage, router, "kernel").map(kernelLine)
    default:
      throw new Error(`nothing goes by the name ${what}`)
  }
}

export const show: Readonly<Record<string, (stage: Stage, line: Line) => void>> = {
  /** show ROUTER peers|routes [PREFIX]|advertised PEER|fib|kernel, show SPEAKER */
  show: (stage, { names: [name, what, more] }) => {
    const lines = stage.speakers.has(name!) ? showSpeaker(stage, name!) : showRouter(stage, name!, what!, more)
    for (const line of lines.length === 0 ? ["none"] : lines) stage.say(line)
  },
  /** explain ROUTER PREFIX: the batches that changed what is held of it, from a replay of the log. */
  explain: (stage, { names: [router, prefix] }) => {
    const { seed, batches } = stage.world.router(router!)
    for (const { seq, because, notices, now } of explain(seed, batches, { _tag: "Route", prefix: prefix! })) {
      stage.say(`batch ${seq}: ${because.join("; ")}`)
      for (const notice of notices) stage.say(`  notice: ${notice}`)
      const { paths, fib } = now as Readonly<Record<string, ReadonlyArray<Row>>>
      for (const row of paths!) stage.say(`  path ${routeLine(stage, row)}`)
      for (const row of fib!) stage.say(`  fib ${fibLine(row)}`)
      if (paths!.length + fib!.length === 0) stage.say("  nothing is held of it")
    }
  },
  /** replay ROUTER: the recorded run again; checkpoints compare its digests with those of the run. */
  replay: (stage, { names: [router] }) => {
    const one = stage.world.router(router!)
    const { divergence, checkpoints, batches, effectDigest, stateDigest } = replayWorldRouter(one)
    if (divergence !== undefined) return stage.say(`diverges at batch ${divergence.seq}: ${divergence.kind}`)
    const ends = effectDigest === one.effectDigest ? "the same effects" : "other effects"
    stage.say(
      `${batches === one.batches.length ? "all" : "not all"} batches, ${checkpoints > 0 ? "checkpoints agree" : "no checkpoint"}, ${ends}, ${stateDigest === stage.digestOf(router!) ? "the same state" : "another state"} at the end`
    )
  },
  /** leaks ROUTER: blocks of its pool that somebody still holds. */
  leaks: (stage, { names: [router] }) => stage.say(stage.world.router(router!).state.pool.describeLeaks() || "none")
}
