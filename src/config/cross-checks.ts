// What the schema cannot see because it takes two places to tell: names that lead nowhere, things said twice, values that contradict
// each other, and sections that are known but not supported yet. It looks at the data as read, whatever the schema says of it, so
// that a reader gets every problem in one go.
import type { ConfigPath, Problem } from "./problems.ts"
import { didYouMean } from "./problems.ts"
import { hostAddress, isLinkLocal, isLoopback, type Parsed, parseEndpoint, parseHost, parseNetwork } from "./values.ts"

type Raw = Readonly<Record<string, unknown>>
type Report = (path: ConfigPath, message: string, atKey?: boolean) => void

export const crossChecks = (value: unknown): ReadonlyArray<Problem> => {
  const problems: Array<Problem> = []
  const report: Report = (path, message, atKey = false) => problems.push({ path, atKey, message })
  const file = record(value)
  notSupportedYet(file, report)
  checkApi(record(file["api"]), report)
  checkListen(list(file["listen"]), report)
  checkPeers(file, report)
  checkRoutes(file, report)
  return problems
}

const record = (value: unknown): Raw =>
  typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Raw) : {}
const list = (value: unknown): ReadonlyArray<unknown> => (Array.isArray(value) ? value : [])
const canonical = (value: unknown, parse: (text: string) => Parsed<string>): string | undefined => {
  if (typeof value !== "string") return undefined
  const parsed = parse(value)
  return "value" in parsed ? parsed.value : undefined
}

const SECTIONS: Readonly<Record<string, string>> = {
  dynamic: "list each peer under peers",
  policies: "use `policy: open` on a peer to accept and announce everything",
  fanout: "remove the section"
}

/** Settings that are part of the format but that the daemon does not act upon yet. Remove a line here with the feature that brings it. */
const PEER_SETTINGS: Readonly<Record<string, { readonly asked: (value: unknown) => boolean; readonly mend: string }>> =
  {
    import: { asked: () => true, mend: "use `policy: open` to accept everything" },
    export: { asked: () => true, mend: "use `policy: open` to announce everything" },
    "add-path": { asked: (value) => Number(record(value)["send"] ?? 0) > 0, mend: "leave `send` out; `receive` works" }
  }

const notSupportedYet = (file: Raw, report: Report): void => {
  for (const [key, mend] of Object.entries(SECTIONS)) {
    if (key in file) report([key], `"${key}" is not supported yet: ${mend}`, true)
  }
  const holders: ReadonlyArray<readonly [ConfigPath, unknown]> = [
    ...Object.entries(record(file["groups"])).map(([name, group]) => [["groups", name], group] as const),
    ...list(file["peers"]).map((peer, at) => [["peers", at], peer] as const)
  ]
  for (const [path, holder] of holders) {
    for (const [key, { asked, mend }] of Object.entries(PEER_SETTINGS)) {
      const value = record(holder)[key]
      if (value !== undefined && value !== null && asked(value)) {
        report([...path, key], `"${key}" is not supported yet: ${mend}`, true)
      }
    }
  }
}

const checkApi = (api: Raw, report: Report): void => {
  const http = typeof api["http"] === "string" ? parseEndpoint(api["http"]) : undefined
  if (http !== undefined && "value" in http && !isLoopback(http.value.address)) {
    report(
      ["api", "http"],
      `the API has no authentication on TCP yet, so ${http.value.text} is refused; listen on 127.0.0.1 or [::1] and put a proxy in front`
    )
  }
  const socket = api["socket"]
  if (typeof socket === "string" && (socket === "" || new TextEncoder().encode(socket).length > 107)) {
    report(["api", "socket"], "the path of a unix socket is 1 to 107 bytes long; choose a shorter one")
  }
}

const checkListen = (endpoints: ReadonlyArray<unknown>, report: Report): void => {
  const seen = new Map<string, number>()
  endpoints.forEach((entry, at) => {
    const text = canonical(entry, (value) => {
      const parsed = parseEndpoint(value)
      return "value" in parsed ? { value: parsed.value.text } : parsed
    })
    if (text === undefined) return
    if (seen.has(text)) report(["listen", at], `${text} is listed twice; remove one`)
    seen.set(text, at)
  })
}

