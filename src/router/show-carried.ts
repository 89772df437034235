// Routes of carried families for people: what nobody here reads is hexadecimal. NLRI and next hop are shown as they stood in the UPDATE.
import { type AttributeId, type AttributeStore, type KeyTable, tailOf } from "../rib/index.ts"
import { formatWords, toHex } from "../wire/index.ts"

const scratch: Uint8Array = new Uint8Array(70_000)

/** The NLRI of a key with the value that a set holds. */
export const nlriText = (keys: KeyTable, id: number, store: AttributeStore, set: AttributeId): string => {
  const { valueAt, valueEnd } = tailOf(store, set)
  const end = keys.writeNlri(scratch, 0, id, store.chunkOf(set), valueAt, valueEnd - valueAt)
  return `0x${toHex(scratch.subarray(0, end))}`
}

/** An address where the next hop is nothing else; empty where there is none (RFC 8955 §4). */
export const nextHopText = (store: AttributeStore, set: AttributeId): string => {
  const { nextHopAt, valueAt } = tailOf(store, set)
  const bytes = store.chunkOf(set).subarray(nextHopAt, valueAt)
  if (bytes.length === 0) return ""
  if (bytes.length !== 4 && bytes.length !== 16) return `0x${toHex(bytes)}`
  const words: Array<number> = []
  for (let at = 0; at < bytes.length; at += 4) {
    words.push(((bytes[at] << 24) | (bytes[at + 1] << 16) | (bytes[at + 2] << 8) | bytes[at + 3]) >>> 0)
  }
  return formatWords(words.length === 1 ? 4 : 6, words, 0)
}
