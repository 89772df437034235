// npm run fuzz -- [--messages N] [--live N] [--seed S] [--minutes M]: the decoder and live sessions, a thread each, in rounds of one seed.
// Prints messages a second, what was met, and for what breaks a law the shrunk messages and the line that runs the round again. A thread
// that stays on one message is a hang: this one looks, because that one cannot.

import { parseArgs } from "node:util"
import { Worker } from "node:worker_threads"
import { toHex } from "../../src/wire/index.ts"
import { keepFinding } from "./corpus.ts"
import type { Failure } from "./decoder-round.ts"
import { DECODER_ROUND } from "./decoder-round.ts"
import { LIVE_ROUND } from "./live-round.ts"
import { Tally } from "./tally.ts"

export type Target = "decoder" | "live"

/** What a thread says after each round. */
export interface RoundDone {
  readonly messages: number
  readonly counts: ReadonlyArray<readonly [string, number]>
  readonly findings: ReadonlyArray<readonly [string, number]>
  readonly failure: Failure | undefined
  readonly residentBytes: number
}

export interface Assignment {
  readonly target: Target
  readonly seed: number
  readonly rounds: number
  /** Words: messages begun; length of the message under way; seed of the round; one unused; then the message's bytes. */
  readonly progress: SharedArrayBuffer
}

const PROGRESS_HEAD_BYTES = 16
const HANG_MS = 30_000
const LOOK_MS = 1000

const { values } = parseArgs({
  options: {
    messages: { type: "string", default: "200000" },
    live: { type: "string" },
    seed: { type: "string" },
    minutes: { type: "string" }
  }
})
const messages = Number(values.messages)
const live = Number(values.live ?? Math.ceil(messages / 10))
const seed = Number(values.seed ?? Date.now() % 0x7fff_ffff)
const deadline =
  values.minutes === undefined ? Number.POSITIVE_INFINITY : performance.now() + Number(values.minutes) * 60_000

const runTarget = async (target: Target, wanted: number, tally: Tally): Promise<boolean> => {
  const perRound = target === "decoder" ? DECODER_ROUND : LIVE_ROUND
  const rounds = Math.ceil(wanted / perRound)
  if (rounds === 0) return true
  const progress = new SharedArrayBuffer(PROGRESS_HEAD_BYTES + 0x10000)
  const words = new Int32Array(progress, 0, 4)
  const worker = new Worker(new URL("thread.ts", import.meta.url), {
    workerData: { target, seed, rounds, progress } satisfies Assignment
  })
  const begun = performance.now()
  let done = 0
  let peak = 0
  let failures = 0
  let seen = -1
  let seenAt = begun
  return new Promise((resolve, reject) => {
    const end = (): void => {
      clearInterval(look)
      void worker.terminate()
      const seconds = (performance.now() - begun) / 1000
      const rate = Math.round(done / seconds)
      console.log(
        `${target}: ${done} messages in ${seconds.toFixed(0)} s (${rate}/s), ${failures} failures, peak ${Math.round(peak / 1e6)} MB`
      )
      console.log(tally.lines().join("\n"))
      console.log(`  (${tally.findings.size} kinds of findings)`)
      resolve(failures === 0)
    }
    const look = setInterval(() => {
      if (performance.now() > deadline) return end()
      if (words[0] !== seen) {
        seen = words[0]
        seenAt = performance.now()
      } else if (performance.now() - seenAt > HANG_MS) {
        const bytes = new Uint8Array(progress, PROGRESS_HEAD_BYTES, words[1]).slice()
        const file = keepFinding(
          `${target}-hang-${seed}`,
          [`${target}: no end after ${HANG_MS} ms in the round of seed ${words[2]}`],
          [bytes]
        )
        console.log(
          `FAILED ${target}: the round of seed ${words[2]} does not end, its last message is kept in ${file}\n  ${toHex(bytes)}`
        )
        failures++
        end()
      }
    }, LOOK_MS)
    worker.on("message", (round: RoundDone) => {
      done += round.messages
      peak = Math.max(peak, round.residentBytes)
      tally.add(round.counts, round.findings)
      if (round.failure !== undefined) {
        failures++
        report(target, round.failure, perRound)
      }
      if (done >= rounds * perRound) end()
    })
    worker.on("error", reject)
  })
}

const report = (target: Target, failure: Failure, perRound: number): void => {
  const again = target === "decoder" ? `--messages ${perRound} --live 0` : `--messages 0 --live ${perRound}`
  const comment = [`${target}: ${failure.law}`, failure.setting, `npm run fuzz -- ${again} --seed ${failure.seed}`]
  const file = keepFinding(`${target}-${failure.seed}`, comment, failure.messages)
  console.log(`FAILED ${target}: ${failure.law}\n  ${failure.setting}`)
  for (const message of failure.messages) console.log(`  ${toHex(message)}`)
  console.log(`  kept in test/fuzz/corpus/${file}; again: npm run fuzz -- ${again} --seed ${failure.seed}`)
}

console.log(`seed ${seed}`)
const targets: ReadonlyArray<readonly [Target, number]> = [
  ["decoder", messages],
  ["live", live]
]
const passed = await Promise.all(targets.map(([target, wanted]) => runTarget(target, wanted, new Tally())))
process.exitCode = passed.every((each) => each) ? 0 : 1
