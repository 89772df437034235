// The small languages inside the configuration: AS numbers, endpoints, sizes, durations, tables, communities. Each parser gives the
// value, or a sentence that says what is expected; the schema uses the sentence, the resolver the value.
import { type Address, formatAddress, formatPrefix, parseAddress, parsePrefix } from "../wire/index.ts"

/** A value, or what is wrong with the text. */
export type Parsed<A> = { readonly value: A } | { readonly problem: string }

const ok = <A>(value: A): Parsed<A> => ({ value })
const no = (problem: string): Parsed<never> => ({ problem })

/** The value of a text that the schema has already accepted. */
export const valueOf = <A>(parsed: Parsed<A>): A => {
  if ("value" in parsed) return parsed.value
  throw new Error(parsed.problem)
}

export const problemOf = <A>(parsed: Parsed<A>): string | undefined =>
  "problem" in parsed ? parsed.problem : undefined

export const parseAsn = (asn: number): Parsed<number> => {
  if (!Number.isInteger(asn) || asn < 1 || asn > 0xffff_ffff) {
    return no("an AS number is a whole number from 1 to 4294967295")
  }
  if (asn === 23456) return no("23456 is AS_TRANS and nobody's own AS number (RFC 6793)")
  return ok(asn)
}

export const isLinkLocal = (address: Address): boolean => address.family === 6 && address.words[0]! >>> 22 === 0x3fa

const isMulticast = (address: Address): boolean =>
  address.family === 4 ? address.words[0]! >>> 28 === 14 : address.words[0]! >>> 24 === 0xff

const isUnspecified = (address: Address): boolean => address.words.every((word) => word === 0)

export const isLoopback = (address: Address): boolean =>
  address.family === 4
    ? address.words[0]! >>> 24 === 127
    : address.words[3] === 1 && address.words.slice(0, 3).every((word) => word === 0)

const MAYBE_PREFIX = /\/\d+$/

/** An address that a peer can be told as next hop: whoever hears it may be on another link. */
export const parseNextHop = (text: string): Parsed<string> =>
  text.includes("%") ? no(`${text} is of one link; write a global address`) : parseHost(text)

/** A host's address in canonical text; link-local ones carry the interface after `%`. */
export const parseHost = (text: string): Parsed<string> => {
  const percent = text.indexOf("%")
  const scope = percent < 0 ? "" : text.slice(percent + 1)
  const address = parseAddress(percent < 0 ? text : text.slice(0, percent))
  if (address === undefined) {
    return no(
      MAYBE_PREFIX.test(text)
        ? `"${text}" is a prefix; write a single address, without "${text.slice(text.indexOf("/"))}"`
        : `"${text}" is not an IPv4 or IPv6 address; write it like 192.0.2.7 or 2001:db8::7`
    )
  }
  if (isUnspecified(address) || isMulticast(address)) return no(`${formatAddress(address)} is no host's address`)
  if (isLinkLocal(address) && scope === "") {
    return no(`a link-local address needs its interface: write ${formatAddress(address)}%eth0`)
  }
  if (!isLinkLocal(address) && percent >= 0) return no(`only link-local addresses take an interface: drop "%${scope}"`)
  const named = scope === "" ? ok("") : parseInterface(scope)
  return "problem" in named ? named : ok(formatAddress(address) + (scope === "" ? "" : `%${scope}`))
}

/** The interface in canonical host text; empty: there is none. */
export const hostInterface = (host: string): string => host.split("%")[1] ?? ""

/** The address behind canonical host text, without its interface. */
export const hostAddress = (host: string): Address | undefined => parseAddress(host.split("%")[0]!)

export const parseRouterId = (text: string): Parsed<string> => {
  const address = parseAddress(text)
  if (address === undefined || address.family !== 4 || address.words[0] === 0) {
    return no(`"${text}" is not a router id; write one of the router's IPv4 addresses, like 192.0.2.1`)
  }
  return ok(formatAddress(address))
}

export interface Endpoint {
  readonly address: Address
  readonly port: number
  /** `address:port` or `[address]:port`. */
  readonly text: string
}

const V6_ENDPOINT = /^\[([^\]]+)\]:(\d{1,5})$/
const V4_ENDPOINT = /^([^:]+):(\d{1,5})$/

