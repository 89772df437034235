// A made-up table as the bytes of its UPDATEs, for the warm-up: shaped like the Internet's (lengths of prefixes and of paths, how many prefixes
// share their attributes, which attributes there are), so that the code that is compiled for it is the code that a real table needs.
// Written straight into one array.
import { MessageType } from "../wire/index.ts"

export interface TableShape {
  /** At least so many; the last message is not cut. A few come twice. */
  readonly prefixes: number
  /** The system that announces it: the first of each path. */
  readonly asn: number
  readonly nextHop: number
  /** Which prefixes, and which of them come together. */
  readonly seed: number
  /** What is said of them: speakers of one table differ in this. */
  readonly pathSeed: number
}

/** UPDATE messages that announce the table, and the End-of-RIB; AS numbers have four octets (RFC 6793). */
export const syntheticTable = (shape: TableShape): Uint8Array => {
  const what = new Chance(shape.pathSeed)
  const writer = new Writer(shape.prefixes * PREFIX_BYTES_MAX + MESSAGE_ROOM)
  eachRun(shape, (run) => {
    const start = writer.open()
    writer.octets(0, 2)
    const at = writer.at
    writer.octets(0, 2)
    writeAttributes(writer, what, shape.asn, shape.nextHop)
    writer.put16(at, writer.at - at - 2)
    for (const word of run) writePrefix(writer, word)
    writer.close(start)
  })
  const start = writer.open()
  writer.octets(0, 4)
  writer.close(start)
  return writer.bytes.subarray(0, writer.at)
}

/** UPDATE messages that withdraw what the first `prefixes` of the table were. */
export const syntheticWithdrawals = (shape: TableShape): Uint8Array => {
  const writer = new Writer(shape.prefixes * PREFIX_BYTES_MAX + MESSAGE_ROOM)
  eachRun(shape, (run) => {
    const start = writer.open()
    const at = writer.at
    writer.octets(0, 2)
    for (const word of run) writePrefix(writer, word)
    writer.put16(at, writer.at - at - 2)
    writer.octets(0, 2)
    writer.close(start)
  })
  return writer.bytes.subarray(0, writer.at)
}

/** Prefixes that share their attributes. */
const eachRun = ({ prefixes, seed }: TableShape, visit: (run: ReadonlyArray<Prefix>) => void): void => {
  const chance = new Chance(seed)
  for (let left = prefixes; left > 0; ) {
    const length = chance.oneIn(3) ? 1 : 1 + chance.below(chance.oneIn(8) ? 60 : 10)
    const base = ((20 + chance.below(180)) << 24) | 0
    visit(Array.from({ length }, () => prefixIn(base | (chance.below(256) << 16), chance)))
    left -= length
  }
}

interface Prefix {
  readonly word: number
  readonly length: number
}

const prefixIn = (base: number, chance: Chance): Prefix => {
  const length = chance.oneIn(8) ? 16 + chance.below(8) : chance.oneIn(3) ? 22 + chance.below(2) : 24
  return { word: (base | (chance.below(256) << 8)) & (-1 << (32 - length)), length }
}

/** Path attributes in the order of their codes: ORIGIN, AS_PATH and NEXT_HOP always, the others as often as they are met. */
const writeAttributes = (writer: Writer, chance: Chance, asn: number, nextHop: number): void => {
  writer.attribute(0x40, 1, 1)
  writer.octet(chance.oneIn(10) ? 2 : 0)
  const hops = 1 + chance.below(5)
  writer.attribute(0x40, 2, 2 + 4 * (hops + 1))
  writer.octet(AS_SEQUENCE)
  writer.octet(hops + 1)
  writer.word(asn)
  for (let hop = 0; hop < hops; hop++) writer.word(1000 + chance.below(chance.oneIn(3) ? 300_000 : 60_000))
  writer.attribute(0x40, 3, 4)
  writer.word(nextHop)
  if (chance.oneIn(5)) {
    writer.attribute(0x80, 4, 4)
    writer.word(chance.below(200))
  }
  if (chance.oneIn(25)) {
    writer.attribute(0xc0, 7, 8)
    writer.word(1000 + chance.below(60_000))
    writer.word(0xc000_0200 | chance.below(256))
  }
  if (chance.oneIn(2)) writeWords(writer, chance, 8, 1 + chance.below(5))
  if (chance.oneIn(12)) writeWords(writer, chance, 32, 3)
}

/** Communities: words, sorted as speakers send them. */
const writeWords = (writer: Writer, chance: Chance, type: number, count: number): void => {
  writer.attribute(0xc0, type, 4 * count)
  for (let index = 1; index <= count; index++) writer.word((index << 24) | chance.below(1000))
}

const writePrefix = (writer: Writer, { word, length }: Prefix): void => {
  writer.octet(length)
  writer.octet(word >>> 24)
  writer.octet(word >>> 16)
  if (length > 16) writer.octet(word >>> 8)
}

class Writer {
  readonly bytes: Uint8Array
  at = 0

  constructor(size: number) {
    this.bytes = new Uint8Array(size)
  }

  octet(value: number): void {
    this.bytes[this.at++] = value
  }

  word(value: number): void {
    this.octet(value >>> 24)
    this.octet(value >>> 16)
    this.octet(value >>> 8)
    this.octet(value)
  }

  attribute(flags: number, type: number, length: number): void {
    this.octet(flags)
    this.octet(type)
    this.octet(length)
  }

  octets(value: number, count: number): void {
    for (let left = count; left > 0; left--) this.octet(value)
  }

  /** Begins a message; returns where. Its length is filled in when it is closed. */
  open(): number {
    const start = this.at
    this.octets(0xff, 16)
    this.octets(0, 2)
    this.octet(MessageType.Update)
    return start
  }

  close(start: number): void {
    this.put16(start + 16, this.at - start)
  }

  put16(at: number, value: number): void {
    this.bytes[at] = value >>> 8
    this.bytes[at + 1] = value
  }
}

/** Numbers that are the same every time (xorshift); which ones does not matter. */
class Chance {
  private state: number

  constructor(seed: number) {
    this.state = seed | 1
  }

  below(bound: number): number {
    let bits = this.state
    bits ^= bits << 13
    bits ^= bits >>> 17
    bits ^= bits << 5
    this.state = bits
    return (bits >>> 8) % bound
  }

  oneIn(bound: number): boolean {
    return this.below(bound) === 0
  }
}

const AS_SEQUENCE = 2
/** A prefix with its share of a message: what a message of one prefix takes, at most. */
const PREFIX_BYTES_MAX = 128
const MESSAGE_ROOM = 4096
