// What the schema cannot see because it takes two places to tell: names that lead nowhere, things said twice, values that contradict
// each other, and sections that are known but not supported yet. It looks at the data as read, whatever the schema says of it, so
// that a reader gets every problem in one go.
import { checkFanout } from "./fanout-checks.ts"
import { checkKernel } from "./kernel-checks.ts"
import { checkPasswords } from "./password-checks.ts"
import { checkDynamic, checkPeers } from "./peer-checks.ts"
import type { ConfigPath, Problem } from "./problems.ts"
import { canonical, list, type Raw, type Report, record } from "./raw.ts"
import { hostAddress, isLoopback, parseEndpoint, parseHost, parseNetwork } from "./values.ts"

export const crossChecks = (value: unknown): ReadonlyArray<Problem> => {
  const problems: Array<Problem> = []
  const report: Report = (path, message, atKey = false) => problems.push({ path, atKey, message })
  const file = record(value)
  notSupportedYet(file, report)
  checkApi(record(file["api"]), report)
  checkListen(list(file["listen"]), report)
  checkPeers(file, report)
  checkDynamic(file, report)
  checkPasswords(file, report)
  checkRoutes(file, report)
  checkKernel(record(file["kernel"]), report)
  checkRouter(record(file["router"]), list(file["peers"]), report)
  checkFanout(record(file["fanout"]), report)
  return problems
}

const SECTIONS: Readonly<Record<string, string>> = {
  policies: "use `policy: open` on a peer to accept and announce everything"
}

/** Settings that are part of the format but that the daemon does not act upon yet. Remove a line here with the feature that brings it. */
const PEER_SETTINGS: Readonly<Record<string, { readonly asked: (value: unknown) => boolean; readonly mend: string }>> =
  {
    import: { asked: () => true, mend: "use `policy: open` to accept everything" },
    export: { asked: () => true, mend: "use `policy: open` to announce everything" }
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

const checkRouter = (router: Raw, peers: ReadonlyArray<unknown>, report: Report): void => {
  if (record(router["best-path"])["deterministic-med"] === false) {
    report(["router", "best-path", "deterministic-med"], "MED is always compared by neighbouring AS here; remove this")
  }
  const confederation = record(router["confederation"])
  peers.forEach((peer, at) => {
    const { asn } = record(peer)
    if (asn === undefined || asn !== confederation["identifier"]) return
    report(["peers", at, "asn"], "this is our whole confederation; write the member AS that the peer is in")
  })
  const seen = new Set<unknown>()
  list(confederation["members"]).forEach((member, at) => {
    const path: ConfigPath = ["router", "confederation", "members", at]
    if (member === router["asn"]) report(path, "this is our own member AS; list the others")
    else if (seen.has(member)) report(path, `${String(member)} is listed twice; remove one`)
    seen.add(member)
  })
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

const checkRoutes = (file: Raw, report: Report): void => {
  const seen = new Set<string>()
  list(file["static"]).forEach((entry, at) => {
    const route = record(entry)
    const prefix = canonical(route["prefix"], parseNetwork)
    if (Array.isArray(route["via"]) && route["via"].length === 0) {
      report(["static", at, "via"], "a static route needs at least one next hop; add one")
    }
    if ((route["via"] === undefined) === (route["discard"] === undefined)) {
      report(["static", at], "a static route has either next hops (via) or says how packets are discarded (discard)")
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
  // The other way round there is no such thing in the kernel (RFC 8950 is about IPv4 over IPv6).
  if (address.family === 4 && prefix.includes(":")) {
    report(path, `${hop} is an IPv4 address and ${prefix} an IPv6 prefix; use an IPv6 next hop`)
  }
}
