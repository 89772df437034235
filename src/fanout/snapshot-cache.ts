// What a hub tells, kept so that thousands can be told it: the newest value of every key, and a trail of breadcrumbs, each with the updates
// that led to it (§3.3). Whoever connects gets a snapshot and then follows the trail at its own pace. An update is encoded once, when it
// comes; snapshots and messages are put together from encoded updates, and those who stand at the same place are sent the same bytes.
import { deepClone, fold, hashBytes, hashText, type Machine, type Micros } from "../machine/index.ts"
import { keepBytes } from "./kept-bytes.ts"
import { SyncStatus, UpdateType } from "./message.ts"
import { encodeStored, encodeUpdate, joinUpdates } from "./message-encoder.ts"
import { decodeText } from "./text.ts"
import type { Update } from "./updates.ts"

export interface CacheSettings {
  /** Inputs that are taken together, and updates of one breadcrumb, at most. A list is never split between two takings. */
  readonly maxBatchSize: number
  /** Updates of one message of a snapshot. */
  readonly maxMessageSize: number
}

export const CACHE_DEFAULTS: CacheSettings = { maxBatchSize: 100, maxMessageSize: 100 }

/** What the source says: how it is itself, or what has changed. */
export type CacheInput =
  | { readonly _tag: "Status"; readonly status: SyncStatus }
  | { readonly _tag: "Updates"; readonly updates: ReadonlyArray<Update> }

/** Everything that waited in the queue by then, in order. */
export interface CacheEvent {
  readonly _tag: "Offered"
  readonly at: Micros
  readonly inputs: ReadonlyArray<CacheInput>
}

export interface Crumb {
  readonly sequence: number
  readonly at: Micros
  /** In force from here on. */
  readonly status: SyncStatus
  /** Encoded updates. */
  readonly updates: ReadonlyArray<Uint8Array>
  readonly sizeBytes: number
}

export interface Snapshot {
  /** The crumb that it is of: its reader goes on with the next. */
  readonly sequence: number
  readonly status: SyncStatus
  /** Whole messages, several to a piece; the same for everybody who reads it. */
  readonly pieces: ReadonlyArray<Uint8Array>
  readonly updateCount: number
  readonly sizeBytes: number
}

interface Entry {
  /** As a snapshot has it: of the type New. */
  readonly body: Uint8Array
  /** Where its value lies in it. */
  readonly valueAt: number
  readonly valueEnd: number
  readonly ttlNanoseconds: number | bigint
}

export class SnapshotCache {
  readonly settings: CacheSettings
  readonly entries: Map<string, Entry> = new Map()
  /** The trail, oldest first: those that somebody may still read, and always the newest. */
  readonly crumbs: Array<Crumb> = [
    { sequence: 0, at: 0, status: SyncStatus.WaitForDatastore, updates: [], sizeBytes: 0 }
  ]
  /** Bytes of encoded updates on the trail. */
  historyBytes = 0
  storeBytes = 0
  readonly counters = { updates: 0, skipped: 0, crumbs: 0, snapshotsMade: 0, snapshotsReused: 0 }
  /** Kept for those who come soon after, until too much has happened since. */
  snapshot: Snapshot | undefined = undefined
  updatesSinceSnapshot = 0
  /** The last messages put together, by the crumbs that they are of. */
  readonly joined: Array<{ readonly from: number; readonly to: number; readonly message: Uint8Array }> = []

  constructor(settings: CacheSettings = CACHE_DEFAULTS) {
    this.settings = settings
  }

  get newest(): Crumb {
    return this.crumbs[this.crumbs.length - 1]
  }

  /** `undefined` for one that is still to come. Nobody asks for one that has been discarded. */
  crumb(sequence: number): Crumb | undefined {
    return this.crumbs[sequence - this.crumbs[0].sequence]
  }
}

export const createSnapshotCache = (settings?: CacheSettings): SnapshotCache => new SnapshotCache(settings)

