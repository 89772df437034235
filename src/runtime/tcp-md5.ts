// TCP MD5 keys (RFC 2385) as the kernel takes them: for one address on a socket that dials, for addresses and ranges on one that listens.
// A keyring follows the configuration on a listener that is in use: what changed is set or deleted, connections that exist keep theirs.
// A password leaves `Redacted` only for the length of the call, in an array that is wiped after it.
import { Redacted } from "effect"
import { addressToBytes, type Prefix } from "../wire/index.ts"
import { Sys, SystemCallError, systemCalls } from "./sys.ts"
import { PASSWORD_BYTES_MAX } from "./tcp-options.ts"

export interface Md5Key {
  /** The prefix as text: what it is known by. */
  readonly key: string
  readonly prefix: Prefix
  readonly password: Redacted.Redacted<string>
}

/** Sets a key, in place of the one for the same prefix if there is one. Throws SystemCallError. */
export const setMd5Key = (fd: number, prefix: Prefix, password: Redacted.Redacted<string>): void =>
  callWith(fd, prefix, new TextEncoder().encode(Redacted.value(password)))

/** Throws SystemCallError; ENOENT when there is none. */
export const deleteMd5Key = (fd: number, prefix: Prefix): void => callWith(fd, prefix, new Uint8Array(0))

/** What is wrong with a password, without the password. */
export const passwordProblem = (password: Redacted.Redacted<string>): string | undefined => {
  const byteCount = new TextEncoder().encode(Redacted.value(password)).length
  return byteCount <= PASSWORD_BYTES_MAX
    ? undefined
    : `the password has ${byteCount} bytes, and TCP MD5 takes ${PASSWORD_BYTES_MAX}: choose a shorter one`
}

/** struct tcp_md5sig with a prefix. An empty key deletes. */
const callWith = (fd: number, prefix: Prefix, key: Uint8Array): void => {
  const option = new Uint8Array(MD5SIG_BYTES)
  const view = new DataView(option.buffer)
  view.setUint16(0, prefix.family === 4 ? Sys.AF_INET : Sys.AF_INET6, true)
  option.set(addressToBytes(prefix), prefix.family === 4 ? ADDRESS_4_OFFSET : ADDRESS_6_OFFSET)
  option[FLAGS_OFFSET] = FLAG_PREFIX
  option[PREFIX_LENGTH_OFFSET] = prefix.length
  view.setUint16(KEY_LENGTH_OFFSET, key.length, true)
  option.set(key, KEY_OFFSET)
  try {
    systemCalls().setsockopt(fd, Sys.IPPROTO_TCP, Sys.TCP_MD5SIG_EXT, option)
  } finally {
    option.fill(0)
    key.fill(0)
  }
}

const MD5SIG_BYTES = 216
/** In sockaddr_in and sockaddr_in6, at the start of the structure. */
const ADDRESS_4_OFFSET = 4
const ADDRESS_6_OFFSET = 8
const FLAGS_OFFSET = 128
const PREFIX_LENGTH_OFFSET = 129
const KEY_LENGTH_OFFSET = 130
const KEY_OFFSET = 136
const FLAG_PREFIX = 1

/** A key that a listener does not have. Who it is for must not be let in. */
export interface KeyRefused {
  readonly key: string
  readonly reason: string
}

/** The keys of one listening socket. */
export class Keyring {
  private readonly fd: number
  private readonly installed = new Map<string, Md5Key>()

  constructor(fd: number) {
    this.fd = fd
  }

  get size(): number {
    return this.installed.size
  }

  /** Makes the keys what they should be; returns those that the kernel does not take. */
  update(wanted: ReadonlyArray<Md5Key>): ReadonlyArray<KeyRefused> {
    const kept = new Set(wanted.map(({ key }) => key))
    // Deletes first: the socket's memory for keys may be full.
    for (const [key, { prefix }] of this.installed) {
      if (kept.has(key)) continue
      deleteMd5Key(this.fd, prefix)
      this.installed.delete(key)
    }
    return wanted.flatMap((each) => {
      const reason = this.set(each)
      return reason === undefined ? [] : [{ key: each.key, reason }]
    })
  }

  private set(wanted: Md5Key): string | undefined {
    const present = this.installed.get(wanted.key)
    if (present !== undefined && Redacted.value(present.password) === Redacted.value(wanted.password)) return undefined
    try {
      setMd5Key(this.fd, wanted.prefix, wanted.password)
      this.installed.set(wanted.key, wanted)
      return undefined
    } catch (cause) {
      if (!(cause instanceof SystemCallError)) throw cause
      return cause.code === "ENOMEM" ? this.full() : `TCP MD5: ${cause.code}`
    }
  }

  private full(): string {
    return (
      `TCP MD5: one listening socket takes no more than these ${this.installed.size} passwords; raise ` +
      "net.core.optmem_max with sysctl, or give a range of peers one password"
    )
  }
}
