// Commands for model tests of everything that holds received messages: a pool of blocks, the table of messages in them, the cache of recent
// updates, that of rebuilt bytes, and writers with queues of their own that write when they like. The model keeps a copy of what was
// received and who holds it; in the end everybody lets go, and nothing may be left.
import fc from "fast-check"
import {
  BlockPool,
  type Lease,
  type MessageHandle,
  MessageTable,
  maskOf,
  RecentUpdates,
  RepackCache
} from "../buffers/index.ts"

const BLOCK_BYTES = 256
const WRITERS = 3
const RECENT_BYTES_MAX = 400
const REPACK_BYTES_MAX = 64

/** The real thing. */
export class Forwarder {
  readonly pool: BlockPool = new BlockPool(BLOCK_BYTES, "forwarder", { verify: true })
  readonly messages: MessageTable = new MessageTable(this.pool)
  readonly recent: RecentUpdates = new RecentUpdates(this.messages, RECENT_BYTES_MAX)
  readonly repacked: RepackCache = new RepackCache(REPACK_BYTES_MAX)
  readonly queues: ReadonlyArray<Array<MessageHandle>> = Array.from({ length: WRITERS }, () => [])
  /** Bytes that were adopted and not given back. */
  adopted = 0
}

interface ModelMessage {
  readonly bytes: ReadonlyArray<number>
  holders: number
}

/** What must hold of it. */
export interface ForwarderModel {
  readonly held: Map<MessageHandle, ModelMessage>
  /** Handles that nobody holds any more, so that using them must be noticed. */
  readonly gone: Array<MessageHandle>
  readonly recent: Map<number, MessageHandle>
  readonly repacked: Map<number, ReadonlyArray<number>>
  nextUpdate: number
}

export const newForwarderModel = (): ForwarderModel => ({
  held: new Map(),
  gone: [],
  recent: new Map(),
  repacked: new Map(),
  nextUpdate: 1
})

export type ForwarderCommand = fc.Command<ForwarderModel, Forwarder>

const must = (holds: boolean, law: string): void => {
  if (!holds) throw new Error(law)
}

const letGo = (model: ForwarderModel, handle: MessageHandle): void => {
  const message = model.held.get(handle)!
  if (--message.holders > 0) return
  model.held.delete(handle)
  model.gone.push(handle)
}

const noticed = (act: () => void): boolean => {
  try {
    act()
    return false
  } catch {
    return true
  }
}

/** Reads messages into a block of the pool, or takes one that somebody else made, and gives each an update number. */
const receive = (lengths: ReadonlyArray<number>, isAdopted: boolean): ForwarderCommand => ({
  check: () => true,
  run: (model, real) => {
    const { pool, messages, recent } = real
    const keeper = { retain: () => void real.adopted++, release: () => void real.adopted-- }
    const block: Lease = isAdopted ? pool.adopt(new Uint8Array(BLOCK_BYTES), "chunk", keeper) : pool.acquire("reader")
    let at = 0
    for (const length of lengths) {
      const bytes = pool.bytes(block).subarray(at, at + length)
      for (let index = 0; index < length; index++) bytes[index] = (model.nextUpdate * 31 + index) & 0xff
      const handle = messages.add(block, at, length, maskOf([]))
      must(!model.held.has(handle), "a handle names one message")
      model.held.set(handle, { bytes: [...bytes], holders: 1 })
      const id = model.nextUpdate++
      model.recent.set(id, handle)
      recent.add(id, handle)
      evict(model)
      at += length
    }
    pool.release(block)
  },
  toString: () => `receive([${lengths}], ${isAdopted})`
})

/** The oldest entries go, as the cache says that they do. */
const evict = (model: ForwarderModel): void => {
  const bytes = (): number =>
    [...model.recent.values()].reduce((sum, one) => sum + model.held.get(one)!.bytes.length, 0)
  for (const [id, handle] of model.recent) {
    if (bytes() <= RECENT_BYTES_MAX) return
    model.recent.delete(id)
    letGo(model, handle)
  }
}

