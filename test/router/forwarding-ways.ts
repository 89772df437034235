// Speakers of every kind around one router, for what is received and sent on: clients of a route server with four and two octets for AS
// numbers, with path identifiers, with IPv6 next hops of IPv4 routes; other members of a confederation, our own AS, and the world.
// A far side reads messages on its own: it knows where attributes and NLRI are, and nothing else of this program.
import type { ConnId } from "../../src/eventlog/index.ts"
import { ADD_PATH_ALL, type PeerConfig } from "../../src/router/index.ts"
import {
  AddPathMode,
  type Attributes,
  afiOf,
  type Capability,
  encodeAttributes,
  encodeOpen,
  FAMILY_NAMES,
  keepalive,
  parseAddress,
  safiOf
} from "../../src/wire/index.ts"
import { configOf, Driver, LOCAL_AS, peerConfig } from "./driver.ts"

export type Kind = "client" | "member" | "internal" | "reflected" | "world"

export interface Speaker {
  readonly address: string
  readonly asn: number
  readonly kind: Kind
  readonly as4: boolean
  readonly addPath: boolean
  readonly viaIpv6: boolean
  readonly extended: boolean
  readonly families: ReadonlyArray<number>
}

const VPN = 6
const CONFEDERATION = 64500
const MEMBERS = [65010, 65011]

const speaker = (index: number, kind: Kind, asn: number, rest: Partial<Speaker> = {}): Speaker => ({
  address: `10.0.0.${index + 2}`,
  asn,
  kind,
  as4: true,
  addPath: false,
  viaIpv6: false,
  extended: false,
  families: [0, 1, VPN],
  ...rest
})

export const SPEAKERS: ReadonlyArray<Speaker> = [
  speaker(0, "client", 65100, { extended: true }),
  speaker(1, "client", 65101),
  speaker(2, "client", 65102, { as4: false }),
  speaker(3, "client", 65103, { as4: false, families: [0] }),
  speaker(4, "client", 65104, { addPath: true, families: [0, VPN] }),
  speaker(5, "client", 65105, { addPath: true, families: [0, VPN] }),
  speaker(6, "client", 65106, { viaIpv6: true, families: [0] }),
  speaker(7, "client", 65107, { viaIpv6: true, families: [0] }),
  speaker(8, "member", MEMBERS[0]!),
  speaker(9, "member", MEMBERS[1]!),
  speaker(10, "internal", LOCAL_AS),
  speaker(11, "reflected", LOCAL_AS, { extended: true }),
  speaker(12, "world", 65112, { as4: false, families: [0] })
]

const TYPES: Readonly<Record<Kind, PeerConfig["type"]>> = {
  client: "route-server-client",
  member: "external",
  world: "external",
  internal: "internal",
  reflected: "route-reflector-client"
}

const configured = ({ address, asn, kind, addPath, viaIpv6, extended, families }: Speaker): PeerConfig =>
  peerConfig(address, asn, {
    type: TYPES[kind],
    families: families.map((family) => FAMILY_NAMES[family]!),
    addPath: addPath ? { receive: true, send: ADD_PATH_ALL } : { receive: false, send: 0 },
    extendedMessage: extended,
    ...(viaIpv6 ? { extendedNextHop: true } : {})
  })

const capabilitiesOf = ({ asn, as4, addPath, viaIpv6, extended, families }: Speaker): ReadonlyArray<Capability> => {
  const spoken = families.map((family) => ({ afi: afiOf(family), safi: safiOf(family) }))
  return [
    ...spoken.map((family): Capability => ({ _tag: "Multiprotocol", ...family })),
    { _tag: "RouteRefresh" },
    ...(as4 ? [{ _tag: "FourOctetAs", asn } as const] : []),
    ...(extended ? [{ _tag: "ExtendedMessage" } as const] : []),
    ...(viaIpv6 ? [{ _tag: "ExtendedNextHop", families: [{ afi: 1, safi: 1, nextHopAfi: 2 }] } as const] : []),
    ...(addPath
      ? [{ _tag: "AddPath", families: spoken.map((family) => ({ ...family, mode: AddPathMode.Both })) } as const]
      : [])
  ]
}

