// What contradicts itself in a peer or a range of peers, once the group's settings are merged in. A problem stands at the setting where
// the peer has it, else at the peer.

import { parsePrefix } from "../wire/index.ts"
import { type ConfigPath, didYouMean } from "./problems.ts"
import { canonical, list, optionsOf, type Raw, type Report, record } from "./raw.ts"
import { hostAddress, hostInterface, isLinkLocal, parseHost, parseNetwork } from "./values.ts"

/** A peer or a range: what is known of it besides its settings. */
interface Subject {
  readonly options: Raw
  /** Canonical text; absent for ranges. */
  readonly address: string | undefined
  readonly family: 4 | 6 | undefined
  readonly ownAsn: unknown
  readonly path: ConfigPath
  readonly report: Report
}

export const checkPeers = (file: Raw, report: Report): void => {
  const groups = record(file["groups"])
  const seen = new Map<string, number>()
  list(file["peers"]).forEach((entry, at) => {
    const peer = record(entry)
    if (peer !== entry) return
    const path: ConfigPath = ["peers", at]
    checkGroup(peer, groups, path, report)
    const address = canonical(peer["address"], parseHost)
    if (address !== undefined) {
      const first = seen.get(address)
      if (first === undefined) seen.set(address, at)
      else report([...path, "address"], `${address} is already peer number ${first + 1}; an address has one peer`)
    }
    const family = address === undefined ? undefined : hostAddress(address)?.family
    const options = optionsOf(peer, groups)
    if (options["asn"] === undefined) {
      report(path, `"asn" is missing here and in the peer's group; add the peer's AS number`)
    }
    checkSubject({ options, address, family, ownAsn: record(file["router"])["asn"], path, report })
  })
}

export const checkDynamic = (file: Raw, report: Report): void => {
  const groups = record(file["groups"])
  const seen = new Map<string, number>()
  list(file["dynamic"]).forEach((entry, at) => {
    const dynamic = record(entry)
    if (dynamic !== entry) return
    const path: ConfigPath = ["dynamic", at]
    checkGroup(dynamic, groups, path, report)
    const range = canonical(dynamic["range"], parseNetwork)
    const prefix = range === undefined ? undefined : parsePrefix(range)
    if (range !== undefined) {
      const first = seen.get(range)
      if (first === undefined) seen.set(range, at)
      else report([...path, "range"], `${range} is already range number ${first + 1}; merge the two`)
    }
    if (prefix !== undefined && isLinkLocal(prefix)) {
      report(
        [...path, "range"],
        `${range} is link-local, which is not supported yet for ranges; list each peer under peers`
      )
    }
    const options = optionsOf(dynamic, groups)
    if (options["asn"] === undefined) {
      report(path, `"asn" is missing here and in the group; write the AS number that the peers have, or any`)
    }
    checkSubject({
      options,
      address: undefined,
      family: prefix?.family,
      ownAsn: record(file["router"])["asn"],
      path,
      report
    })
  })
}

const checkGroup = (entry: Raw, groups: Raw, path: ConfigPath, report: Report): void => {
  const name = entry["group"]
  if (typeof name !== "string" || Object.hasOwn(groups, name)) return
  const meant = didYouMean(name, Object.keys(groups))
  const mend = meant === undefined ? "add it under groups" : `did you mean "${meant}"?`
  report([...path, "group"], `there is no group "${name}"; ${mend}`)
}

const checkSubject = (subject: Subject): void => {
  checkType(subject)
  checkRoles(subject)
  checkFamilies(subject)
  checkPrefixLimit(subject)
  checkDistance(subject)
  checkInterface(subject)
  checkLocalAddress(subject)
  checkFourOctets(subject)
}

const checkFourOctets = ({ options, ownAsn, path, report }: Subject): void => {
  const asn = options["local-as"] ?? ownAsn
  if (options["four-octet-as"] !== false || typeof asn !== "number" || asn <= 0xffff) return
  report(
    [...path, "four-octet-as"],
    `our AS number ${asn} has four octets, and the peer would never learn it; remove this`
  )
}

const isInside = (type: unknown): boolean => type === "internal" || type === "route-reflector-client"

/** As resolved: `internal` where the AS number is ours. */
const typeOf = ({ options, ownAsn }: Subject): unknown =>
  options["type"] ?? (options["asn"] !== undefined && options["asn"] === ownAsn ? "internal" : "external")

const checkType = ({ options, ownAsn, path, report }: Subject): void => {
  const { asn, type } = options as { readonly asn?: unknown; readonly type?: unknown }
  if (typeof ownAsn !== "number" || typeof type !== "string") return
  const mend = "correct asn, or leave type out"
  if (isInside(type) && asn === "any") {
    report([...path, "asn"], `${type} peers have our AS number: write ${ownAsn} instead of any`)
  }
  if (typeof asn !== "number") return
  if (isInside(type) && asn !== ownAsn) {
    report([...path, "type"], `${type} peers have our AS number ${ownAsn}, not ${asn}; ${mend}`)
  }
  if (!isInside(type) && asn === ownAsn) {
    report([...path, "type"], `${type} peers have another AS number than ours, ${ownAsn}; ${mend}`)
  }
}