const pickUpdate = (model: ForwarderModel, choice: number): number =>
  model.recent.size === 0 ? 0 : [...model.recent.keys()][choice % model.recent.size]!

/** Queues a recent update to writers, each with a count of its own. */
const forward = (choice: number, writers: number): ForwarderCommand => ({
  check: (model) => model.recent.size > 0,
  run: (model, real) => {
    const id = pickUpdate(model, choice)
    const handle = real.recent.get(id)
    must(handle === model.recent.get(id), "the cache has what was added under a number")
    for (let writer = 0; writer < WRITERS; writer++) {
      if (((writers >>> writer) & 1) === 0) continue
      real.messages.retain(handle)
      model.held.get(handle)!.holders++
      real.queues[writer]!.push(handle)
    }
  },
  toString: () => `forward(${choice}, ${writers})`
})

/** A writer writes the first message of its queue: the bytes are those that were received, whoever has written them before. */
const write = (writer: number): ForwarderCommand => ({
  check: () => true,
  run: (model, real) => {
    const handle = real.queues[writer % WRITERS]!.shift()
    if (handle === undefined) return
    must(sameBytes(real.messages.bytesOf(handle), model.held.get(handle)!.bytes), "a writer sees the bytes received")
    real.messages.release(handle)
    letGo(model, handle)
  },
  toString: () => `write(${writer})`
})

const sameBytes = (bytes: Uint8Array, others: ReadonlyArray<number>): boolean =>
  bytes.length === others.length && others.every((byte, index) => byte === bytes[index])

/** Takes an entry, which is then the caller's, and gives it back. */
const take = (choice: number): ForwarderCommand => ({
  check: () => true,
  run: (model, real) => {
    const id = pickUpdate(model, choice)
    const handle = real.recent.take(id)
    must(handle === (model.recent.get(id) ?? 0), "take gives the entry, or nothing")
    must(!real.recent.contains(id), "what was taken is not in the cache")
    if (handle === 0) return
    must(sameBytes(real.messages.bytesOf(handle), model.held.get(handle)!.bytes), "what was taken is good")
    real.messages.release(handle)
    model.recent.delete(id)
    letGo(model, handle)
  },
  toString: () => `take(${choice})`
})

const remove = (choice: number): ForwarderCommand => ({
  check: () => true,
  run: (model, real) => {
    const id = pickUpdate(model, choice)
    const handle = model.recent.get(id)
    must(real.recent.delete(id) === (handle !== undefined), "delete says whether there was an entry")
    must(!real.recent.delete(id), "an entry is deleted once")
    if (handle === undefined) return
    model.recent.delete(id)
    letGo(model, handle)
  },
  toString: () => `remove(${choice})`
})

const rebuild = (context: number, subject: number, length: number): ForwarderCommand => ({
  check: () => true,
  run: (model, { repacked }) => {
    const key = context * 100 + subject
    const bytes = Array.from({ length }, (_, index) => (key * 7 + index) & 0xff)
    if (repacked.put(context, subject, Uint8Array.from(bytes), 0, length)) {
      must(!model.repacked.has(key), "nothing is kept twice")
      model.repacked.set(key, bytes)
    }
    forgetDropped(model, repacked)
    const target = new Uint8Array(REPACK_BYTES_MAX + 8)
    const end = repacked.copyTo(context, subject, target, 8)
    const kept = model.repacked.get(key)
    must(end === (kept === undefined ? -1 : 8 + kept.length), "what is kept is found, and nothing else")
    if (kept !== undefined) must(sameBytes(target.subarray(8, end), kept), "rebuilt bytes are what was put in")
  },
  toString: () => `rebuild(${context}, ${subject}, ${length})`
})

const forget = (context: number): ForwarderCommand => ({
  check: () => true,
  run: (model, { repacked }) => {
    repacked.forget(context)
    forgetDropped(model, repacked)
    for (const key of model.repacked.keys()) must(Math.floor(key / 100) !== context, "a context is forgotten whole")
  },
  toString: () => `forget(${context})`
})

