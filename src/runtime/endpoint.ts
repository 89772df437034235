// Addresses with ports as text, the way the configuration writes them and the log records them: `192.0.2.1:179` or
// `[2001:db8::1]:179`, IPv6 in the form of RFC 5952, so that one address has one text.
import { formatAddress, parseAddress } from "../wire/index.ts"

export interface Endpoint {
  /** Without brackets; link-local ones with `%scope`. */
  readonly host: string
  readonly port: number
}

export const parseEndpoint = (text: string): Endpoint | undefined => {
  const [, bracketed, plain, port] = /^(?:\[([^\]]+)\]|([^:[\]]+)):(\d{1,5})$/.exec(text) ?? []
  const host = bracketed ?? plain
  if (host === undefined || Number(port) > 65535) return undefined
  return { host, port: Number(port) }
}

export const formatEndpoint = (host: string | undefined, port: number | undefined): string => {
  if (host === undefined || port === undefined) return ""
  const canonical = canonicalHost(host)
  return canonical.includes(":") ? `[${canonical}]:${port}` : `${canonical}:${port}`
}

const canonicalHost = (host: string): string => {
  const [text, scope] = host.split("%")
  const address = parseAddress(text)
  if (address === undefined) return host
  return scope === undefined ? formatAddress(address) : `${formatAddress(address)}%${scope}`
}