export const snapshotCache: Machine<SnapshotCache, CacheEvent> = {
  name: "snapshot cache",
  step: (cache, event) => {
    offer(cache, event)
    return cache
  },
  clone: deepClone,
  digest: (cache) => {
    let sum = 0
    for (const [key, { body }] of cache.entries) {
      sum = (sum + fold(hashText(key), hashBytes(body, 0, body.length))) >>> 0
    }
    return cache.crumbs.reduce(
      (digest, { sequence, status, updates }) =>
        updates.reduce(
          (each, body) => fold(each, hashBytes(body, 0, body.length)),
          fold(fold(digest, sequence), status)
        ),
      sum
    )
  }
}

const offer = (cache: SnapshotCache, { at, inputs }: CacheEvent): void => {
  const { maxBatchSize } = cache.settings
  let taken: Array<Uint8Array> = []
  let status: SyncStatus | undefined
  let count = 0
  for (const input of inputs) {
    if (input._tag === "Status") {
      status = input.status
      count++
    } else {
      for (const update of input.updates) apply(cache, update, taken)
      count += input.updates.length
    }
    if (count < maxBatchSize) continue
    publish(cache, at, taken, status)
    taken = []
    status = undefined
    count = 0
  }
  publish(cache, at, taken, status)
}

/** Into the map, and to what the next crumbs carry, unless it would change nothing. */
const apply = (cache: SnapshotCache, update: Update, taken: Array<Uint8Array>): void => {
  const { counters, entries } = cache
  counters.updates++
  const key = typeof update.key === "string" ? update.key : decodeText(update.key, 0, update.key.length)
  const known = entries.get(key)
  if (update.value === null || update.value.length === 0) {
    if (known !== undefined) cache.storeBytes -= known.body.length
    entries.delete(key)
    // Passed on also where it was not known: the receiver may know it from another hub.
    taken.push(encodeUpdate(update))
    return
  }
  if (known !== undefined && wouldBeNoOp(known, update)) {
    counters.skipped++
    return
  }
  const { body, valueEnd } = encodeStored({ ...update, updateType: UpdateType.New })
  entries.set(key, {
    body,
    valueAt: valueEnd - update.value.length,
    valueEnd,
    ttlNanoseconds: update.ttlNanoseconds
  })
  cache.storeBytes += body.length - (known?.body.length ?? 0)
  taken.push(ofType(body, update))
}

/**
 * The original compares with the last update as it was sent, read as Updated: only what is typed Updated itself and has the same value
 * and TTL is dropped. Revisions do not count (§3.3), nor the resource versions that were taken out of the value for that purpose.
 */
const wouldBeNoOp = (known: Entry, update: Update): boolean =>
  update.updateType === UpdateType.Updated &&
  known.ttlNanoseconds === update.ttlNanoseconds &&
  sameBytes(known, update.value!)

/** The type stands in the last field but for the end: another one of as many bytes is put in its place. */
const ofType = (body: Uint8Array, update: Update): Uint8Array => {
  const { updateType } = update
  if (updateType === UpdateType.New) return body
  if (updateType === UpdateType.Unknown || updateType > 0x7f) return encodeUpdate(update)
  const own = keepBytes(body, 0, body.length)
  own[own.length - 2] = updateType
  return own
}

/** A new status goes on the last crumb, so that in sync is never said before everything that makes it so. */
const publish = (
  cache: SnapshotCache,
  at: Micros,
  taken: ReadonlyArray<Uint8Array>,
  status: SyncStatus = cache.newest.status
): void => {
  const { maxBatchSize } = cache.settings
  const before = cache.newest.status
  for (let from = 0; from < taken.length || (from === 0 && status !== before); from += maxBatchSize) {
    const isLast = from + maxBatchSize >= taken.length
    const updates = taken.slice(from, from + maxBatchSize)
    const sizeBytes = updates.reduce((sum, body) => sum + body.length, 0)
    const sequence = cache.newest.sequence + 1
    cache.crumbs.push({ sequence, at, status: isLast ? status : before, updates, sizeBytes })
    cache.historyBytes += sizeBytes
    cache.counters.crumbs++
  }
  cache.updatesSinceSnapshot += taken.length
  if (cache.updatesSinceSnapshot > Math.max(maxBatchSize, cache.entries.size / SNAPSHOT_LIFE))
    cache.snapshot = undefined
}

