// Snappy's framing format (framing_format.txt of google/snappy, revision 2015-09-26), in which a stream is compressed after a decoder
// restart: chunks with a type, a length and the checksum of what they hold. Chunks are taken apart and put together here; compressing a block and its checksum
// are lent by the runtime, where a library does the work. A peer's stream gives bytes or a text that says what is wrong, never an exception.

export interface SnappyBlocks {
  readonly compress: (plain: Uint8Array) => Uint8Array
  /** `undefined`: no block of snappy. Called only where the block announces at most `SNAPPY_CHUNK_BYTES`. */
  readonly uncompress: (block: Uint8Array) => Uint8Array | undefined
  /** CRC-32C. */
  readonly checksum: (plain: Uint8Array) => number
}

/** The most that one chunk may hold, uncompressed. */
export const SNAPPY_CHUNK_BYTES = 65_536

/** One compressed direction of a connection, from its stream identifier on. */
export class SnappyReader {
  readonly #blocks: SnappyBlocks
  #rest: Uint8Array = new Uint8Array(0)
  #hasBegun = false
  #skipBytes = 0
  #problem: string | undefined

  constructor(blocks: SnappyBlocks) {
    this.#blocks = blocks
  }

  /** What the chunks that are complete now hold, one piece per chunk; or what is wrong, and the same from then on. */
  push(bytes: Uint8Array): ReadonlyArray<Uint8Array> | string {
    const plain: Array<Uint8Array> = []
    const all = this.#rest.length === 0 ? bytes : concat(this.#rest, bytes)
    let at = 0
    while (this.#problem === undefined && at < all.length) {
      const passed = Math.min(this.#skipBytes, all.length - at)
      this.#skipBytes -= passed
      at += passed
      if (at + HEAD_BYTES > all.length) break
      const size = all[at + 1] | (all[at + 2] << 8) | (all[at + 3] << 16)
      this.#problem = judge(all[at], size, this.#hasBegun)
      if (this.#problem !== undefined) break
      const isSkipped = isSkippable(all[at])
      // What is passed over is not kept until it is whole: it may be 16 MiB.
      if (isSkipped) this.#skipBytes = size
      else if (at + HEAD_BYTES + size > all.length) break
      else this.#problem = this.#chunk(all[at], all.subarray(at + HEAD_BYTES, at + HEAD_BYTES + size), plain)
      at += HEAD_BYTES + (isSkipped ? 0 : size)
    }
    // Copied: the bytes given are the caller's, and less than a chunk of them is left.
    this.#rest = new Uint8Array(all.subarray(at))
    return this.#problem ?? plain
  }

  /** Received, and not yet a chunk. Between two chunks a stream may end. */
  get isBetweenChunks(): boolean {
    return this.#rest.length === 0 && this.#skipBytes === 0
  }

  /** What was received behind the last chunk: another stream's, after a decoder restart. */
  takeRest(): Uint8Array {
    const rest = this.#rest
    this.#rest = new Uint8Array(0)
    return rest
  }

  /** A text where something is wrong. */
  #chunk(kind: number, body: Uint8Array, plain: Array<Uint8Array>): string | undefined {
    if (kind === Chunk.Identifier) {
      this.#hasBegun = true
      return NAME.every((byte, index) => body[index] === byte) ? undefined : "a snappy stream of another name"
    }
    const data =
      kind === Chunk.Plain
        ? new Uint8Array(body.subarray(CHECKSUM_BYTES))
        : this.#uncompress(body.subarray(CHECKSUM_BYTES))
    if (data === undefined) return "a snappy chunk that cannot be uncompressed"
    if (data.length > SNAPPY_CHUNK_BYTES) return "a snappy chunk that holds too much"
    const sum = (body[0] | (body[1] << 8) | (body[2] << 16) | (body[3] << 24)) >>> 0
    if (sum !== masked(this.#blocks.checksum(data))) return "a snappy chunk with another checksum"
    if (data.length > 0) plain.push(data)
    return undefined
  }

  /** The announced size is looked at first: a library would allocate it. */
  #uncompress(block: Uint8Array): Uint8Array | undefined {
    return announced(block) <= SNAPPY_CHUNK_BYTES ? this.#blocks.uncompress(block) : undefined
  }
}

/** A whole compressed stream, or a further part of one (`isStart` false). Each call ends a chunk, so that the other side has it all. */
export const writeSnappy = (blocks: SnappyBlocks, plain: Uint8Array, isStart: boolean): Uint8Array => {
  const parts: Array<Uint8Array> = isStart ? [IDENTIFIER] : []
  for (let at = 0; at < plain.length; at += SNAPPY_CHUNK_BYTES) {
    const data = plain.subarray(at, Math.min(at + SNAPPY_CHUNK_BYTES, plain.length))
    const block = blocks.compress(data)
    // What saves less than an eighth is not worth uncompressing.
    const isWorth = block.length < data.length - data.length / 8
    parts.push(chunkOf(isWorth ? Chunk.Compressed : Chunk.Plain, isWorth ? block : data, masked(blocks.checksum(data))))
  }
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0))
  let at = 0
  for (const part of parts) {
    whole.set(part, at)
    at += part.length
  }
  return whole
}

