// The blocks of snappy as the runtime lends them to the pure room: the library's, whose refusals become data, and the log's checksum.
import { compressSync, uncompressSync } from "snappy"
import { crc32c } from "../../src/eventlog/index.ts"
import type { SnappyBlocks } from "../../src/fanout/index.ts"

export const snappyBlocks: SnappyBlocks = {
  compress: (plain) => new Uint8Array(compressSync(plain)),
  uncompress: (block) => {
    try {
      return new Uint8Array(uncompressSync(block, { asBuffer: true }) as Uint8Array)
    } catch {
      return undefined
    }
  },
  checksum: (plain) => crc32c(plain, 0, plain.length)
}