export interface World {
  readonly driver: Driver
  readonly conns: ReadonlyArray<ConnId>
}

/** All of them are Established, and what was sent for that is forgotten. */
export const start = (isOn: boolean): World => {
  const config = configOf(SPEAKERS.map(configured), {
    confederation: { identifier: CONFEDERATION, members: MEMBERS }
  })
  const driver = new Driver(config)
  driver.state.rib.packer.passThrough.isOn = isOn
  const conns = SPEAKERS.map((each) => {
    const conn = driver.accept(each.address)
    const id = parseAddress(each.address)!.words[0]!
    const open = encodeOpen({ version: 4, asn: each.asn, holdTime: 90, id, capabilities: capabilitiesOf(each) })
    driver.hear(conn, open, keepalive())
    return conn
  })
  driver.settle()
  for (const conn of conns) driver.messages(conn)
  return { driver, conns }
}

export interface Told {
  readonly from: number
  readonly family: number
  /** Small numbers that stand for prefixes, each with an identifier where the speaker has them. */
  readonly here: ReadonlyArray<readonly [place: number, pathId: number]>
  readonly gone: ReadonlyArray<readonly [place: number, pathId: number]>
  readonly path: ReadonlyArray<number>
  readonly med: number | undefined
  readonly communities: ReadonlyArray<number>
  /** MP_REACH_NLRI stands before the other attributes, as RFC 7606 §5.1 wants it. */
  readonly first: boolean
  readonly aggregator: boolean
}

const RD = [0, 0, 253, 232, 0, 0, 0, 1]

const nlriOf = (to: Speaker, family: number, [place, pathId]: readonly [number, number], isGone: boolean) => {
  const id = to.addPath ? [0, 0, 0, pathId] : []
  if (family === 0) return [...id, 24, 20, 0, place]
  if (family === 1) return [...id, 48, 0x20, 1, 13, 184, 0, place]
  const label = isGone ? [0x80, 0, 0] : [0, place, 1]
  return [...id, 112, ...label, ...RD, 20, 0, place]
}

const familyBytes = (family: number) => [afiOf(family) >> 8, afiOf(family) & 255, safiOf(family)]

const attribute = (type: number, value: ReadonlyArray<number>): ReadonlyArray<number> => [
  0x90,
  type,
  value.length >> 8,
  value.length & 255,
  ...value
]

const nextHopOf = (family: number, from: number): ReadonlyArray<number> =>
  family === VPN
    ? [0, 0, 0, 0, 0, 0, 0, 0, 10, 0, 0, from + 2]
    : [0x20, 1, 13, 184, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, from + 2]

const attributesOf = (by: Speaker, told: Told, isPlain: boolean): Attributes => {
  const { path, med, communities, from, aggregator } = told
  const isInside = by.kind !== "client" && by.kind !== "world"
  const world = path.length === 0 ? [] : [{ type: 2, members: by.as4 ? [...path] : path.map(short) }]
  const asPath =
    by.kind === "member"
      ? [{ type: 3, members: [by.asn] }, ...world]
      : isInside
        ? world
        : [{ type: 2, members: [by.asn, ...(by.as4 ? path : path.map(short))] }]
  const isHidden = !by.as4 && path.some((asn) => asn > 0xffff)
  return {
    origin: 0,
    asPath,
    ...(isHidden ? { as4Path: [{ type: 2, members: [by.asn, ...path] }] } : {}),
    ...(aggregator ? { aggregator: { asn: 64900, address: 7 } } : {}),
    ...(isPlain ? { nextHop: { family: 4 as const, words: [0x0a00_0002 + from] } } : {}),
    ...(med === undefined ? {} : { med }),
    ...(isInside ? { localPref: 100 + (med ?? 0) } : {}),
    ...(communities.length > 0 ? { communities } : {})
  }
}

const short = (asn: number): number => (asn > 0xffff ? 23456 : asn)

