// Prometheus text from the same answers that people read: peers by label, pools by label, and every number of the other answers under
// its path. Counted by the router in plain numbers, so a scrape costs one query each and nothing runs between scrapes.
import * as Effect from "effect/Effect"
import { DaemonPort, type DaemonPortService, type QueryName } from "./daemon-port.ts"

export const prometheus: Effect.Effect<string, never, DaemonPort> = Effect.gen(function* () {
  const port = yield* DaemonPort
  const lines: Array<string> = []
  peerLines(yield* ask(port, "peers"), lines)
  poolLines(yield* ask(port, "buffers"), lines)
  for (const name of ["health", "walks", "log"] as const) numberLines(`backwalk_${name}`, yield* ask(port, name), lines)
  const fanout = yield* port.query("fanout", { format: "prometheus" }).pipe(Effect.orElseSucceed(() => ""))
  return `${lines.join("\n")}\n${typeof fanout === "string" ? fanout : ""}`
})

const ask = (port: DaemonPortService, name: QueryName) =>
  port.query(name, {}).pipe(Effect.catchTag("NotFound", () => Effect.succeed(undefined)))

type Labels = Readonly<Record<string, string>>

const sample = (name: string, labels: Labels, value: unknown): string | undefined => {
  if (typeof value !== "number" && typeof value !== "boolean") return undefined
  const text = Object.entries(labels).map(([label, content]) => `${label}="${escapeLabel(content)}"`)
  return `${name}${text.length === 0 ? "" : `{${text.join(",")}}`} ${Number(value)}`
}

const escapeLabel = (text: string): string =>
  text.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n")

/** One metric: its type once, then a sample for each subject. Prometheus wants them together. */
const metric = (name: string, subjects: ReadonlyArray<readonly [Labels, unknown]>, lines: Array<string>): void => {
  const samples = subjects.map(([labels, value]) => sample(name, labels, value)).filter((line) => line !== undefined)
  if (samples.length > 0) lines.push(`# TYPE ${name} gauge`, ...samples)
}

const record = (value: unknown): Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null && !Array.isArray(value)
    ? (value as Readonly<Record<string, unknown>>)
    : {}

const peerLines = (answer: unknown, lines: Array<string>): void => {
  const peers = (Array.isArray(answer) ? answer : []).map(record)
  const labels = (peer: Readonly<Record<string, unknown>>): Labels => ({
    peer: String(peer["address"]),
    asn: String(peer["asn"])
  })
  metric(
    "backwalk_peer_established",
    peers.map((peer) => [labels(peer), peer["state"] === "Established"]),
    lines
  )
  for (const [member, metricName, label] of [
    ["prefixes", "backwalk_peer_prefixes", "kind"],
    ["messages", "backwalk_peer_messages", "direction"]
  ] as const) {
    const subjects = peers.flatMap((peer) =>
      Object.entries(record(peer[member])).map(([kind, value]) => [{ ...labels(peer), [label]: kind }, value] as const)
    )
    metric(metricName, subjects, lines)
  }
}

/** `show buffers` names its pools; the other counters are numbers under their path. */
const poolLines = (answer: unknown, lines: Array<string>): void => {
  const { pools, ...others } = record(answer)
  const named: ReadonlyArray<readonly [string, unknown]> = Array.isArray(pools)
    ? pools.map((pool) => [String(record(pool)["name"]), pool] as const)
    : Object.entries(record(pools))
  const subjects = named.flatMap(([pool, counters]) =>
    Object.entries(record(counters)).map(([kind, value]) => [{ pool, kind }, value] as const)
  )
  metric("backwalk_pool", subjects, lines)
  numberLines("backwalk_buffers", others, lines)
}

const numberLines = (name: string, value: unknown, lines: Array<string>): void => {
  if (typeof value === "number" || typeof value === "boolean") {
    metric(name, [[{}, value]], lines)
    return
  }
  for (const [member, inner] of Object.entries(record(value)))
    numberLines(`${name}_${metricWord(member)}`, inner, lines)
}

/** `lastError` → `last_error`; anything that a metric's name cannot hold becomes an underscore. */
const metricWord = (member: string): string =>
  member.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`).replace(/[^a-zA-Z0-9_]/g, "_")