/** The snapshot for somebody who comes now: a new one, or one that is not much older. */
export const takeSnapshot = (cache: SnapshotCache): Snapshot => {
  if (cache.snapshot !== undefined) {
    cache.counters.snapshotsReused++
    return cache.snapshot
  }
  const { sequence, status } = cache.newest
  const pieces = piecesOf(cache)
  const sizeBytes = pieces.reduce((sum, piece) => sum + piece.length, 0)
  cache.snapshot = { sequence, status, pieces, updateCount: cache.entries.size, sizeBytes }
  cache.updatesSinceSnapshot = 0
  cache.counters.snapshotsMade++
  return cache.snapshot
}

const piecesOf = (cache: SnapshotCache): Array<Uint8Array> => {
  const pieces: Array<Uint8Array> = []
  let messages: Array<Uint8Array> = []
  let bodies: Array<Uint8Array> = []
  let waiting = 0
  const cut = (): void => {
    if (messages.length > 0) pieces.push(concat(messages, waiting))
    messages = []
    waiting = 0
  }
  const close = (): void => {
    const message = joinUpdates(bodies)
    bodies = []
    messages.push(message)
    waiting += message.length
    if (waiting >= PIECE_BYTES) cut()
  }
  for (const { body } of cache.entries.values()) {
    bodies.push(body)
    if (bodies.length === cache.settings.maxMessageSize) close()
  }
  if (bodies.length > 0) close()
  cut()
  return pieces
}

/** One message with the updates of the crumbs from `from` to `to`, both included; `undefined` where they have none. */
export const joinCrumbs = (cache: SnapshotCache, from: number, to: number): Uint8Array | undefined => {
  const known = cache.joined.find((each) => each.from === from && each.to === to)
  if (known !== undefined) return known.message
  const bodies: Array<Uint8Array> = []
  for (let sequence = from; sequence <= to; sequence++) bodies.push(...cache.crumb(sequence)!.updates)
  if (bodies.length === 0) return undefined
  const message = joinUpdates(bodies)
  cache.joined.push({ from, to, message })
  if (cache.joined.length > JOINED_KEPT) cache.joined.shift()
  return message
}

/** Nobody reads crumbs before this one any more, but the snapshot's reader will begin behind its own. */
export const discardBefore = (cache: SnapshotCache, sequence: number): void => {
  const { crumbs, newest, snapshot } = cache
  const keep = Math.min(sequence, newest.sequence, snapshot === undefined ? sequence : snapshot.sequence + 1)
  const gone = keep - crumbs[0].sequence
  if (gone <= 0) return
  for (const { sizeBytes } of crumbs.splice(0, gone)) cache.historyBytes -= sizeBytes
}

const concat = (parts: ReadonlyArray<Uint8Array>, sizeBytes: number): Uint8Array => {
  const whole = new Uint8Array(sizeBytes)
  let at = 0
  for (const part of parts) {
    whole.set(part, at)
    at += part.length
  }
  return whole
}

const sameBytes = ({ body, valueAt, valueEnd }: Entry, value: Uint8Array): boolean => {
  if (valueEnd - valueAt !== value.length) return false
  for (let at = 0; at < value.length; at++) if (body[valueAt + at] !== value[at]) return false
  return true
}

/** What is handed to a connection at a time. */
const PIECE_BYTES = 256 * 1024
/** A snapshot serves until this part of the table has changed since: to send the changes is then cheaper than to make another. */
const SNAPSHOT_LIFE = 8
const JOINED_KEPT = 16