const messageWith = (gone: ReadonlyArray<number>, block: Iterable<number>, here: ReadonlyArray<number>): Uint8Array => {
  const attributes = [...block]
  const body = [gone.length >> 8, gone.length & 255, ...gone, attributes.length >> 8, attributes.length & 255]
  const length = 19 + body.length + attributes.length + here.length
  const marker = new Array<number>(16).fill(255)
  return Uint8Array.of(...marker, length >> 8, length & 255, 2, ...body, ...attributes, ...here)
}

/** What a speaker says, in as many messages as it takes; nothing where it does not speak the family. */
export const messageOf = (told: Told): Uint8Array => {
  const by = SPEAKERS[told.from]!
  const { family } = told
  if (!by.families.includes(family)) return new Uint8Array(0)
  const here = told.here.flatMap((each) => nlriOf(by, family, each, false))
  const gone = told.gone.flatMap((each) => nlriOf(by, family, each, true))
  if (here.length + gone.length === 0) return new Uint8Array(0)
  const isPlain = family === 0 && !by.viaIpv6
  const rest = [...encodeAttributes(attributesOf(by, told, isPlain), by.as4)]
  const hop = nextHopOf(family, told.from)
  const reach = attribute(14, [...familyBytes(family), hop.length, ...hop, 0, ...here])
  const unreach = family === 0 || gone.length === 0 ? [] : attribute(15, [...familyBytes(family), ...gone])
  const plainGone = family === 0 ? gone : []
  if (here.length === 0) return messageWith(plainGone, unreach, [])
  if (isPlain) return messageWith(plainGone, rest, here)
  return messageWith(plainGone, told.first ? [...reach, ...rest, ...unreach] : [...rest, ...reach, ...unreach], [])
}

/** What a far side holds: each NLRI without its label, with everything that was said of it. */
export class Holding {
  readonly routes: Map<string, string> = new Map()
  private readonly speaker: Speaker

  constructor(speaker: Speaker) {
    this.speaker = speaker
  }

  hear(messages: ReadonlyArray<Uint8Array>): void {
    for (const bytes of messages) {
      const view = new DataView(bytes.buffer, bytes.byteOffset)
      const gone = 21 + view.getUint16(19)
      const end = gone + 2 + view.getUint16(gone)
      let rest = ""
      let reach = [0, 0]
      for (let at = gone + 2; at < end; ) {
        const value = at + ((bytes[at]! & 0x10) === 0 ? 3 : 4)
        const after = value + (value - at === 3 ? bytes[at + 2]! : view.getUint16(at + 2))
        if (bytes[at + 1] === 14) reach = [value, after]
        else if (bytes[at + 1] === 15) this.forget(bytes, value + 3, after, bytes[value + 2]!)
        else rest += `${bytes.subarray(at, after).join(".")} `
        at = after
      }
      this.forget(bytes, 21, gone, 1)
      this.learn(bytes, end, bytes.length, 1, rest)
      const [at, after] = reach as [number, number]
      const hop = at + 4 + (bytes[at + 3] ?? 0)
      if (after > 0) this.learn(bytes, hop + 1, after, bytes[at + 2]!, `${rest}${bytes.subarray(at, hop).join(".")}`)
    }
  }

  private learn(bytes: Uint8Array, from: number, to: number, safi: number, rest: string): void {
    for (const [key, label] of this.entries(bytes, from, to, safi)) this.routes.set(key, `${rest} ${label}`)
  }

  private forget(bytes: Uint8Array, from: number, to: number, safi: number): void {
    for (const [key] of this.entries(bytes, from, to, safi)) this.routes.delete(key)
  }

  private entries(bytes: Uint8Array, from: number, to: number, safi: number): Array<readonly [string, string]> {
    const entries: Array<readonly [string, string]> = []
    for (let at = from; at < to; ) {
      const id = this.speaker.addPath ? bytes.subarray(at, at + 4).join(".") : ""
      if (this.speaker.addPath) at += 4
      const end = at + 1 + Math.ceil(bytes[at]! / 8)
      const label = safi === 128 ? 3 : 0
      const key = `${safi} ${bytes[at]} ${bytes.subarray(at + 1 + label, end).join(".")} #${id}`
      entries.push([key, bytes.subarray(at + 1, at + 1 + label).join(".")])
      at = end
    }
    return entries
  }
}
