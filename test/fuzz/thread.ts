// One thread of a run: round after round, the first with the seed that was asked for. Before each message it is written where the main
// thread sees it, so that a message without end can be named.
import { parentPort, workerData } from "node:worker_threads"
import { DECODER_ROUND, decoderRound } from "./decoder-round.ts"
import { LIVE_ROUND, liveRound } from "./live-round.ts"
import type { Assignment, RoundDone } from "./run.ts"
import { Tally } from "./tally.ts"

const { target, seed, rounds, progress } = workerData as Assignment
const words = new Int32Array(progress, 0, 4)
const bytes = new Uint8Array(progress, 16)

const watch = (message: Uint8Array): void => {
  words[0]++
  words[1] = Math.min(message.length, bytes.length)
  bytes.set(message.subarray(0, bytes.length))
}

for (let round = 0; round < rounds; round++) {
  const tally = new Tally()
  const each = (seed + round) | 0
  words[2] = each
  const messages = target === "decoder" ? DECODER_ROUND : LIVE_ROUND
  const failure =
    target === "decoder"
      ? decoderRound(each, messages, tally, undefined, watch)
      : liveRound(each, messages, tally, undefined, watch)
  const done: RoundDone = {
    messages,
    counts: [...tally.counts],
    findings: [...tally.findings],
    failure,
    residentBytes: process.memoryUsage.rss()
  }
  parentPort?.postMessage(done)
}
