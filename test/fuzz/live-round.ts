// A round of live sessions out of one seed: a few episodes, each with a setting of its own. A failure is shrunk to fewer moves, fewer
// chunks, fewer bytes.
import { MESSAGE_BYTES_MAX } from "../../src/machine/index.ts"
import { router } from "../../src/router/index.ts"
import { keepalive, RefreshSubtype } from "../../src/wire/index.ts"
import type { Failure } from "./decoder-round.ts"
import { Dice } from "./dice.ts"
import { breaksLaw, type Move } from "./live.ts"
import type { Phase } from "./live-oracle.ts"
import { contextOf, openOf, partyOf, SETTINGS, type Setting } from "./live-settings.ts"
import type { Step } from "./live-world.ts"
import { mutate } from "./mutate.ts"
import { shrinkBytes, shrinkList } from "./shrink.ts"
import { refreshMessage, type Source, sessionSource } from "./source.ts"
import type { Tally } from "./tally.ts"

/** Messages of one round. */
export const LIVE_ROUND = 600
const MESSAGES_PER_EPISODE = 200
/** A try is an episode here. */
const TRIES_PER_CHUNK = 600
const TRIES_MAX = 4000

export const liveRound = (
  seed: number,
  messages: number,
  tally: Tally,
  step: Step = router.step,
  watch?: (message: Uint8Array) => void
): Failure | undefined => {
  const dice = new Dice(seed)
  for (let left = messages; left > 0; left -= MESSAGES_PER_EPISODE) {
    const setting = dice.pick(SETTINGS)
    const source = sessionSource(dice, contextOf(setting.talker), setting.talker.marks)
    const open = openOf(partyOf(setting.talker, 7))
    const { marks } = setting.talker
    const moves = drawMoves(dice, { source, open, marks }, Math.min(left, MESSAGES_PER_EPISODE))
    if (watch !== undefined) for (const { chunks } of moves) for (const chunk of chunks) watch(chunk)
    const law = breaksLaw(setting, moves, step, tally)
    if (law !== undefined) return shrunk(setting, moves, step, law, seed, watch)
  }
  return undefined
}

/** What the talker has to say. */
interface Speech {
  readonly source: Source
  readonly open: Uint8Array
  readonly marks: boolean
}

const drawMoves = (dice: Dice, speech: Speech, messages: number): ReadonlyArray<Move> => {
  const { source, open, marks } = speech
  const moves: Array<Move> = []
  for (let left = messages; left > 0; ) {
    const phase: Phase = dice.oneIn(10) ? (dice.oneIn(2) ? "OpenSent" : "OpenConfirm") : "Established"
    const parts =
      phase === "OpenSent" && dice.oneIn(2)
        ? opening(dice, source, open)
        : marks && phase === "Established" && dice.oneIn(4)
          ? retold(dice, source)
          : spoken(dice, source, phase)
    moves.push({ phase, chunks: cut(dice, parts), together: dice.oneIn(2) })
    left -= parts.length
  }
  return moves
}

const spoken = (dice: Dice, source: Source, phase: Phase): ReadonlyArray<Uint8Array> => {
  const count = phase === "Established" ? 1 + dice.below(6) : 1 + dice.below(2)
  return Array.from({ length: count }, () => (dice.oneIn(4) ? source.whole() : source.next()).message)
}

/** A table told again between marks, most of the time; what stands between them may end the session. */
const retold = (dice: Dice, source: Source): ReadonlyArray<Uint8Array> => {
  const family = dice.oneIn(3) ? 1 : 0
  const between = Array.from({ length: dice.below(4) }, () => source.whole().message)
  return [refreshMessage(family, RefreshSubtype.Begin), ...between, refreshMessage(family, RefreshSubtype.End)]
}

/** The talker's OPEN, changed; where it is taken all the same, a session of its own kind begins. */
const opening = (dice: Dice, source: Source, open: Uint8Array): ReadonlyArray<Uint8Array> => [
  mutate(open, dice, () => source.whole().message),
  keepalive(),
  source.whole().message,
  source.next().message
]

/** Boundaries of chunks as TCP has them: where messages end, or anywhere. */
const cut = (dice: Dice, messages: ReadonlyArray<Uint8Array>): ReadonlyArray<Uint8Array> => {
  if (dice.oneIn(3)) return messages
  const total = messages.reduce((sum, { length }) => sum + length, 0)
  const stream = new Uint8Array(total)
  let end = 0
  for (const message of messages) {
    stream.set(message, end)
    end += message.length
  }
  if (dice.oneIn(3)) return [stream]
  const chunks: Array<Uint8Array> = []
  for (let at = 0; at < total; ) {
    const size = 1 + dice.below(dice.oneIn(2) ? 40 : MESSAGE_BYTES_MAX)
    chunks.push(stream.subarray(at, at + size))
    at += size
  }
  return chunks
}

const shrunk = (
  setting: Setting,
  moves: ReadonlyArray<Move>,
  step: Step,
  law: string,
  seed: number,
  watch?: (message: Uint8Array) => void
): Failure => {
  let tries = 0
  // Any broken law will do, as long as it is not one of another kind: words before the first number.
  const kind = (text: string | undefined): string | undefined => text?.split(/[\d:(]/)[0]
  const fails = (candidate: ReadonlyArray<Move>): boolean => {
    watch?.(candidate[0]?.chunks[0] ?? new Uint8Array(0))
    return tries++ < TRIES_MAX && kind(breaksLaw(setting, candidate, step)) === kind(law)
  }
  let best = shrinkList(moves, fails)
  for (let index = 0; index < best.length; index++) {
    const replaced = (chunks: ReadonlyArray<Uint8Array>): ReadonlyArray<Move> =>
      best.map((move, at) => (at === index ? { ...move, chunks } : move))
    best = replaced(shrinkList(best[index]!.chunks, (chunks) => fails(replaced(chunks))))
    for (let chunk = 0; chunk < best[index]!.chunks.length; chunk++) {
      const withChunk = (bytes: Uint8Array): ReadonlyArray<Uint8Array> =>
        best[index]!.chunks.map((old, at) => (at === chunk ? bytes : old))
      best = replaced(
        withChunk(
          shrinkBytes(best[index]!.chunks[chunk]!, (bytes) => fails(replaced(withChunk(bytes))), TRIES_PER_CHUNK)
        )
      )
    }
  }
  return {
    law: breaksLaw(setting, best, step) ?? law,
    seed,
    messages: best.flatMap(({ chunks }) => chunks),
    setting: `${setting.name}; ${best.map(({ phase, chunks }) => `${phase} ×${chunks.length}`).join(", ")}`
  }
}
