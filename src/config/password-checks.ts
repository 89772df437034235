// What the kernel makes of TCP MD5 passwords (RFC 2385): it asks for one by the address alone, that of the longest prefix that covers it.
// Who lies in a range with a password is asked for it, whatever else is configured; peers of one link-local address share one.
// No password stands in a message.
import { type Address, type Prefix, parsePrefix } from "../wire/index.ts"
import type { ConfigPath } from "./problems.ts"
import { canonical, list, optionsOf, type Raw, type Report, record } from "./raw.ts"
import { hostAddress, parseHost, parseNetwork } from "./values.ts"

interface Protected {
  readonly path: ConfigPath
  readonly text: string
  readonly prefix: Prefix
  readonly password: unknown
}

export const checkPasswords = (file: Raw, report: Report): void => {
  const groups = record(file["groups"])
  const peers = list(file["peers"]).flatMap((entry, at) => {
    const address = canonical(record(entry)["address"], parseHost)
    const host = address === undefined ? undefined : hostAddress(address)
    if (address === undefined || host === undefined) return []
    return [one(["peers", at], address, { ...host, length: bitsOf(host) }, optionsOf(record(entry), groups))]
  })
  const ranges = list(file["dynamic"]).flatMap((entry, at) => {
    const range = canonical(record(entry)["range"], parseNetwork)
    const prefix = range === undefined ? undefined : parsePrefix(range)
    if (range === undefined || prefix === undefined) return []
    return [one(["dynamic", at], range, prefix, optionsOf(record(entry), groups))]
  })
  for (const subject of [...peers, ...ranges]) checkAsked(subject, ranges, report)
  checkShared(peers, report)
}

const one = (path: ConfigPath, text: string, prefix: Prefix, options: Raw): Protected => ({
  path,
  text,
  prefix,
  password: options["password"]
})

const checkAsked = (subject: Protected, ranges: ReadonlyArray<Protected>, report: Report): void => {
  if (subject.password !== undefined) return
  const around = ranges.find(
    (range) =>
      range.password !== undefined &&
      range.prefix.length < subject.prefix.length &&
      covers(range.prefix, subject.prefix)
  )
  if (around === undefined) return
  report(
    subject.path,
    `${subject.text} lies in the range ${around.text}, and the kernel asks everybody in it for the range's password; add a password here`
  )
}

/** The kernel does not tell links apart. */
const checkShared = (peers: ReadonlyArray<Protected>, report: Report): void => {
  const first = new Map<string, Protected>()
  for (const peer of peers) {
    const host = peer.text.split("%")[0]!
    const other = first.get(host)
    if (other === undefined) first.set(host, peer)
    else if (other.text !== peer.text && other.password !== peer.password) {
      report(
        [...peer.path, "password"],
        `${peer.text} and ${other.text} need the same password, or both none: the kernel asks by address, not by link`
      )
    }
  }
}

const bitsOf = ({ family }: Address): number => (family === 4 ? 32 : 128)

const covers = (range: Prefix, inner: Address): boolean =>
  range.family === inner.family &&
  range.words.every((word, index) => {
    const bits = Math.min(32, Math.max(0, range.length - 32 * index))
    return bits === 0 || (word ^ inner.words[index]!) >>> (32 - bits) === 0
  })
