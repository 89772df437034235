// Received bytes to messages, over restarts of the decoder: the one place that knows which of the layers (snappy, gob) a stream has now.
import { createRequire } from "node:module"
import type { compressSync, uncompressSync } from "snappy"
import { crc32c } from "../eventlog/index.ts"
import {
  type GobLimits,
  MessageDecoder,
  type ReceivedMessage,
  type SnappyBlocks,
  SnappyReader
} from "../fanout/index.ts"

interface SnappyLibrary {
  readonly compressSync: typeof compressSync
  readonly uncompressSync: typeof uncompressSync
}

/** Native, so it may be missing on a platform: the protocol is complete without (ADR-0024). */
const loadSnappy = (): SnappyLibrary | undefined => {
  try {
    return createRequire(import.meta.url)("snappy") as SnappyLibrary
  } catch {
    return undefined
  }
}

/** Lent to the pure room: the library's refusals become data. `undefined`: there is no compression here. */
const createBlocks = (library: SnappyLibrary | undefined): SnappyBlocks | undefined =>
  library && {
    compress: (plain) => new Uint8Array(library.compressSync(plain)),
    uncompress: (block) => {
      try {
        return new Uint8Array(library.uncompressSync(block, { asBuffer: true }) as Uint8Array)
      } catch {
        return undefined
      }
    },
    checksum: (plain) => crc32c(plain, 0, plain.length)
  }

export const snappyBlocks: SnappyBlocks | undefined = createBlocks(loadSnappy())

export class FanoutReader {
  readonly #limits: GobLimits
  #decoder: MessageDecoder
  #snappy: SnappyReader | undefined

  constructor(limits: GobLimits) {
    this.#limits = limits
    this.#decoder = new MessageDecoder(limits)
  }

  /** Gives each message that is complete now to `each`, which may call `restart`. A text where the stream is broken. */
  read(bytes: Uint8Array, each: (message: ReceivedMessage) => void): string | undefined {
    const snappy = this.#snappy
    if (snappy === undefined) return this.#decode(bytes, each)
    const pieces = snappy.push(bytes)
    if (typeof pieces === "string") return pieces
    for (const piece of pieces) {
      const problem = this.#decode(piece, each)
      if (problem !== undefined) return problem
    }
    return undefined
  }

  /** What follows the message just given is a new stream. The sender waits for our word: what has come already is little or nothing. */
  restart(isCompressed: boolean): void {
    this.#restarted = { rest: this.#decoder.takeRest() }
    const raw = this.#snappy?.takeRest() ?? new Uint8Array(0)
    this.#decoder = new MessageDecoder(this.#limits)
    this.#snappy = isCompressed && snappyBlocks !== undefined ? new SnappyReader(snappyBlocks) : undefined
    if (raw.length > 0) this.#restarted = { rest: raw }
  }

  #restarted: { readonly rest: Uint8Array } | undefined

  #decode(bytes: Uint8Array, each: (message: ReceivedMessage) => void): string | undefined {
    this.#decoder.push(bytes)
    for (;;) {
      const next = this.#decoder.next()
      if (next._tag === "NeedMore") return undefined
      if (next._tag === "GobFault") return `${next.detail} at byte ${next.offset} of the stream`
      each(next.message)
      const restarted = this.#restarted
      if (restarted === undefined) continue
      this.#restarted = undefined
      return restarted.rest.length === 0 ? undefined : this.read(restarted.rest, each)
    }
  }
}
