// Plays a recorded run again. Only inputs are recorded; a replay computes the effects afresh, performs none of them, and compares
// digests of state and effects at each Checkpoint with those that the run had. The first difference ends it: from there on the two
// runs are different runs (ADR-0004).
import type { Lease } from "../buffers/index.ts"
import type { Batch } from "../eventlog/index.ts"
import { fold, hashBytes, type Machine, type Micros, OpBuffer } from "../machine/index.ts"
import { routerEffects, spanFrom, spanTo } from "./effects.ts"

export interface Divergence {
  /** The batch that begins with the Checkpoint. What differs happened before it, and after the last checkpoint that agreed. */
  readonly seq: number
  readonly kind: "state" | "effects"
  readonly expected: number
  readonly actual: number
  /** The batch of the last checkpoint that agreed; -1 when there was none. */
  readonly agreedAt: number
}

export interface ReplayOptions<State> {
  /** The running digest of effects, continued by what one step appended. `foldOps` for the router. */
  readonly digestOf: (digest: number, out: OpBuffer, state: State) => number
  /** After each step and its digest: gives back what the interpreter would (leases), and may look. Effects are cleared afterwards. */
  readonly settle?: (out: OpBuffer, state: State, batch: Batch) => void
  /** The last batch to replay, by sequence or by time; both included. */
  readonly until?: { readonly seq?: number; readonly at?: Micros }
}

export interface Replayed<State> {
  readonly state: State
  readonly batches: number
  readonly records: number
  /** -1: none. */
  readonly lastSeq: number
  readonly effects: number
  /** Checkpoints whose digests both agreed. */
  readonly checkpoints: number
  /** The digests after the last batch. */
  readonly stateDigest: number
  readonly effectDigest: number
  readonly divergence?: Divergence
}

export const replay = <State>(
  machine: Machine<State, Batch>,
  initial: State,
  batches: Iterable<Batch>,
  options: ReplayOptions<State>
): Replayed<State> => {
  const out = new OpBuffer(1024)
  let state = initial
  let effectDigest = EFFECT_DIGEST_START
  const seen = { batches: 0, records: 0, lastSeq: -1, effects: 0, checkpoints: 0 }
  let agreedAt = -1
  let divergence: Divergence | undefined
  for (const batch of batches) {
    if (isPast(batch, options.until)) break
    for (const record of batch.records) {
      if (record._tag !== "Checkpoint") continue
      divergence = compare(batch.seq, agreedAt, record, machine.digest(state), effectDigest)
      if (divergence !== undefined) break
      agreedAt = batch.seq
      seen.checkpoints++
    }
    if (divergence !== undefined) break
    out.clear()
    state = machine.step(state, batch, out)
    effectDigest = options.digestOf(effectDigest, out, state)
    options.settle?.(out, state, batch)
    seen.batches++
    seen.records += batch.records.length
    seen.lastSeq = batch.seq
    seen.effects += out.length
  }
  const end = { ...seen, state, stateDigest: machine.digest(state), effectDigest }
  return divergence === undefined ? end : { ...end, divergence }
}

const isPast = (batch: Batch, until: ReplayOptions<unknown>["until"]): boolean =>
  until !== undefined &&
  ((until.seq !== undefined && batch.seq > until.seq) || (until.at !== undefined && batch.at > until.at))

const compare = (
  seq: number,
  agreedAt: number,
  expected: { readonly stateDigest: number; readonly effectDigest: number },
  stateDigest: number,
  effectDigest: number
): Divergence | undefined => {
  if (expected.stateDigest !== stateDigest) {
    return { seq, agreedAt, kind: "state", expected: expected.stateDigest, actual: stateDigest }
  }
  if (expected.effectDigest !== effectDigest) {
    return { seq, agreedAt, kind: "effects", expected: expected.effectDigest, actual: effectDigest }
  }
  return undefined
}

/** The digest of no effects. */
export const EFFECT_DIGEST_START = 0

/**
 * The digest continued by a step's effects, in order. Which block holds the bytes of a Send depends on when the interpreter gave
 * blocks back, so the bytes themselves count, not their place. Asked before the interpreter releases the leases.
 */
export const foldOps = (digest: number, out: OpBuffer, bytesOf: (lease: Lease) => Uint8Array): number => {
  let d = digest
  for (let index = 0; index < out.length; index++) {
    const op = out.code(index)
    const b = out.b(index)
    const c = out.c(index)
    d = fold(fold(d, op), op === code.KernelSend || op === code.KernelDump ? c : out.a(index))
    if (op === code.Send) d = fold(d, hashBytes(bytesOf(b), spanFrom(c), spanTo(c)))
    else if (op === code.KernelSend || op === code.KernelDump) d = fold(d, hashBytes(bytesOf(out.a(index)), 0, b))
    else d = fold(fold(d, b), c)
  }
  return d
}

/** What the interpreter does with leases once everything is sent: one release for each operation that carries one. */
export const releaseEffects = (out: OpBuffer, release: (lease: Lease) => void): void => {
  for (let index = 0; index < out.length; index++) {
    const op = out.code(index)
    if (op === code.Send) release(out.b(index))
    else if (op === code.KernelSend || op === code.KernelDump) release(out.a(index))
  }
}

const code = routerEffects.code
