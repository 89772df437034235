// What each question may ask about: one table for HTTP parameters, the OpenAPI document and the command line's flags. Addresses and
// prefixes are brought into canonical text here, so that the router compares text and never guesses.
import { FAMILY_NAMES, formatAddress, formatPrefix, parseAddress, parsePrefix } from "../wire/index.ts"
import type { QueryName, QueryParams } from "./daemon-port.ts"

export const PARAMETER_KINDS = ["prefix", "address", "flag", "family"] as const
export type ParameterKind = (typeof PARAMETER_KINDS)[number]

export interface Parameter {
  readonly kind: ParameterKind
  readonly description: string
}

export const PARAMETERS = {
  peers: { address: { kind: "address", description: "only the peer with this address" } },
  routes: {
    prefix: { kind: "prefix", description: "only this prefix" },
    peer: { kind: "address", description: "only routes from (or, with advertised, to) this peer" },
    received: { kind: "flag", description: "as received, before policy" },
    advertised: { kind: "flag", description: "as announced to the peer; needs peer" },
    best: { kind: "flag", description: "only the routes chosen" },
    longer: { kind: "flag", description: "also the prefixes inside prefix" },
    family: { kind: "family", description: "only routes of this family" }
  },
  fib: {
    prefix: { kind: "prefix", description: "only this prefix" },
    lookup: { kind: "address", description: "the entry that a packet to this address uses" }
  },
  graph: {
    prefix: { kind: "prefix", description: "from this prefix down" },
    dot: { kind: "flag", description: "as Graphviz text instead of JSON" }
  },
  kernel: {
    waiting: { kind: "flag", description: "only objects that wait for something" },
    failed: { kind: "flag", description: "only objects whose last request failed" }
  },
  walks: {},
  buffers: {},
  fanout: {},
  log: {},
  health: {}
} as const satisfies Readonly<Record<QueryName, Readonly<Record<string, Parameter>>>>

/** The parameters in canonical form, or a sentence about the first that is wrong. */
export const normaliseParams = (name: QueryName, given: Iterable<readonly [string, string]>): QueryParams | string => {
  const known: Readonly<Record<string, Parameter>> = PARAMETERS[name]
  const params: Record<string, string> = {}
  for (const [key, text] of given) {
    const parameter = known[key]
    if (parameter === undefined || !Object.hasOwn(known, key)) {
      const names = Object.keys(known).join(", ")
      return `unknown parameter "${key}"; ${names === "" ? `${name} takes none` : `known here: ${names}`}`
    }
    const value = normalise(parameter.kind, text)
    if (value === undefined) return `${key}=${text}: ${EXPECTED[parameter.kind]}`
    if (value !== "false") params[key] = value
  }
  return contradiction(name, params) ?? params
}

const EXPECTED: Readonly<Record<ParameterKind, string>> = {
  prefix: "expected a prefix without host bits, like 192.0.2.0/24 or 2001:db8::/32",
  address: "expected an address, like 192.0.2.7 or 2001:db8::7",
  flag: "expected true or false",
  family: `expected one of ${FAMILY_NAMES.join(", ")}`
}

const normalise = (kind: ParameterKind, text: string): string | undefined => {
  switch (kind) {
    case "prefix":
      return canonicalPrefix(text)
    case "address":
      return canonicalAddress(text)
    case "family":
      return (FAMILY_NAMES as ReadonlyArray<string>).includes(text) ? text : undefined
    case "flag":
      return text === "" || text === "true" || text === "1"
        ? "true"
        : text === "false" || text === "0"
          ? "false"
          : undefined
  }
}

export const canonicalPrefix = (text: string): string | undefined => {
  const prefix = parsePrefix(text)
  return prefix === undefined ? undefined : formatPrefix(prefix)
}

/** Link-local addresses keep their interface. */
export const canonicalAddress = (text: string): string | undefined => {
  const percent = text.indexOf("%")
  const address = parseAddress(percent < 0 ? text : text.slice(0, percent))
  return address === undefined ? undefined : formatAddress(address) + (percent < 0 ? "" : text.slice(percent))
}

const contradiction = (name: QueryName, params: QueryParams): string | undefined => {
  if (name === "routes" && "received" in params && "advertised" in params) return "received and advertised: choose one"
  if (name === "routes" && "advertised" in params && !("peer" in params)) return "advertised needs peer: to whom?"
  if (name === "routes" && "longer" in params && !("prefix" in params)) return "longer needs prefix: inside which?"
  if (name === "fib" && "prefix" in params && "lookup" in params) return "prefix and lookup: choose one"
  if (name === "kernel" && "waiting" in params && "failed" in params) return "waiting and failed: choose one"
  return undefined
}
