// Messages of 100 updates (60-byte keys, 200-byte values), encoded and decoded, beside Go's own encoding/gob on one core in the same run
// where Go is installed. As in `gobpeer bench`: messages are prepared before, decoding leaves keys and values where they are until used.
// Encoding each update once and joining the bytes is shown too: that is what a hub with many followers does.
import {
  encodeMessage,
  encodeUpdate,
  joinUpdates,
  MessageDecoder,
  preambleOf,
  type Update
} from "../src/fanout/index.ts"
import { isAvailable } from "../test/support/available.ts"
import { askGobPeer } from "../test/support/gob-peer.ts"
import type { Row } from "./run.ts"

const PER_MESSAGE = 100
const CHUNK_BYTES = 65_536

/** What `gobpeer bench` makes of number `index`. */
export const sample = (index: number): Update => {
  const name = index.toString(16).padStart(8, "0")
  const net = `10.${(index >> 16) & 255}.${(index >> 8) & 255}.${index & 255}/32`
  let value = `{"state":"active","name":"cali${name}","gen":0,"ipv4_nets":["${net}"],"labels":{"pad":"`
  while (value.length < 197) value += String.fromCharCode(97 + ((value.length * 7 + index) % 26))
  const host = String(Math.floor(index / 1000)).padStart(3, "0")
  return {
    key: `/calico/v1/host/n-${host}/workload/k8s/ns.p-${String(index).padStart(6, "0")}/endpoint/eth0`,
    value: new Uint8Array(Buffer.from(`${value}"}}`)),
    revision: String(1_000_000 + index),
    v3ResourceVersion: "",
    ttlNanoseconds: 0,
    updateType: 1
  }
}

interface Timing {
  /** Of the best round, which says more than the median on a machine that others use. */
  readonly perSecond: number
  readonly cpuMicros: number
}

const measure = (updates: number, rounds: number, run: () => void): Timing => {
  let best = Number.POSITIVE_INFINITY
  run()
  const cpu: Array<number> = []
  for (let round = 0; round < rounds; round++) {
    const start = process.hrtime.bigint()
    const before = process.threadCpuUsage()
    run()
    const used = process.threadCpuUsage(before)
    best = Math.min(best, Number(process.hrtime.bigint() - start) / 1e9)
    cpu.push((used.user + used.system) / updates)
  }
  return { perSecond: updates / best, cpuMicros: cpu.sort((a, b) => a - b)[rounds >> 1] }
}

const decodeAll = (stream: Uint8Array, visit: (decoder: MessageDecoder) => number): number => {
  const decoder = new MessageDecoder()
  let count = 0
  for (let at = 0; at < stream.length; at += CHUNK_BYTES) {
    decoder.push(stream.subarray(at, Math.min(at + CHUNK_BYTES, stream.length)))
    count += visit(decoder)
  }
  return count
}

const countUpdates = (decoder: MessageDecoder): number => {
  let count = 0
  let next = decoder.next()
  for (; next._tag === "Message"; next = decoder.next())
    if (next.message._tag === "Updates") count += next.message.updates.count
  if (next._tag === "GobFault") throw new Error(next.detail)
  return count
}

/** Every key as a string, every value as a view. */
const useUpdates = (decoder: MessageDecoder): number => {
  let count = 0
  for (let next = decoder.next(); next._tag === "Message"; next = decoder.next()) {
    if (next.message._tag !== "Updates") continue
    const { updates } = next.message
    for (let index = 0; index < updates.count; index++) {
      if (updates.key(index).length > 0 && updates.value(index) !== null) count++
    }
  }
  return count
}

/** Go's figures by the name of its bench; none where there is no Go. */
const goTimings = (updates: number, rounds: number): ReadonlyMap<string, Timing> => {
  if (!isAvailable("go") || !isAvailable("gobpeer")) return new Map()
  const text = Buffer.from(
    askGobPeer(["bench", "-procs", "1", "-kvs", String(updates), "-rounds", String(rounds)], "")
  ).toString()
  return new Map(
    text
      .trim()
      .split("\n")
      .map((line) => {
        const row = JSON.parse(line) as { bench: string; bestKVsPerSec: number; cpuMicrosPerKV: string }
        return [row.bench, { perSecond: row.bestKVsPerSec, cpuMicros: Number(row.cpuMicrosPerKV) }]
      })
  )
}

export const run = (updates = 200_000, rounds = 9): ReadonlyArray<Row> => {
  const list = Array.from({ length: updates }, (_, index) => sample(index))
  const messages = Array.from({ length: updates / PER_MESSAGE }, (_, index) => ({
    _tag: "Updates" as const,
    updates: list.slice(index * PER_MESSAGE, (index + 1) * PER_MESSAGE)
  }))
  const stream = new Uint8Array(Buffer.concat([preambleOf("server"), ...messages.map(encodeMessage)]))
  const bodies = messages.map((message) => message.updates.map(encodeUpdate))
  const checked = (count: number): void => {
    if (count !== updates) throw new Error(`${count} updates decoded of ${updates}`)
  }
  const ours = {
    encode: measure(updates, rounds, () => {
      for (const message of messages) encodeMessage(message)
    }),
    join: measure(updates, rounds, () => {
      for (const own of bodies) joinUpdates(own)
    }),
    decode: measure(updates, rounds, () => checked(decodeAll(stream, countUpdates))),
    use: measure(updates, rounds, () => checked(decodeAll(stream, useUpdates)))
  }
  const go = goTimings(updates, rounds)
  const row = (bench: string, own: Timing, name: string, budget: string): Row => {
    const other = go.get(name)
    const figures = (timing: Timing): string =>
      `${(timing.perSecond / 1e6).toFixed(2)} M/s, ${timing.cpuMicros.toFixed(2)} µs CPU`
    const ratio = (by: number): string => by.toFixed(2)
    const beside =
      other === undefined
        ? "no Go here"
        : `Go ${figures(other)}; ratio ${ratio(own.perSecond / other.perSecond)} (CPU ${ratio(other.cpuMicros / own.cpuMicros)})`
    return { bench, measured: `${figures(own)}; ${beside}`, budget }
  }
  return [
    row("gob: encode, 100 a message", ours.encode, "encode to discard", "ratio 1"),
    row("gob: join encoded updates", ours.join, "encode to discard", ""),
    row("gob: decode, keys as views", ours.decode, "decode from memory", "ratio 0.5"),
    row("gob: decode, keys as strings", ours.use, "decode from memory", "")
  ]
}