const forgetDropped = (model: ForwarderModel, repacked: RepackCache): void => {
  const bytes = new Uint8Array(REPACK_BYTES_MAX)
  const before = model.repacked.size
  for (const key of model.repacked.keys()) {
    if (repacked.copyTo(Math.floor(key / 100), key % 100, bytes, 0) === -1) model.repacked.delete(key)
  }
  must(before - model.repacked.size === repacked.dropped.length, "each entry that goes is named once")
  repacked.dropped.length = 0
}

const misuse = (choice: number, verb: "retain" | "release" | "bytesOf"): ForwarderCommand => ({
  check: (model) => model.gone.length > 0,
  run: (model, { messages }) => {
    const handle = model.gone[choice % model.gone.length]!
    if (model.held.has(handle)) return
    must(
      noticed(() => messages[verb](handle)),
      `${verb} of a message that nobody holds is noticed`
    )
  },
  toString: () => `misuse(${choice}, ${verb})`
})

const look = (): ForwarderCommand => ({
  check: () => true,
  run: (model, { messages, recent, repacked }) => {
    must(messages.count === model.held.size, "messages are counted")
    for (const [handle, { bytes, holders }] of model.held) {
      must(messages.referencesOf(handle) === holders, "holders are counted")
      must(sameBytes(messages.bytesOf(handle), bytes), "a message that is held keeps its bytes")
    }
    for (const id of model.recent.keys())
      must(recent.contains(id), "an entry stays until it is taken, deleted or too old")
    must(recent.stats().entries === model.recent.size, "entries are counted")
    must(recent.stats().bytes <= RECENT_BYTES_MAX, "the cache keeps to its bytes")
    const target = new Uint8Array(REPACK_BYTES_MAX)
    for (const [key, bytes] of model.repacked) {
      const end = repacked.copyTo(Math.floor(key / 100), key % 100, target, 0)
      must(end !== -1 && sameBytes(target.subarray(0, end), bytes), "rebuilt bytes stay what they are")
    }
    must(repacked.stats().bytes <= REPACK_BYTES_MAX, "so does that of rebuilt bytes")
  },
  toString: () => "look()"
})

/** Everybody lets go. Call it when all commands have run: nothing may be left. */
export const quiesce = (real: Forwarder): void => {
  for (const queue of real.queues) for (const handle of queue.splice(0)) real.messages.release(handle)
  real.recent.clear()
  must(real.messages.count === 0 && real.messages.bytesHeld === 0, "every message comes back")
  must(real.pool.leaks().length === 0, "every block comes back")
  must(real.adopted === 0, "whoever lent bytes has them again")
}

const length = fc.integer({ min: 1, max: 60 })
const choice = fc.nat({ max: 50 })

/** Sequences of commands; run them with `fc.modelRun(() => ({ model: newForwarderModel(), real: forwarder }), commands)`. */
export const arbitraryForwarderCommands: fc.Arbitrary<Iterable<ForwarderCommand>> = fc.commands(
  [
    fc
      .tuple(fc.array(length, { minLength: 1, maxLength: 4 }), fc.boolean())
      .map(([lengths, own]) => receive(lengths, own)),
    fc.tuple(choice, fc.integer({ min: 1, max: 7 })).map(([which, writers]) => forward(which, writers)),
    fc.tuple(choice, fc.integer({ min: 1, max: 7 })).map(([which, writers]) => forward(which, writers)),
    fc.nat({ max: WRITERS - 1 }).map(write),
    fc.nat({ max: WRITERS - 1 }).map(write),
    choice.map(take),
    choice.map(remove),
    fc
      .tuple(fc.nat({ max: 3 }), fc.nat({ max: 6 }), fc.integer({ min: 1, max: 70 }))
      .map(([a, b, c]) => rebuild(a, b, c)),
    fc.nat({ max: 3 }).map(forget),
    fc.tuple(choice, fc.constantFrom("retain", "release", "bytesOf")).map(([which, verb]) => misuse(which, verb)),
    fc.constant(look()),
    fc.constant(look())
  ],
  { maxCommands: 80, size: "max" }
)
