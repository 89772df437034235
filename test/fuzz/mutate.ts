// What may happen to a message between a speaker that is broken, or means harm, and us. Half of it keeps the framing right and breaks
// what is inside, because a message with a broken header is refused before anything else is read.
import type { Dice } from "./dice.ts"
import { putTogether, takeApart, type UpdateParts, u16 } from "./update-parts.ts"

/** Another message, to take parts from. */
export type Donor = () => Uint8Array

type Mutation = (message: Uint8Array, dice: Dice, donor: Donor) => Uint8Array

/** One to three changes. */
export const mutate = (message: Uint8Array, dice: Dice, donor: Donor): Uint8Array => {
  let changed = message
  for (let left = dice.oneIn(3) ? 2 + dice.below(2) : 1; left > 0; left--)
    changed = dice.pick(MUTATIONS)(changed, dice, donor)
  return changed.length > 0xffff ? changed.subarray(0, 0xffff) : changed
}

/** Numbers at which lengths and counts change their meaning. */
const EDGES = [0, 1, 2, 3, 4, 5, 8, 12, 14, 15, 16, 18, 19, 22, 23, 31, 32, 33, 64, 127, 128, 129, 254, 255] as const
const EDGES_16 = [0, 1, 18, 19, 22, 23, 255, 256, 4095, 4096, 4097, 0x7fff, 0x8000, 0xfffe, 0xffff] as const

const fitted = (message: Uint8Array): Uint8Array => {
  if (message.length < 19) return message
  const copy = message.slice()
  copy[16] = (copy.length >> 8) & 0xff
  copy[17] = copy.length & 0xff
  return copy
}

const flipBits: Mutation = (message, dice) => {
  const copy = message.slice()
  for (let left = 1 + dice.below(6); left > 0; left--) {
    // The marker seldom: it hides everything behind it.
    const from = dice.oneIn(16) ? 0 : Math.min(16, copy.length)
    const at = from + dice.below(copy.length - from)
    if (at < copy.length) copy[at] ^= 1 << dice.below(8)
  }
  return copy
}

const setOctets: Mutation = (message, dice) => {
  const copy = message.slice()
  for (let left = 1 + dice.below(3); left > 0; left--) {
    const at = 19 + dice.below(copy.length - 19)
    if (at < copy.length) copy[at] = dice.oneIn(3) ? dice.below(256) : dice.pick(EDGES)
  }
  return copy
}

const truncate: Mutation = (message, dice) => {
  const kept = message.subarray(0, Math.max(1, message.length - 1 - dice.below(dice.oneIn(2) ? 4 : message.length)))
  return dice.oneIn(4) ? kept : fitted(kept)
}

const extend: Mutation = (message, dice) => {
  const long = dice.oneIn(12) ? dice.pick(EDGES_16) : dice.below(24)
  const copy = new Uint8Array(Math.min(message.length + long, 0xffff))
  copy.set(message)
  for (let at = message.length; at < copy.length; at++) copy[at] = dice.oneIn(3) ? dice.below(256) : 24
  return dice.oneIn(4) ? copy : fitted(copy)
}

/** One of the lengths that the message says: header, withdrawn, attributes, or any two octets that may be one. */
const editLength: Mutation = (message, dice) => {
  const copy = message.slice()
  const withdrawn = u16(copy, 19)
  const places = copy[18] === 2 ? [16, 19, 21 + withdrawn, 19, 21 + withdrawn] : [16, 28, 19 + dice.below(copy.length)]
  const at = dice.pick(places)
  if (at + 2 > copy.length) return copy
  const value = dice.oneIn(2) ? u16(copy, at) + dice.below(9) - 4 : dice.pick(EDGES_16)
  copy[at] = (value >> 8) & 0xff
  copy[at + 1] = value & 0xff
  return copy
}

const splice: Mutation = (message, dice, donor) => {
  const other = donor()
  const head = message.subarray(0, 19 + dice.below(message.length - 19))
  const tail = other.subarray(Math.min(other.length, 19 + dice.below(other.length - 19)))
  const joined = new Uint8Array(head.length + tail.length)
  joined.set(head)
  joined.set(tail, head.length)
  return fitted(joined.subarray(0, 0xffff))
}

const setType: Mutation = (message, dice) => {
  const copy = message.slice()
  if (copy.length > 18) copy[18] = dice.oneIn(3) ? dice.below(256) : 1 + dice.below(5)
  return copy
}

