// `npm run interop-table` writes docs/INTEROP.md from a run of test/interop/capabilities-*.test.ts: the rows are the features that the tests
// check, the columns the daemons that they met, the marks what came of it.
import { readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import type { CapabilityResult } from "../test/support/capability-checks.ts"
import { FEATURES, type Feature } from "../test/support/capability-features.ts"

const MARKS: Readonly<Record<CapabilityResult["result"], string>> = { yes: "✓", no: "✗", absent: "–" }
const PEERS = ["BIRD", "FRR", "GoBGP", "OpenBGPD", "ExaBGP"]

/** The last word on each feature and daemon counts. */
export const interopPage = (results: ReadonlyArray<CapabilityResult>): string => {
  const by = new Map(results.map((result) => [`${result.feature} ${result.peer}`, result]))
  const versions = new Map(results.map(({ peer, version }) => [peer, version]))
  const peers = PEERS.filter((peer) => versions.has(peer))
  const notes: Array<string> = []
  const noted = (words: string): string => {
    const known = notes.indexOf(words)
    return `<sup>${known >= 0 ? known + 1 : notes.push(words)}</sup>`
  }
  const cell = (feature: Feature, peer: string): string => {
    const result = by.get(`${feature.id} ${peer}`)
    if (result === undefined) return "?"
    return MARKS[result.result] + (result.note === "" || result.result === "yes" ? "" : noted(result.note))
  }
  const rows = FEATURES.map((feature: Feature) => [
    feature.title,
    feature.side,
    feature.rfc,
    ...peers.map((peer) => cell(feature, peer))
  ])
  const count = (kind: CapabilityResult["result"]) => [...by.values()].filter(({ result }) => result === kind).length
  const head = ["feature", "side", "RFC", ...peers.map((peer) => `${peer} ${versions.get(peer)}`)]
  return [
    "# Interoperability",
    "",
    "<!-- Printed by `npm run interop-table` from a run of test/interop. Do not edit. -->",
    "",
    ...INTRODUCTION,
    "",
    `${count("yes")} checks passed, ${count("no")} failed; ${count("absent")} are not shown: the other side lacks the feature or fails at it, as the note says and was measured.`,
    "",
    ...[head, head.map(() => "---"), ...rows].map((cells) => `| ${cells.join(" | ")} |`),
    "",
    ...notes.map((words, at) => `${at + 1}. ${words}`),
    ""
  ].join("\n")
}

const INTRODUCTION = [
  "Each daemon and Backwalk in network namespaces of their own, joined by one link and by a session for each thing to agree on. A check is passed when it was seen: the session up on",
  "both sides, three routes each way, what was negotiated as `backwalk show peers` has it, and what became of it. ✓ seen; – not shown, and why; ✗ it has it and the",
  "check failed. `npm test` runs all of them; with `BACKWALK_INTEROP_RESULTS=FILE` their outcomes are written down, and `npm run interop-table FILE` makes this page from them."
]

if (process.argv[1] === import.meta.filename) {
  const [file] = process.argv.slice(2)
  if (file === undefined) throw new Error("usage: npm run interop-table FILE")
  const lines = readFileSync(file, "utf8").split("\n")
  const results = lines.filter((line) => line !== "").map((line) => JSON.parse(line) as CapabilityResult)
  writeFileSync(join(import.meta.dirname, "INTEROP.md"), interopPage(results))
}
