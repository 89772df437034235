// One direction of a connection: bytes in as they come, values out. A value may span several messages (each type that it introduces
// inside an interface ends one), so nothing in the framing says when it is complete: when a message is missing, the attempt is undone,
// with the types it defined, and made again once the message is there. That happens only while types are new.
import { assert } from "../machine/index.ts"
import { Cursor } from "./cursor.ts"
import { type GobFault, GobReason } from "./fault.ts"
import { type GobRegistry, type GobType, type GobValue, registryOf } from "./gob-type.ts"
import { CLIENT_LIMITS, type GobLimits } from "./limits.ts"
import { Plans } from "./plan.ts"
import { type WireType, WireTypes } from "./wire-type.ts"

export type GobNext =
  /** `id`: the sender's number of the value's type. */
  | { readonly _tag: "Value"; readonly value: GobValue; readonly id: number }
  | { readonly _tag: "NeedMore" }
  /** The stream is over: it says the same again whenever it is asked. */
  | GobFault

export interface GobDecoderOptions {
  readonly limits?: GobLimits
  readonly registry?: GobRegistry
}

const NEED_MORE: GobNext = { _tag: "NeedMore" }

export class GobDecoder {
  readonly #cursor: Cursor
  readonly #types: WireTypes
  readonly #plans: Plans
  /** The buffer is ours to append to. */
  #isOwned = false
  /** There is no point in trying before so many bytes are there. */
  #wanted = 1
  #reparsed = 0
  /** Types were defined, and their value has not come. */
  #isValueDue = false

  constructor(options: GobDecoderOptions = {}) {
    const limits = options.limits ?? CLIENT_LIMITS
    this.#cursor = new Cursor(limits)
    this.#types = new WireTypes(limits)
    this.#plans = new Plans(this.#types, options.registry ?? registryOf())
  }

  /** Bytes received. They are not copied unless they end inside a message, and must stay as they are while values that are views are used. */
  push(chunk: Uint8Array): void {
    const cursor = this.#cursor
    if (cursor.fault !== undefined || chunk.length === 0) return
    const left = cursor.end - cursor.limit
    if (left + chunk.length > cursor.limits.bufferedBytes) {
      cursor.fail(GobReason.TooMuch, `more than ${cursor.limits.bufferedBytes} bytes wait`)
      return
    }
    if (left === 0) this.#replace(chunk, chunk.length, false)
    else if (this.#isOwned && cursor.end + chunk.length <= cursor.bytes.length) cursor.end += chunk.length
    else {
      // As much as is announced, but never more than twice what is really there.
      const grown = new Uint8Array(Math.max(left + chunk.length, Math.min(2 * (left + chunk.length), this.#wanted)))
      grown.set(cursor.bytes.subarray(cursor.limit, cursor.end))
      this.#replace(grown, left + chunk.length, true)
    }
    if (left > 0) cursor.bytes.set(chunk, cursor.end - chunk.length)
  }

  /** The next value, read as `target`. */
  next(target: GobType): GobNext {
    const cursor = this.#cursor
    if (cursor.fault !== undefined) return cursor.fault
    if (cursor.end - cursor.limit < this.#wanted) return NEED_MORE
    const start = { limit: cursor.limit, count: this.#types.count }
    cursor.valuesLeft = cursor.limits.valueCount
    cursor.depth = 0
    const id = this.#plans.typeSequence(cursor, false, () => {
      start.limit = cursor.limit
      start.count = this.#types.count
      this.#isValueDue = true
    })
    const value = cursor.isStopped ? null : this.#plans.read(cursor, id, target)
    if (cursor.fault !== undefined) return cursor.fault
    if (cursor.isStarved) return this.#undo(start)
    // What is left of the value's last message says nothing.
    cursor.at = cursor.limit
    this.#wanted = 1
    this.#reparsed = 0
    this.#isValueDue = false
    return { _tag: "Value", value, id }
  }

  /** No more bytes come. Between two values that is no fault. */
  finish(): GobFault | undefined {
    const cursor = this.#cursor
    if (cursor.fault === undefined && (this.#isValueDue || cursor.end > cursor.limit)) {
      cursor.fail(GobReason.Truncated, "the end of the stream where more should come")
    }
    return cursor.fault
  }

  get fault(): GobFault | undefined {
    return this.#cursor.fault
  }

  /** Received and not decoded. */
  get bufferedBytes(): number {
    return this.#cursor.end - this.#cursor.limit
  }

  /** What was received and decoded so far; after NeedMore, where the value begins that is not complete. */
  get decodedBytes(): number {
    return this.#cursor.origin + this.#cursor.limit
  }

  /** Whether the first message begins as the definition of a type, which takes a few bytes to see; false: it never will. */
  beginsWithDefinition(): boolean | undefined {
    const cursor = this.#cursor
    if (cursor.limit >= cursor.end) return undefined
    const message = cursor.limit + sizeOfNumber(cursor.bytes, cursor.limit)
    if (message >= cursor.end) return undefined
    const size = sizeOfNumber(cursor.bytes, message)
    if (message + size > cursor.end) return undefined
    // Negative numbers have their lowest bit set; the first of our own types is 64.
    const last = cursor.bytes[message + size - 1]
    return (last & 1) === 1 && (size > 1 || last >> 1 >= 63)
  }

  /** The bytes behind the last value, when what follows is another stream (after a decoder restart). */
  takeRest(): Uint8Array {
    const cursor = this.#cursor
    const rest = cursor.bytes.subarray(cursor.limit, cursor.end)
    cursor.limit = cursor.end
    cursor.at = cursor.end
    return rest
  }

  /** The types that the sender has defined, in order. */
  definitions(): ReadonlyArray<readonly [number, WireType]> {
    return this.#types.entries()
  }

  #undo(start: { readonly limit: number; readonly count: number }): GobNext {
    const cursor = this.#cursor
    assert(cursor.limit >= start.limit, "a stream is read forward")
    this.#reparsed += cursor.limit - start.limit
    this.#wanted = cursor.wanted - start.limit
    this.#types.undo(start.count)
    cursor.isStarved = false
    cursor.isStopped = false
    cursor.limit = start.limit
    cursor.at = start.limit
    if (this.#reparsed <= cursor.limits.reparsedBytes) return NEED_MORE
    cursor.fail(GobReason.TooMuch, "a value in more messages than it is worth")
    return cursor.fault!
  }

  /** What was decoded is let go of; what is left begins the new buffer. */
  #replace(bytes: Uint8Array, end: number, isOwned: boolean): void {
    const cursor = this.#cursor
    cursor.origin += cursor.limit
    cursor.bytes = bytes
    cursor.at = 0
    cursor.limit = 0
    cursor.end = end
    this.#isOwned = isOwned
  }
}

const sizeOfNumber = (bytes: Uint8Array, at: number): number => (bytes[at] < 0x80 ? 1 : 1 + 256 - bytes[at])
