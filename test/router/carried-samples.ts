// A route of each carried family, by the book, and UPDATEs made of bytes: the encoder under test takes no part in it.
import { afiOf, encodeAttributes, FAMILY_NAMES, safiOf } from "../../src/wire/index.ts"

export const hex = (text: string): ReadonlyArray<number> =>
  (text.replace(/\s/g, "").match(/../g) ?? []).map((pair) => Number.parseInt(pair, 16))
export const text = (bytes: Iterable<number>): string =>
  [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("")

export const RD = "0000fde800000001"
export const ESI = "00112233445566778899"
export const NO_ESI = "00".repeat(10)
const MAC = "30020000000001"

interface Sample {
  readonly nextHop: string
  readonly nlri: string
  /** The same route with another value: another label, segment or gateway. */
  readonly again?: string
  /** As a withdrawal is written. */
  readonly gone: string
  readonly other: string
}

/** For each family a route, by the book. */
export const SAMPLES: Readonly<Record<string, Sample>> = {
  "ipv4-multicast": { nextHop: "0a000002", nlri: "18c63364", gone: "18c63364", other: "08e0" },
  "ipv6-multicast": {
    nextHop: "20010db8000000000000000000000002",
    nlri: "2020010db8",
    gone: "2020010db8",
    other: "2120010db880"
  },
  "ipv4-labelled": {
    nextHop: "0a000002",
    nlri: "30000641c63364",
    again: "30000651c63364",
    gone: "30800000c63364",
    other: "380006410a000001"
  },
  "ipv6-labelled": {
    nextHop: "20010db8000000000000000000000002",
    nlri: "3800064120010db8",
    again: "3800066120010db8",
    gone: "3880000020010db8",
    other: "18000641"
  },
  "ipv4-vpn": {
    nextHop: `00000000000000000a000002`,
    nlri: `70000641${RD}c63364`,
    again: `70000651${RD}c63364`,
    gone: `70800000${RD}c63364`,
    other: `70000641000000010000fde8c63364`
  },
  "ipv6-vpn": {
    nextHop: `0000000000000000${"20010db8000000000000000000000002"}`,
    nlri: `78000641${RD}20010db8`,
    again: `78000651${RD}20010db8`,
    gone: `78800000${RD}20010db8`,
    other: `58000641${RD}`
  },
  "l2vpn-evpn": {
    nextHop: "0a000002",
    nlri: `0221${RD}${ESI}00000000${MAC}00000641`,
    again: `0224${RD}${NO_ESI}00000000${MAC}00000651000661`,
    gone: `0221${RD}${NO_ESI}00000000${MAC}00000000`,
    other: `0311${RD}00000000200a000002`
  },
  "ipv4-flowspec": { nextHop: "", nlri: "0a0118c633640218c00002", gone: "0a0118c633640218c00002", other: "03038106" },
  "ipv6-flowspec": { nextHop: "", nlri: "07012000 20010db8", gone: "0701200020010db8", other: "03038111" },
  "ipv4-flowspec-vpn": { nextHop: "", nlri: `0d${RD}0118c63364`, gone: `0d${RD}0118c63364`, other: `0b${RD}038106` },
  "ipv6-flowspec-vpn": { nextHop: "", nlri: `0b${RD}038106`, gone: `0b${RD}038106`, other: `0b${RD}038111` },
  "link-state": {
    nextHop: "0a000002",
    nlri: "0001001102000000000000000001000004020000040a",
    gone: "0001001102000000000000000001000004020000040a",
    other: "0002000d02000000000000000001000000"
  }
}
export const sampleOf = (family: number): Sample => {
  const sample = SAMPLES[FAMILY_NAMES[family]!]!
  if (FAMILY_NAMES[family] !== "link-state") return sample
  // The length of a link-state NLRI counts what follows it.
  const nlri = hex(sample.nlri)
  const fixed = text([nlri[0]!, nlri[1]!, 0, nlri.length - 4, ...nlri.slice(4)])
  const other = hex(sample.other)
  return {
    ...sample,
    nlri: fixed,
    gone: fixed,
    other: text([other[0]!, other[1]!, 0, other.length - 4, ...other.slice(4)])
  }
}

const message = (attributes: ReadonlyArray<number>): Uint8Array => {
  const body = [0, 0, attributes.length >> 8, attributes.length & 255, ...attributes]
  return Uint8Array.of(...new Array(16).fill(255), (body.length + 19) >> 8, (body.length + 19) & 255, 2, ...body)
}

const attribute = (flags: number, type: number, value: ReadonlyArray<number>): ReadonlyArray<number> => [
  flags | 0x10,
  type,
  value.length >> 8,
  value.length & 255,
  ...value
]

const familyBytes = (family: number) => [afiOf(family) >> 8, afiOf(family) & 255, safiOf(family)]

const PLAIN = encodeAttributes({ origin: 0, asPath: [], localPref: 100 }, true)

export const announce = (family: number, nextHop: string, nlri: string, more: Iterable<number> = PLAIN): Uint8Array => {
  const hop = hex(nextHop)
  return message([...more, ...attribute(0x80, 14, [...familyBytes(family), hop.length, ...hop, 0, ...hex(nlri)])])
}

export const withdraw = (family: number, nlri: string): Uint8Array =>
  message(attribute(0x80, 15, [...familyBytes(family), ...hex(nlri)]))