export const parseEndpoint = (text: string): Parsed<Endpoint> => {
  const match = V6_ENDPOINT.exec(text) ?? V4_ENDPOINT.exec(text)
  if (match === null) {
    return no(
      `"${text}" is not an address with a port; write it like "192.0.2.1:179" or "[2001:db8::1]:179", in quotes`
    )
  }
  const address = parseAddress(match[1]!)
  if (address === undefined || (address.family === 6) !== text.startsWith("[")) {
    return no(
      `"${match[1]}" is not an address; host names are not looked up here, and IPv6 addresses stand in brackets`
    )
  }
  const port = Number(match[2])
  if (port > 65535) return no(`port ${port} is more than 65535`)
  const host = formatAddress(address)
  return ok({ address, port, text: address.family === 6 ? `[${host}]:${port}` : `${host}:${port}` })
}

export interface HubEndpoint {
  readonly host: string
  readonly port: number
}

const HUB = /^(?:\[([^\]]+)\]|([^:[\]]+)):(\d{1,5})$/

/** A hub may be a name: whoever follows it looks it up each time it connects. */
export const parseHubEndpoint = (text: string): Parsed<HubEndpoint> => {
  const [, bracketed, plain, port] = HUB.exec(text) ?? []
  const host = bracketed ?? plain
  if (host === undefined)
    return no(`"${text}" is not a hub; write it like "hub1:5473", "192.0.2.1:5473" or "[2001:db8::1]:5473"`)
  if (Number(port) === 0 || Number(port) > 65535) return no(`port ${port} is not between 1 and 65535`)
  if (bracketed !== undefined && parseAddress(bracketed)?.family !== 6)
    return no(`"${bracketed}" is not an IPv6 address`)
  return ok({ host, port: Number(port) })
}

export const parseNetwork = (text: string): Parsed<string> => {
  const prefix = parsePrefix(text)
  if (prefix !== undefined) return ok(formatPrefix(prefix))
  const [host, length] = text.split("/")
  const address = parseAddress(host ?? "")
  if (address !== undefined && length === undefined) {
    return no(`"${text}" has no length; write ${text}/${address.family === 4 ? 32 : 128} for the single address`)
  }
  if (address !== undefined && /^\d{1,3}$/.test(length!) && Number(length) <= (address.family === 4 ? 32 : 128)) {
    return no(`"${text}" has bits set beyond /${length}; write ${networkOf(address, Number(length))}`)
  }
  return no(`"${text}" is not a prefix; write it like 192.0.2.0/24 or 2001:db8::/32`)
}

/** The prefix that an address with host bits was probably meant to be. */
const networkOf = (address: Address, length: number): string => {
  const words = address.words.map((word, index) => {
    const bits = Math.min(32, Math.max(0, length - 32 * index))
    return bits === 0 ? 0 : (word & (0xffff_ffff << (32 - bits))) >>> 0
  })
  return formatPrefix({ family: address.family, words, length })
}

/** The kernel takes no longer key (TCP_MD5SIG_MAXKEYLEN). */
export const PASSWORD_BYTES_MAX = 80

/** RFC 2385. What is wrong with it is said without it: errors end up in logs. */
export const parsePassword = (text: string): Parsed<string> => {
  const bytes = new TextEncoder().encode(text).length
  if (bytes === 0) return no("an empty password protects nothing; write one, or ~ for none")
  return bytes > PASSWORD_BYTES_MAX
    ? no(`the password is longer than the ${PASSWORD_BYTES_MAX} bytes that TCP MD5 takes; choose a shorter one`)
    : ok(text)
}

// IFNAMSIZ is 16, with the zero at the end.
const INTERFACE_NAME = /^[^\s/]{1,15}$/

export const parseInterface = (text: string): Parsed<string> =>
  INTERFACE_NAME.test(text) && text !== "." && text !== ".."
    ? ok(text)
    : no(`"${text}" is not the name of an interface; write it like eth0: 1 to 15 characters, no spaces`)

const HOST_NAME = /^[A-Za-z0-9_]([A-Za-z0-9_.-]{0,62}[A-Za-z0-9_])?$/

export const parseHostname = (text: string): Parsed<string> =>
  HOST_NAME.test(text)
    ? ok(text)
    : no(`"${text}" is not a host name; write it like edge1 or edge1.example.net, at most 64 characters`)

/** draft-abraitis-bgp-version-capability: at most 64 bytes; more would be cut on the way. */
export const parseSoftwareVersion = (text: string): Parsed<string> =>
  text !== "" && new TextEncoder().encode(text).length <= 64
    ? ok(text)
    : no("a software version is a text of 1 to 64 bytes; leave it out to say nothing")