const checkPeers = (file: Raw, report: Report): void => {
  const groups = record(file["groups"])
  const ownAsn = record(file["router"])["asn"]
  const seen = new Map<string, number>()
  list(file["peers"]).forEach((entry, at) => {
    const peer = record(entry)
    if (peer !== entry) return
    const path: ConfigPath = ["peers", at]
    const name = peer["group"]
    if (typeof name === "string" && !Object.hasOwn(groups, name)) {
      const meant = didYouMean(name, Object.keys(groups))
      const mend = meant === undefined ? "add it under groups" : `did you mean "${meant}"?`
      report([...path, "group"], `there is no group "${name}"; ${mend}`)
    }
    const address = canonical(peer["address"], parseHost)
    if (address !== undefined) {
      const first = seen.get(address)
      if (first === undefined) seen.set(address, at)
      else report([...path, "address"], `${address} is already peer number ${first + 1}; an address has one peer`)
    }
    const options = mergeOptions(peer, typeof name === "string" && Object.hasOwn(groups, name) ? groups[name] : {})
    checkPeerOptions(options, address, ownAsn, path, report)
  })
}

const checkPeerOptions = (
  options: Raw,
  address: string | undefined,
  ownAsn: unknown,
  path: ConfigPath,
  report: Report
): void => {
  const asn = options["asn"]
  if (asn === undefined) {
    report(path, `"asn" is missing here and in the peer's group; add the peer's AS number`)
  }
  const type = options["type"]
  if (typeof asn === "number" && typeof ownAsn === "number" && typeof type === "string") {
    const inside = type === "internal" || type === "route-reflector-client"
    if (inside && asn !== ownAsn) {
      report(
        [...path, "type"],
        `${type} peers have our AS number ${ownAsn}, not ${asn}; correct asn, or leave type out`
      )
    }
    if (!inside && asn === ownAsn) {
      report(
        [...path, "type"],
        `${type} peers have another AS number than ours, ${ownAsn}; correct asn, or leave type out`
      )
    }
  }
  const families = list(options["families"])
  if (Array.isArray(options["families"]) && families.length === 0) {
    report([...path, "families"], "a session without a family carries nothing; name one, or leave families out")
  }
  if (new Set(families).size < families.length) report([...path, "families"], "a family is listed twice; remove one")
  checkLocalAddress(options["local-address"], address, path, report)
}

const checkLocalAddress = (value: unknown, address: string | undefined, path: ConfigPath, report: Report): void => {
  const local = canonical(value, parseHost)
  if (local === undefined || address === undefined) return
  if (hostAddress(local)?.family !== hostAddress(address)?.family) {
    report([...path, "local-address"], `${local} and ${address} are of different families; a session has one`)
  } else if (local === address) {
    report([...path, "local-address"], "the peer's own address; write the address of this router")
  }
}

const checkRoutes = (file: Raw, report: Report): void => {
  const seen = new Set<string>()
  list(file["static"]).forEach((entry, at) => {
    const route = record(entry)
    const prefix = canonical(route["prefix"], parseNetwork)
    if (Array.isArray(route["via"]) && route["via"].length === 0) {
      report(["static", at, "via"], "a static route needs at least one next hop; add one")
    }
    if (prefix === undefined) return
    const key = `${prefix} ${String(route["distance"] ?? 1)}`
    if (seen.has(key)) {
      report(
        ["static", at, "prefix"],
        `${prefix} with this distance is listed twice; give several next hops in one via`
      )
    }
    seen.add(key)
    list(route["via"]).forEach((hop, hopAt) => {
      checkNextHop(canonical(hop, parseHost), prefix, ["static", at, "via", hopAt], report)
    })
  })
  const originated = new Set<string>()
  list(file["originate"]).forEach((entry, at) => {
    const prefix = canonical(record(entry)["prefix"], parseNetwork)
    if (prefix !== undefined && originated.has(prefix)) {
      report(["originate", at, "prefix"], `${prefix} is listed twice; remove one`)
    }
    if (prefix !== undefined) originated.add(prefix)
  })
}

const checkNextHop = (hop: string | undefined, prefix: string, path: ConfigPath, report: Report): void => {
  const address = hop === undefined ? undefined : hostAddress(hop)
  if (address === undefined) return
  if (isLinkLocal(address)) {
    report(
      path,
      `${hop} is link-local, which is not supported yet for static routes; use a global address of that router`
    )
  } else if ((address.family === 6) !== prefix.includes(":")) {
    report(
      path,
      `${hop} is of another family than ${prefix}, which is not supported yet; use a next hop of the same family`
    )
  }
}

/** A peer's own word wins over its group's; `~` in the peer takes the group's word back. */
export const mergeOptions = (peer: Raw, group: unknown): Raw => {
  const merged: Record<string, unknown> = {}
  for (const [key, value] of [...Object.entries(record(group)), ...Object.entries(peer)]) {
    if (value === null || value === undefined) delete merged[key]
    else merged[key] = value
  }
  return merged
}
