// Many small byte strings in a few large chunks. A string never crosses a chunk, so that it can be handed out as one span; space of
// freed strings is counted and won back by moving the living ones together when half of it is waste.
import { assert } from "../machine/index.ts"

const CHUNK_BITS = 20
const CHUNK_BYTES = 1 << CHUNK_BITS
const OFFSET_MASK = CHUNK_BYTES - 1
/** Below this much waste nothing is moved. */
const WASTE_BYTES_MIN = 4 * CHUNK_BYTES

export class ByteArena {
  private chunks: Array<Uint8Array> = []
  private top = CHUNK_BYTES
  usedBytes = 0
  wastedBytes = 0

  /** Copies bytes in and returns where they are: chunk number << 20 | offset. */
  add(bytes: Uint8Array, from: number, to: number): number {
    const length = to - from
    assert(length <= CHUNK_BYTES, "a string longer than a chunk")
    if (this.top + length > CHUNK_BYTES) {
      this.wastedBytes += CHUNK_BYTES - this.top
      this.chunks.push(new Uint8Array(CHUNK_BYTES))
      this.top = 0
    }
    const chunk = this.chunks.length - 1
    const at = this.top
    const target = this.chunks[chunk]
    for (let index = 0; index < length; index++) target[at + index] = bytes[from + index]
    this.top += length
    this.usedBytes += length
    return ((chunk << CHUNK_BITS) | at) >>> 0
  }

  chunkOf(place: number): Uint8Array {
    return this.chunks[place >>> CHUNK_BITS]
  }

  offsetOf(place: number): number {
    return place & OFFSET_MASK
  }

  /** Notes that a string of this length is no longer needed. */
  drop(length: number): void {
    this.usedBytes -= length
    this.wastedBytes += length
  }

  get wantsCompaction(): boolean {
    return this.wastedBytes > WASTE_BYTES_MIN && this.wastedBytes > this.usedBytes
  }

  /** Bytes reserved from the system. */
  get sizeBytes(): number {
    return this.chunks.length * CHUNK_BYTES
  }
}
