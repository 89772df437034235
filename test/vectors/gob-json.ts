// The JSON form in which the vectors say what Go's decoder makes of a stream (lossless: see the reference, section 8), made of our values
// and types; and the comparison, which leaves the order of a map's entries open.
import {
  encodeGoTime,
  type GobRecord,
  type GobRegistry,
  type GobType,
  type GobValue,
  type GoTime
} from "../../src/fanout/index.ts"
import { formatAddress } from "../../src/wire/index.ts"

export type Json = null | boolean | number | string | ReadonlyArray<Json> | { readonly [key: string]: Json }

export const toHex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex")
export const fromHex = (hex: string): Uint8Array => new Uint8Array(Buffer.from(hex, "hex"))

export const toJson = (type: GobType, value: GobValue, registry: GobRegistry): Json => {
  const again = (own: GobType, inner: GobValue): Json => toJson(own, inner, registry)
  switch (type.kind) {
    case "pointer":
      return value === null ? null : again(type.to, value)
    case "bool":
      return value as boolean
    case "int":
    case "uint":
      return typeof value === "bigint" ? { $int: String(value) } : (value as number)
    case "float":
      return floatJson(value as number)
    case "complex": {
      const { real, imaginary } = value as { real: number; imaginary: number }
      return { $complex: [floatJson(real), floatJson(imaginary)] }
    }
    case "string":
      return textJson(value as string)
    case "bytes":
      return (value as Uint8Array).length === 0 ? null : { $bytes: toHex(value as Uint8Array) }
    case "time":
      return timeJson(value as GoTime)
    case "opaque":
      return opaqueJson(type.name, value as Uint8Array | null)
    case "slice":
      return (value as Array<GobValue>).length === 0
        ? null
        : (value as Array<GobValue>).map((one) => again(type.element, one))
    case "array":
      return (value as Array<GobValue>).map((one) => again(type.element, one))
    case "map":
      if (value === null) return null
      return {
        $map: [...(value as Map<GobValue, GobValue>)].map(([key, one]) => [
          again(type.key, key),
          again(type.element, one)
        ])
      }
    case "struct":
      return Object.fromEntries(
        type.fields.map((field) => [field.name, again(field.type, (value as GobRecord)[field.name])])
      )
    case "interface": {
      if (value === null) return null
      const { name, value: inner } = value as { name: string; value: GobValue }
      const own = registry(name)!
      return own.kind === "time" ? again(own, inner) : { $iface: name, value: again(own, inner) }
    }
    case "any":
    case "custom":
      throw new Error(`${type.kind} has no JSON form`)
  }
}

/** Where the two differ first. */
export const difference = (there: Json, here: Json, path = ""): string | undefined => {
  if (Array.isArray(there) && Array.isArray(here)) {
    const [one, other] = path.endsWith(".$map") ? [sorted(there), sorted(here)] : [there, here]
    if (one.length !== other.length) return `${path}: ${one.length} elements there, ${other.length} here`
    for (let index = 0; index < one.length; index++) {
      const found = difference(one[index], other[index], `${path}[${index}]`)
      if (found !== undefined) return found
    }
    return undefined
  }
  if (isObject(there) && isObject(here)) {
    const keys = new Set([...Object.keys(there), ...Object.keys(here)])
    for (const key of keys) {
      const found = difference(there[key] ?? null, here[key] ?? null, `${path}.${key}`)
      if (found !== undefined) return found
    }
    return undefined
  }
  return Object.is(there, here) ? undefined : `${path}: ${JSON.stringify(there)} there, ${JSON.stringify(here)} here`
}

const isObject = (value: Json): value is { readonly [key: string]: Json } =>
  typeof value === "object" && value !== null && !Array.isArray(value)

const sorted = (list: ReadonlyArray<Json>): ReadonlyArray<Json> =>
  [...list].sort((one, other) => (JSON.stringify(one) < JSON.stringify(other) ? -1 : 1))

const floatJson = (value: number): Json =>
  Number.isFinite(value) && !Object.is(value, -0) ? value : { $float: Object.is(value, -0) ? "-0" : String(value) }

/** A text with bytes that are not UTF-8 holds lone surrogates for them. */
export const textJson = (text: string): Json => {
  if (text.isWellFormed()) return text
  const parts = [...text].map((character) => {
    const code = character.codePointAt(0)!
    return code >= 0xdc80 && code <= 0xdcff ? Buffer.from([code & 0xff]) : Buffer.from(character)
  })
  return { $str: Buffer.concat(parts).toString("hex") }
}

export const timeJson = (time: GoTime): Json => {
  const offset = time.zone === "utc" ? 0 : time.zone
  const local = new Date((Number(time.seconds - 62_135_596_800n) + offset) * 1000).toISOString().slice(0, 19)
  const fraction = time.nanoseconds === 0 ? "" : `.${String(time.nanoseconds).padStart(9, "0").replace(/0+$/, "")}`
  const two = (number: number): string => String(Math.floor(number)).padStart(2, "0")
  const zone =
    offset === 0 ? "Z" : `${offset < 0 ? "-" : "+"}${two(Math.abs(offset) / 3600)}:${two((Math.abs(offset) / 60) % 60)}`
  return { $time: `${local}${fraction}${zone}`, gob: toHex(encodeGoTime(time)) }
}

/** Big integers, addresses and URLs have a text; what has no fields that Go can see is an empty object. */
const opaqueJson = (name: string, bytes: Uint8Array | null): Json => {
  const own = bytes ?? new Uint8Array(0)
  if (name === "Int") return { $gob: toHex(own), text: bigText(own) }
  if (name === "Addr") return { $gob: toHex(own), text: addressText(own) }
  if (name === "URL") return { $gob: toHex(own), text: Buffer.from(own).toString() }
  return {}
}

/** The first byte holds the version and the sign; the rest is the amount. */
const bigText = (bytes: Uint8Array): string => {
  if (bytes.length < 2) return "0"
  const amount = BigInt(`0x${toHex(bytes.subarray(1))}`)
  return String((bytes[0] & 1) === 1 ? -amount : amount)
}

const addressText = (bytes: Uint8Array): string => {
  if (bytes.length === 0) return "invalid IP"
  const family = bytes.length === 4 ? 4 : 6
  const size = family === 4 ? 4 : 16
  const view = new DataView(bytes.buffer, bytes.byteOffset, size)
  const words = Array.from({ length: size / 4 }, (_, index) => view.getUint32(index * 4))
  const zone = Buffer.from(bytes.subarray(size)).toString()
  return formatAddress({ family, words }) + (zone === "" ? "" : `%${zone}`)
}