/** 0 stands for any. */
export const parseAnyAsn = (value: number | string): Parsed<number> => {
  if (typeof value === "number") return parseAsn(value)
  return value === "any"
    ? ok(0)
    : no(`"${value}" is not an AS number; write a whole number from 1 to 4294967295, or any`)
}

const SIZE = /^(\d+(?:\.\d+)?) ?(B|[kK]B|MB|GB|TB|KiB|MiB|GiB|TiB)?$/
const SIZE_UNITS: Readonly<Record<string, number>> = {
  B: 1,
  kB: 1e3,
  KB: 1e3,
  MB: 1e6,
  GB: 1e9,
  TB: 1e12,
  KiB: 2 ** 10,
  MiB: 2 ** 20,
  GiB: 2 ** 30,
  TiB: 2 ** 40
}

export const parseSize = (value: number | string): Parsed<number> => {
  const match = SIZE.exec(String(value))
  if (match === null) return no(`"${value}" is not a size; write it like 4GiB, 512MiB or 100MB`)
  const bytes = Math.floor(Number(match[1]) * SIZE_UNITS[match[2] ?? "B"]!)
  if (bytes < 2 ** 20) return no(`${value} is too small to keep a log in; write at least 1MiB`)
  return ok(bytes)
}

const DURATION = /^(\d+) ?(s|m|h|d)?$/
const DURATION_UNITS: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600, d: 86400 }

/** Whole seconds within bounds. */
export const parseSeconds =
  (least: number, most: number) =>
  (value: number | string): Parsed<number> => {
    const match = DURATION.exec(String(value))
    if (match === null) return no(`"${value}" is not a time in whole seconds; write it like 90, 90s or 2m`)
    const seconds = Number(match[1]) * DURATION_UNITS[match[2] ?? "s"]!
    return seconds < least || seconds > most ? no(`${value} is not between ${least} and ${most} seconds`) : ok(seconds)
  }

const RESTART_S_MAX = 7 * 86400

/** 0 stands for never. */
export const parseRestart = (value: number | string): Parsed<number> => {
  if (value === "never") return ok(0)
  const parsed = parseSeconds(1, RESTART_S_MAX)(value)
  return "value" in parsed ? parsed : no(`${parsed.problem}; or write never, to wait for the operator`)
}

/** RFC 4271 §4.2: zero, or at least three seconds. */
export const parseHoldTime = (value: number | string): Parsed<number> => {
  const parsed = parseSeconds(0, 65535)(value)
  if ("value" in parsed && (parsed.value === 1 || parsed.value === 2)) {
    return no(`a hold time is 0 (never expires) or at least 3 seconds, not ${parsed.value} (RFC 4271 §4.2)`)
  }
  return parsed
}

/** The names that /etc/iproute2/rt_tables gives everywhere. */
const TABLES: Readonly<Record<string, number>> = { default: 253, main: 254, local: 255 }

export const parseTable = (value: number | string): Parsed<number> => {
  const table =
    typeof value === "number" ? value : (TABLES[value] ?? (/^\d+$/.test(value) ? Number(value) : Number.NaN))
  if (!Number.isInteger(table) || table < 1 || table > 0xffff_ffff) {
    return no(`"${value}" is not a routing table; write main, default, local or a number from 1 to 4294967295`)
  }
  return ok(table)
}

/** RFC 1997, RFC 7999, RFC 9494: communities with a name. */
const WELL_KNOWN: Readonly<Record<string, string>> = {
  "graceful-shutdown": "65535:0",
  blackhole: "65535:666",
  "no-export": "65535:65281",
  "no-advertise": "65535:65282",
  "no-export-subconfed": "65535:65283",
  "no-peer": "65535:65284"
}

export const parseCommunity = (text: string): Parsed<string> => {
  const known = WELL_KNOWN[text]
  if (known !== undefined) return ok(known)
  const match = /^(\d{1,5}):(\d{1,5})$/.exec(text)
  if (match === null || Number(match[1]) > 65535 || Number(match[2]) > 65535) {
    return no(
      `"${text}" is not a community; write it like "65000:1", in quotes, or ${Object.keys(WELL_KNOWN).join(", ")}`
    )
  }
  return ok(`${Number(match[1])}:${Number(match[2])}`)
}