/** Mutations of an UPDATE's parts; the message around them stays right. */
const PART_MUTATIONS: ReadonlyArray<(parts: UpdateParts, dice: Dice, donor: Donor) => UpdateParts> = [
  // An attribute twice.
  (parts, dice) => ({ ...parts, attributes: inserted(parts, dice, dice.pick(parts.attributes)) }),
  // Another order.
  (parts, dice) => {
    const attributes = [...parts.attributes]
    const [one, other] = [dice.below(attributes.length), dice.below(attributes.length)]
    ;[attributes[one], attributes[other]] = [attributes[other]!, attributes[one]!]
    return { ...parts, attributes }
  },
  // One fewer.
  (parts, dice) => {
    const gone = dice.below(parts.attributes.length)
    return { ...parts, attributes: parts.attributes.filter((_, index) => index !== gone) }
  },
  // One of another message.
  (parts, dice, donor) => {
    const other = takeApart(donor())?.attributes ?? []
    return other.length === 0 ? parts : { ...parts, attributes: inserted(parts, dice, dice.pick(other)) }
  },
  // A value longer or shorter than it should be.
  (parts, dice) =>
    altered(parts, dice, (attribute) => {
      const length = dice.oneIn(8) ? dice.pick(EDGES_16) : Math.max(0, attribute.value.length + dice.below(9) - 4)
      const value = new Uint8Array(Math.min(length, 0xff00))
      value.set(attribute.value.subarray(0, value.length))
      return { ...attribute, value }
    }),
  // Other flags; the extended length is a matter of its own.
  (parts, dice) =>
    altered(parts, dice, (attribute) => ({ ...attribute, flags: attribute.flags ^ (1 << dice.below(8)) })),
  (parts, dice) => altered(parts, dice, (attribute) => ({ ...attribute, flags: attribute.flags | 0x10 })),
  (parts, dice) =>
    altered(parts, dice, (attribute) => ({ ...attribute, type: dice.oneIn(2) ? 1 + dice.below(40) : dice.below(256) })),
  (parts, dice) =>
    altered(parts, dice, (attribute) => {
      const value = attribute.value.slice()
      if (value.length > 0) value[dice.below(value.length)] = dice.oneIn(2) ? dice.below(256) : dice.pick(EDGES)
      return { ...attribute, value }
    }),
  // Prefixes announced and withdrawn change places or come twice.
  (parts) => ({ ...parts, nlri: parts.withdrawn, withdrawn: parts.nlri }),
  (parts) => ({ ...parts, withdrawn: parts.nlri }),
  // One prefix more, complete, of a length that may be none.
  (parts, dice) => {
    const bits = dice.pick(EDGES)
    const prefix = new Uint8Array(1 + Math.ceil(bits / 8))
    prefix[0] = bits
    const part = dice.oneIn(2) ? "nlri" : "withdrawn"
    return { ...parts, [part]: Uint8Array.of(...parts[part], ...prefix) }
  },
  // As many prefixes as fit.
  (parts, dice) => {
    if (parts.nlri.length === 0) return parts
    const nlri = new Uint8Array(
      Math.floor((dice.pick([512, 3000, 4000]) + dice.below(80)) / parts.nlri.length) * parts.nlri.length
    )
    for (let at = 0; at < nlri.length; at++) nlri[at] = parts.nlri[at % parts.nlri.length]
    return { ...parts, nlri }
  }
]

const inserted = (
  parts: UpdateParts,
  dice: Dice,
  one: UpdateParts["attributes"][number]
): UpdateParts["attributes"] => {
  const at = dice.below(parts.attributes.length + 1)
  return [...parts.attributes.slice(0, at), one, ...parts.attributes.slice(at)]
}

type Attribute = UpdateParts["attributes"][number]

const altered = (parts: UpdateParts, dice: Dice, change: (attribute: Attribute) => Attribute): UpdateParts => {
  const chosen = dice.below(parts.attributes.length)
  return { ...parts, attributes: parts.attributes.map((one, index) => (index === chosen ? change(one) : one)) }
}

const changeParts: Mutation = (message, dice, donor) => {
  const parts = takeApart(message)
  if (parts === undefined || parts.attributes.length === 0) return setOctets(message, dice, donor)
  return putTogether(dice.pick(PART_MUTATIONS)(parts, dice, donor))
}

const MUTATIONS: ReadonlyArray<Mutation> = [
  flipBits,
  setOctets,
  truncate,
  extend,
  editLength,
  splice,
  setType,
  changeParts,
  changeParts,
  changeParts,
  changeParts,
  changeParts
]