const Chunk = { Compressed: 0x00, Plain: 0x01, Identifier: 0xff } as const
const NAME = Uint8Array.of(0x73, 0x4e, 0x61, 0x50, 0x70, 0x59)
const IDENTIFIER = Uint8Array.of(Chunk.Identifier, NAME.length, 0, 0, ...NAME)
const HEAD_BYTES = 4
const CHECKSUM_BYTES = 4
/** What 65,536 bytes can become at worst, with the checksum. */
const CHUNK_BYTES_MAX = CHECKSUM_BYTES + 32 + SNAPPY_CHUNK_BYTES + Math.floor(SNAPPY_CHUNK_BYTES / 6)

const isData = (kind: number): boolean => kind === Chunk.Compressed || kind === Chunk.Plain

/** By its head alone, so that nobody waits for the rest of what is refused. */
const judge = (kind: number, size: number, hasBegun: boolean): string | undefined => {
  if (kind === Chunk.Identifier) return size === NAME.length ? undefined : "a snappy stream of another name"
  if (!hasBegun) return "a stream that is no snappy"
  if (isSkippable(kind)) return undefined
  if (!isData(kind)) return `a snappy chunk of the kind ${kind}`
  if (size < CHECKSUM_BYTES) return "a snappy chunk without a checksum"
  return size > CHUNK_BYTES_MAX ? `a snappy chunk of ${size} bytes` : undefined
}

const isSkippable = (kind: number): boolean => kind >= 0x80 && kind !== Chunk.Identifier

/** Rotated and offset, so that the checksum of bytes that hold their own checksum is not a constant. */
const masked = (sum: number): number => (((sum >>> 15) | (sum << 17)) + 0xa282ead8) >>> 0

/** The uncompressed size that a block begins with, seven bits per byte, the lowest first. */
const announced = (block: Uint8Array): number => {
  let size = 0
  for (let index = 0; index < 5 && index < block.length; index++) {
    size += (block[index] & 0x7f) * 2 ** (7 * index)
    if (block[index] < 0x80) return size
  }
  return Number.POSITIVE_INFINITY
}

const chunkOf = (kind: number, body: Uint8Array, sum: number): Uint8Array => {
  const size = CHECKSUM_BYTES + body.length
  const chunk = new Uint8Array(HEAD_BYTES + size)
  chunk.set([
    kind,
    size & 0xff,
    (size >> 8) & 0xff,
    size >> 16,
    sum & 0xff,
    (sum >> 8) & 0xff,
    (sum >> 16) & 0xff,
    sum >>> 24
  ])
  chunk.set(body, HEAD_BYTES + CHECKSUM_BYTES)
  return chunk
}

const concat = (first: Uint8Array, second: Uint8Array): Uint8Array => {
  const both = new Uint8Array(first.length + second.length)
  both.set(first)
  both.set(second, first.length)
  return both
}
