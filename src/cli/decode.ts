// `decode`: BGP messages from hex to JSON, without a daemon. Several messages in a row, as a capture holds them, give a line each.
import * as Effect from "effect/Effect"
import { decodeToJson, FAMILY_NAMES } from "../wire/index.ts"
import { ExitStatus, type Failure, fail } from "./failure.ts"
import { sayJson } from "./output.ts"

export interface DecodeOptions {
  /** The bytes in hex; `-` or nothing: from stdin. */
  readonly hex: string | undefined
  readonly as4: boolean
  /** Names of families, separated by commas. */
  readonly addPath: string | undefined
}

export const decode = (options: DecodeOptions): Effect.Effect<void, Failure> =>
  Effect.gen(function* () {
    const addPath = familiesFrom(options.addPath)
    if (typeof addPath === "string") return yield* fail(ExitStatus.Usage, addPath)
    const text = options.hex === undefined || options.hex === "-" ? yield* stdin : options.hex
    const bytes = bytesFrom(text)
    if (typeof bytes === "string") return yield* fail(ExitStatus.Usage, bytes)
    const messages = decodeToJson(bytes, { as4: options.as4, addPath })
    for (const message of messages) yield* sayJson(message)
    const bad = messages.map(problemIn).find((problem) => problem !== "")
    if (bad !== undefined) return yield* fail(ExitStatus.No, `decode: ${bad}`)
  })

/** Spaces, colons and line breaks may stand between the digits, and 0x in front: hex comes from many tools. */
const bytesFrom = (text: string): Uint8Array | string => {
  const digits = text.replace(/0x/gi, "").replace(/[\s:,-]/g, "")
  if (digits === "") return "decode: no bytes; give them in hex, or on stdin"
  const wrong = /[^0-9a-f]/i.exec(digits)
  if (wrong !== null) return `decode: "${wrong[0]}" is not a hex digit`
  if (digits.length % 2 === 1) return `decode: ${digits.length} hex digits make no whole number of bytes`
  return Uint8Array.from({ length: digits.length / 2 }, (_, at) =>
    Number.parseInt(digits.slice(2 * at, 2 * at + 2), 16)
  )
}

const familiesFrom = (text: string | undefined): ReadonlyArray<boolean> | string => {
  const asked = text === undefined ? [] : text.split(",").map((name) => name.trim())
  const unknown = asked.find((name) => !(FAMILY_NAMES as ReadonlyArray<string>).includes(name))
  if (unknown !== undefined) return `decode: unknown family "${unknown}"; known: ${FAMILY_NAMES.join(", ")}`
  return FAMILY_NAMES.map((name) => asked.includes(name))
}

/** Findings that a daemon would live with (RFC 7606) are part of the answer; what it would not accept at all is a "no". */
const problemIn = (message: Readonly<Record<string, unknown>>): string => {
  if (message["type"] === "incomplete") return `incomplete: ${message["length"]} of ${message["expected"]} bytes`
  const error = message["error"] as { readonly text?: unknown } | undefined
  return error === undefined ? "" : `malformed: ${String(error.text)}`
}

const stdin: Effect.Effect<string> = Effect.promise(async () => {
  process.stdin.setEncoding("utf8")
  let text = ""
  for await (const chunk of process.stdin) text += chunk as string
  return text
})
