// Makes what broke a law smaller while it still does: fewer messages, then fewer bytes, then simpler bytes. Greedy, and bounded by the
// number of tries, not by time, so that the same failure shrinks to the same message.
import { putTogether, takeApart, type UpdateParts } from "./update-parts.ts"

const TRIES_MAX = 20_000

/** A shorter and plainer message that still fails. */
export const shrinkBytes = (
  message: Uint8Array,
  fails: (candidate: Uint8Array) => boolean,
  triesMax = TRIES_MAX
): Uint8Array => {
  let best = message
  let tries = 0
  const attempt = (candidate: Uint8Array): boolean => {
    if (tries++ > triesMax || !fails(candidate)) return false
    best = candidate
    return true
  }
  for (let improved = true; improved && tries < triesMax; ) {
    improved = false
    for (let part = 0; part < simpler(best).length; ) {
      if (attempt(simpler(best)[part]!)) improved = true
      else part++
    }
    for (let size = Math.max(1, best.length >> 1); size >= 1; size >>= 1) {
      for (let at = 0; at + size <= best.length; ) {
        if (attempt(without(best, at, size)) || attempt(refitted(without(best, at, size)))) improved = true
        else at += size
      }
    }
    for (let at = 19; at < best.length; at++) {
      if (best[at] === 0) continue
      const plainer = best.slice()
      plainer[at] = 0
      if (attempt(plainer)) improved = true
    }
  }
  return best
}

/** Fewer elements that still fail together. */
export const shrinkList = <A>(
  list: ReadonlyArray<A>,
  fails: (candidate: ReadonlyArray<A>) => boolean
): ReadonlyArray<A> => {
  let best = list
  for (let size = Math.max(1, best.length >> 1); size >= 1; size >>= 1) {
    for (let at = 0; at < best.length; ) {
      const candidate = [...best.slice(0, at), ...best.slice(at + size)]
      if (candidate.length < best.length && fails(candidate)) best = candidate
      else at += size
    }
  }
  return best
}

/** An UPDATE with a part less, the lengths around it right. */
const simpler = (message: Uint8Array): ReadonlyArray<Uint8Array> => {
  const parts = takeApart(message)
  if (parts === undefined) return []
  const nothing = new Uint8Array(0)
  const changes: Array<UpdateParts> = parts.attributes.map((_, gone) => ({
    ...parts,
    attributes: parts.attributes.filter((__, index) => index !== gone)
  }))
  if (parts.withdrawn.length > 0) changes.push({ ...parts, withdrawn: nothing })
  if (parts.rest.length > 0) changes.push({ ...parts, rest: nothing })
  if (parts.nlri.length > 0) changes.push({ ...parts, nlri: nothing })
  for (const [at, { value }] of parts.attributes.entries()) {
    if (value.length === 0) continue
    const cut = (to: number): void => {
      const attributes = parts.attributes.map((one, index) =>
        index === at ? { ...one, value: value.subarray(0, to) } : one
      )
      changes.push({ ...parts, attributes })
    }
    cut(value.length >> 1)
    cut(value.length - 1)
  }
  return changes.map(putTogether).filter((candidate) => candidate.length < message.length)
}

const without = (bytes: Uint8Array, at: number, size: number): Uint8Array => {
  const rest = new Uint8Array(bytes.length - size)
  rest.set(bytes.subarray(0, at))
  rest.set(bytes.subarray(at + size), at)
  return rest
}

const refitted = (bytes: Uint8Array): Uint8Array => {
  if (bytes.length < 19) return bytes
  bytes[16] = bytes.length >> 8
  bytes[17] = bytes.length & 0xff
  return bytes
}
