// Many small byte strings in a few large chunks. A string never crosses a chunk, so that it can be handed out as one span. What comes together
// mostly goes together: a chunk whose last string goes is free, and the next one that is needed. Where strings that stay are among others
// that went, space is won back by moving the living ones together, when more than half of it is waste.
import { assert } from "../machine/index.ts"

const CHUNK_BITS = 20
const CHUNK_BYTES = 1 << CHUNK_BITS
const OFFSET_MASK = CHUNK_BYTES - 1
/** Below this much waste nothing is moved. */
const WASTE_BYTES_MIN = 4 * CHUNK_BYTES
const GONE = new Uint8Array(0)

export class ByteArena {
  private readonly chunks: Array<Uint8Array> = []
  /** Bytes of living strings, by chunk. */
  private readonly living: Array<number> = []
  /** Numbers of chunks that have gone. */
  private readonly free: Array<number> = []
  /** A chunk that went last, for the next one that is needed. */
  private spare: Uint8Array | undefined
  /** Where the next string goes. */
  private current = -1
  private top = CHUNK_BYTES
  usedBytes = 0

  /** Copies bytes in and returns where they are: chunk number << 20 | offset. */
  add(bytes: Uint8Array, from: number, to: number): number {
    const length = to - from
    assert(length <= CHUNK_BYTES, "a string longer than a chunk")
    // Nothing, too, is somewhere.
    if (this.top + Math.max(length, 1) > CHUNK_BYTES) this.open()
    const at = this.top
    const target = this.chunks[this.current]
    for (let index = 0; index < length; index++) target[at + index] = bytes[from + index]
    this.top += length
    this.usedBytes += length
    this.living[this.current] += length
    return ((this.current << CHUNK_BITS) | at) >>> 0
  }

  chunkOf(place: number): Uint8Array {
    return this.chunks[place >>> CHUNK_BITS]
  }

  offsetOf(place: number): number {
    return place & OFFSET_MASK
  }

  /** The string of this length at this place is no longer needed. */
  drop(place: number, length: number): void {
    const chunk = place >>> CHUNK_BITS
    this.usedBytes -= length
    this.living[chunk] -= length
    if (this.living[chunk] === 0 && chunk !== this.current) this.close(chunk)
  }

  /**
   * Moves strings out of chunks that are less than half full; then no more is waste than is not. `places` is where they are, and becomes
   * where they are then; `lengths` says 0 for what is no string.
   */
  compact(places: Uint32Array, lengths: Uint16Array, count: number): void {
    const isSparse = this.living.map((bytes) => bytes < CHUNK_BYTES / 2)
    this.top = CHUNK_BYTES
    for (let id = 0; id < count; id++) {
      if (lengths[id] === 0 || !isSparse[places[id] >>> CHUNK_BITS]) continue
      const before = places[id]
      const start = this.offsetOf(before)
      places[id] = this.add(this.chunkOf(before), start, start + lengths[id])
      this.drop(before, lengths[id])
    }
  }

  /** Bytes that hold no string and cannot take one. */
  get wastedBytes(): number {
    return this.current < 0 ? 0 : this.sizeBytes - CHUNK_BYTES + this.top - this.usedBytes
  }

  get wantsCompaction(): boolean {
    const wasted = this.wastedBytes
    return wasted > WASTE_BYTES_MIN && wasted > this.usedBytes
  }

  /** Bytes in use of what is reserved from the system; one spare chunk comes on top. */
  get sizeBytes(): number {
    return (this.chunks.length - this.free.length) * CHUNK_BYTES
  }

  private open(): void {
    const before = this.current
    const chunk = this.free.pop() ?? this.chunks.length
    this.chunks[chunk] = this.spare ?? new Uint8Array(CHUNK_BYTES)
    this.spare = undefined
    this.living[chunk] = 0
    this.current = chunk
    this.top = 0
    if (before >= 0 && this.living[before] === 0) this.close(before)
  }

  private close(chunk: number): void {
    this.spare = this.chunks[chunk]
    this.chunks[chunk] = GONE
    this.free.push(chunk)
  }
}
