// A block of netlink messages under construction. Netlink is in host order and every host that we support is little-endian (the
// runtime's self-test says so at start); addresses are big-endian as everywhere. Plain stores: a million routes pass here.
import { assert } from "../machine/index.ts"
import { NetlinkFlag } from "./numbers.ts"

export const HEADER_BYTES = 16
/** The longest request of each kind: what must be free in a block for one more. */
export const ROUTE_REQUEST_BYTES_MAX = 72
export const NEXTHOP_REQUEST_BYTES_MAX = 60
export const NEXTHOP_GROUP_REQUEST_BYTES = (members: number): number => 36 + members * 8
/** What a resilient group adds. */
export const RESILIENT_BYTES = 36
/** With prefixes of IPv6, a link's name, mark and mask. */
export const RULE_REQUEST_BYTES_MAX = 128

/** Writes messages one after another into a block that it is given. It never grows the block: ask `fits` first. */
export class NetlinkWriter {
  bytes: Uint8Array
  /** Bytes written. */
  length = 0

  constructor(bytes: Uint8Array) {
    this.bytes = bytes
  }

  /** Starts over in the given block. */
  reset(bytes: Uint8Array): void {
    this.bytes = bytes
    this.length = 0
  }

  /** Whether so many more bytes fit. */
  fits(byteCount: number): boolean {
    return this.length + byteCount <= this.bytes.length
  }

  /** Starts a message; returns where it starts, for `end`. */
  begin(type: number, flags: number, seq: number, port: number): number {
    const at = this.length
    assert(at + HEADER_BYTES <= this.bytes.length, "a netlink header fits its block")
    this.length = at + HEADER_BYTES
    store16(this.bytes, at + 4, type)
    store16(this.bytes, at + 6, flags)
    store32(this.bytes, at + 8, seq)
    store32(this.bytes, at + 12, port)
    return at
  }

  /** Fills in the length of the message that starts at `at`. */
  end(at: number): void {
    assert(this.length <= this.bytes.length, "a netlink message fits its block")
    store32(this.bytes, at, this.length - at)
  }

  u8(value: number): void {
    this.bytes[this.length++] = value
  }

  u16(value: number): void {
    store16(this.bytes, this.length, value)
    this.length += 2
  }

  u32(value: number): void {
    store32(this.bytes, this.length, value)
    this.length += 4
  }

  /** An attribute that holds one 32-bit word. */
  attribute32(type: number, value: number): void {
    this.u16(8)
    this.u16(type)
    this.u32(value)
  }

  /** An attribute that holds 16 bits; padded. */
  attribute16(type: number, value: number): void {
    this.u16(6)
    this.u16(type)
    this.u32(value)
  }

  /** An attribute that holds one byte; padded. */
  attribute8(type: number, value: number): void {
    this.u16(5)
    this.u16(type)
    this.u32(value & 0xff)
  }

  /** An attribute that only has to be there. */
  flag(type: number): void {
    this.u16(4)
    this.u16(type)
  }

  /** An attribute that holds an address: words `from` to `from + count` of big-endian text order. */
  attributeWords(type: number, words: ArrayLike<number>, from: number, count: number): void {
    this.u16(4 + count * 4)
    this.u16(type)
    for (let index = 0; index < count; index++) {
      storeNetwork32(this.bytes, this.length, words[from + index])
      this.length += 4
    }
  }

  /** An attribute that holds bytes; padded to a multiple of four with zeros. */
  attributeBytes(type: number, value: ArrayLike<number>): void {
    this.u16(4 + value.length)
    this.u16(type)
    for (let index = 0; index < value.length; index++) this.u8(value[index])
    while (this.length % 4 !== 0) this.u8(0)
  }

  /** An attribute that holds a text in ASCII, closed by a zero. */
  attributeText(type: number, text: string): void {
    this.u16(5 + text.length)
    this.u16(type)
    for (let index = 0; index < text.length; index++) this.u8(text.charCodeAt(index) & 0x7f)
    this.u8(0)
    while (this.length % 4 !== 0) this.u8(0)
  }

  /** Starts an attribute that holds attributes; returns where, for `endNest`. */
  beginNest(type: number): number {
    const at = this.length
    this.u16(0)
    this.u16(type)
    return at
  }

  endNest(at: number): void {
    store16(this.bytes, at, this.length - at)
  }
}

/** Asks for the acknowledgement of the message that starts at `at`: the last one of a batch. */
export const requestAck = (bytes: Uint8Array, at: number): void => {
  bytes[at + 6] |= NetlinkFlag.Ack
}

export const store16 = (bytes: Uint8Array, at: number, value: number): void => {
  bytes[at] = value
  bytes[at + 1] = value >>> 8
}

export const store32 = (bytes: Uint8Array, at: number, value: number): void => {
  bytes[at] = value
  bytes[at + 1] = value >>> 8
  bytes[at + 2] = value >>> 16
  bytes[at + 3] = value >>> 24
}

/** Big-endian, as addresses are. */
export const storeNetwork32 = (bytes: Uint8Array, at: number, value: number): void => {
  bytes[at] = value >>> 24
  bytes[at + 1] = value >>> 16
  bytes[at + 2] = value >>> 8
  bytes[at + 3] = value
}

export const load16 = (bytes: Uint8Array, at: number): number => bytes[at] | (bytes[at + 1] << 8)

export const load32 = (bytes: Uint8Array, at: number): number =>
  (bytes[at] | (bytes[at + 1] << 8) | (bytes[at + 2] << 16) | (bytes[at + 3] << 24)) >>> 0

export const loadNetwork32 = (bytes: Uint8Array, at: number): number =>
  ((bytes[at] << 24) | (bytes[at + 1] << 16) | (bytes[at + 2] << 8) | bytes[at + 3]) >>> 0
