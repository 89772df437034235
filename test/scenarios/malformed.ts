// Messages with one fault each, and what RFC 4271 and RFC 7606 have to say to it.
import { encodeUpdate, type Prefix, parseAddress } from "../../src/wire/index.ts"
import type { SpeakerOptions } from "./speaker.ts"

const good = (speaker: SpeakerOptions, prefix: Prefix): Uint8Array =>
  encodeUpdate(
    {
      attributes: {
        origin: 0,
        asPath: [{ type: 2, members: [speaker.asn] }],
        nextHop: parseAddress(speaker.address)!,
        med: 5
      },
      nlri: [prefix]
    },
    { as4: true, addPath: [false, false] }
  )

/** In the message that `good` makes: ORIGIN's value, and where MED begins. */
const ORIGIN_VALUE_AT = 23 + 3
const MED_AT = 23 + 4 + 9 + 7

export const malformed: Readonly<Record<string, (speaker: SpeakerOptions, prefix: Prefix) => Uint8Array>> = {
  /** RFC 4271 §6.1: Connection Not Synchronized. */
  marker: (speaker, prefix) => good(speaker, prefix).fill(0, 0, 1),
  /** RFC 4271 §6.1: Bad Message Length. */
  length: (speaker, prefix) => good(speaker, prefix).fill(3, 17, 18).fill(0, 16, 17),
  /** RFC 4271 §6.1: Bad Message Type. */
  type: (speaker, prefix) => good(speaker, prefix).fill(9, 18, 19),
  /** RFC 7606 §7.1: treat-as-withdraw. */
  origin: (speaker, prefix) => good(speaker, prefix).fill(9, ORIGIN_VALUE_AT, ORIGIN_VALUE_AT + 1),
  /** RFC 7606 §3 d: a well-known mandatory attribute is missing, treat-as-withdraw. */
  "no-path": (speaker, prefix) =>
    encodeUpdate(
      { attributes: { origin: 0, nextHop: parseAddress(speaker.address)! }, nlri: [prefix] },
      {
        as4: true,
        addPath: [false, false]
      }
    ),
  /** RFC 7606 §3 g: of an attribute that stands twice the later one is discarded. */
  "twice-origin": (speaker, prefix) => {
    const bytes = good(speaker, prefix)
    const again = Uint8Array.from([...bytes.subarray(0, MED_AT), 0x40, 1, 1, 2, ...bytes.subarray(MED_AT)])
    again[17]! += 4
    again[22]! += 4
    return again
  },
  /** RFC 7606 §3 j, §5.3: a prefix of 33 bits cannot be parsed, session reset. */
  nlri: (speaker, prefix) => {
    const bytes = good(speaker, prefix)
    const at = bytes.length - 1 - Math.ceil(prefix.length / 8)
    return bytes.fill(33, at, at + 1)
  }
}