/** Settings that mean nothing, or something else than they seem to, for some types of peers. */
const checkRoles = (subject: Subject): void => {
  const { options, path, report } = subject
  const type = String(typeOf(subject))
  for (const key of ["local-as", "as-override"]) {
    const value = options[key]
    if (value !== undefined && value !== false && type !== "external") {
      report([...path, key], `${key} is for external peers, and this one is ${article(type)} peer; remove it`)
    }
  }
  if (options["cluster-id"] !== undefined && type !== "route-reflector-client") {
    report(
      [...path, "cluster-id"],
      `cluster-id is for route-reflector-clients, and this one is ${article(type)} peer; remove it`
    )
  }
  if (options["next-hop-self"] === true && type === "route-server-client") {
    report(
      [...path, "next-hop-self"],
      "a route-server-client is told next hops as they came (RFC 7947 §2.2.1); remove it, or make the peer external"
    )
  }
  if (options["local-as"] !== undefined && options["local-as"] === options["asn"]) {
    report([...path, "local-as"], "this is the peer's own AS number; with it the session would be internal")
  }
  const role = options["role"]
  if (role !== undefined && isInside(type)) {
    report([...path, "role"], `role is for external peers, and this one is ${article(type)} peer; remove it`)
  }
  if (type === "route-server-client" && typeof role === "string" && role !== "rs") {
    report([...path, "role"], `towards its clients a route server is rs, not ${role}; the role is ours, not the peer's`)
  }
  if (options["enforce-first-as"] === true && isInside(type)) {
    report(
      [...path, "enforce-first-as"],
      `enforce-first-as is for external peers, and this one is ${article(type)} peer; remove it`
    )
  }
  if (options["role-strict"] === true && role === undefined) {
    report([...path, "role-strict"], "role-strict needs a role; add what we are to the peer")
  }
}

const article = (type: string): string => (/^[aeiou]/.test(type) ? `an ${type}` : `a ${type}`)

const checkFamilies = ({ options, family, path, report }: Subject): void => {
  const families = list(options["families"])
  if (Array.isArray(options["families"]) && families.length === 0) {
    report([...path, "families"], "a session without a family carries nothing; name one, or leave families out")
  }
  if (new Set(families).size < families.length) report([...path, "families"], "a family is listed twice; remove one")
  const carriesIpv4 = Array.isArray(options["families"]) ? families.includes("ipv4-unicast") : family === 4
  if (options["extended-next-hop"] === true && !carriesIpv4 && family !== undefined) {
    report([...path, "extended-next-hop"], "extended-next-hop is about IPv4 routes: add ipv4-unicast to families")
  }
}

const checkPrefixLimit = ({ options, path, report }: Subject): void => {
  if (options["max-prefixes"] !== undefined) return
  for (const key of ["prefix-warning", "prefix-restart"]) {
    if (options[key] !== undefined) report([...path, key], `${key} needs a limit; add max-prefixes`)
  }
}

/** With ttl-security, multihop is the distance from which packets may come at most (RFC 5082 §3). */
const checkDistance = ({ options, address, path, report }: Subject): void => {
  const { multihop } = options
  if (options["ttl-security"] === true && multihop === 255) {
    report(
      [...path, "multihop"],
      "with ttl-security, multihop is the greatest distance that a packet may come from, and 255 lets every packet pass; write the real distance"
    )
  }
  const host = address === undefined ? undefined : hostAddress(address)
  if (host !== undefined && isLinkLocal(host) && typeof multihop === "number" && multihop > 1) {
    report([...path, "multihop"], "a link-local address is never further away than the link; remove multihop")
  }
}

const checkInterface = ({ options, address, path, report }: Subject): void => {
  const scope = address === undefined ? "" : hostInterface(address)
  const name = options["interface"]
  if (scope !== "" && typeof name === "string" && name !== scope) {
    report([...path, "interface"], `the address says ${scope}, and here stands ${name}; leave interface out`)
  }
}

const checkLocalAddress = ({ options, address, family, path, report }: Subject): void => {
  const local = canonical(options["local-address"], parseHost)
  if (local === undefined || address === undefined) return
  const scopes = [hostInterface(local), hostInterface(address)]
  if (hostAddress(local)?.family !== family) {
    report([...path, "local-address"], `${local} and ${address} are of different families; a session has one`)
  } else if (local === address) {
    report([...path, "local-address"], "the peer's own address; write the address of this router")
  } else if (!scopes.includes("") && scopes[0] !== scopes[1]) {
    report([...path, "local-address"], `${local} and ${address} are on different links; a link-local session has one`)
  }
}
