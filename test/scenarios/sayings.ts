// What a speaker may be told to say, and how it behaves; announcing and withdrawing is also what an operator tells a router of ours.
import { type Attributes, encodeNotification, parseAddress, parseCommunity, parsePrefix } from "../../src/wire/index.ts"
import { type Line, parseLine } from "./line.ts"
import { malformed } from "./malformed.ts"
import type { Speaker } from "./speaker.ts"
import type { Stage } from "./stage.ts"

const speakerOf = (stage: Stage, name: string | undefined): Speaker => {
  const speaker = stage.speakers.get(name!)
  if (speaker === undefined) throw new Error(`there is no speaker ${name}`)
  return speaker
}

const ORIGINS: Readonly<Record<string, number>> = { igp: 0, egp: 1, incomplete: 2 }
const WELL_KNOWN: Readonly<Record<string, string>> = { "no-export": "65535:65281", "no-advertise": "65535:65282" }

const words = (text: string): ReadonlyArray<string> => (text === "" ? [] : text.split(","))
const wordOf = (text: string): number => parseAddress(text)!.words[0]!

/** By default the path is the speaker's own AS, and the next hop the speaker. */
const attributesFrom = (speaker: Speaker, line: Line): Attributes => {
  const path = words(line.option("path", String(speaker.options.asn))).filter((word) => word !== "empty")
  const number = (key: string, name: string): object => (line.has(key) ? { [name]: Number(line.option(key)) } : {})
  const communities = words(line.option("communities", "")).map((text) => parseCommunity(WELL_KNOWN[text] ?? text)!)
  return {
    origin: ORIGINS[line.option("origin", "igp")]!,
    asPath: path.length === 0 ? [] : [{ type: 2, members: path.map(Number) }],
    nextHop: parseAddress(line.option("next-hop", speaker.options.address))!,
    ...number("med", "med"),
    ...number("local-pref", "localPref"),
    ...(communities.length === 0 ? {} : { communities }),
    ...(line.has("originator") ? { originatorId: wordOf(line.option("originator")) } : {}),
    ...(line.has("clusters") ? { clusterList: words(line.option("clusters")).map(wordOf) } : {})
  }
}

/** `10.1.0.0/16`, or `10.0.0.0/24..5000`: so many prefixes of that length, one after the other. */
const prefixesFrom = (text: string): ReadonlyArray<NonNullable<ReturnType<typeof parsePrefix>>> => {
  const [first, count = "1"] = text.split("..")
  const prefix = parsePrefix(first!)!
  const step = 2 ** (32 - prefix.length)
  return Array.from({ length: Number(count) }, (_, index) => ({ ...prefix, words: [prefix.words[0]! + index * step] }))
}

const PREFIXES_PER_MESSAGE = 500
/** Between two announcements: long enough that they are not one batch. */
const CHURN_MS = 50

const cut = <A>(list: ReadonlyArray<A>): ReadonlyArray<ReadonlyArray<A>> =>
  Array.from({ length: Math.ceil(list.length / PREFIXES_PER_MESSAGE) }, (_, index) =>
    list.slice(index * PREFIXES_PER_MESSAGE, (index + 1) * PREFIXES_PER_MESSAGE)
  )

export const sayings: Readonly<Record<string, (stage: Stage, line: Line) => void>> = {
  /** announce SPEAKER PREFIX… [path=] [next-hop=] [origin=] [med=] [local-pref=] [communities=] [originator=] [clusters=] */
  announce: (stage, line) => {
    const [name, ...prefixes] = line.names
    const speaker = stage.speakers.get(name!)
    if (speaker !== undefined) {
      const attributes = attributesFrom(speaker, line)
      for (const nlri of cut(prefixes.flatMap(prefixesFrom))) speaker.update({ attributes, nlri })
      return
    }
    const communities = words(line.option("communities", "")).map((text) => WELL_KNOWN[text] ?? text)
    for (const prefix of prefixes) stage.world.command(name!, { command: "announce", route: { prefix, communities } })
  },
  withdraw: (stage, { names: [name, ...prefixes] }) => {
    const speaker = stage.speakers.get(name!)
    for (const withdrawn of cut(prefixes.flatMap(prefixesFrom))) speaker?.update({ withdrawn })
    if (speaker !== undefined) return
    for (const prefix of prefixes) stage.world.command(name!, { command: "withdraw", prefix })
  },
  /** churn SPEAKER PREFIX TIMES: announces, over and over, with another community each time. */
  churn: (stage, { names: [name, prefix, times] }) => {
    const speaker = speakerOf(stage, name)
    for (let time = 1; time <= Number(times); time++) {
      const attributes = { ...attributesFrom(speaker, parseLine("churn")), communities: [time] }
      for (const nlri of cut(prefixesFrom(prefix!))) speaker.update({ attributes, nlri })
      stage.pass(CHURN_MS)
    }
  },
  /** hush SPEAKER: it does not tell of UPDATEs any more; `show` asks it. */
  hush: (stage, { names: [name] }) => {
    speakerOf(stage, name).isHushed = true
  },
  /** notify SPEAKER CODE SUBCODE: sends a NOTIFICATION and closes. */
  notify: (stage, { names: [name, code, subcode] }) => {
    const speaker = speakerOf(stage, name)
    speaker.send(encodeNotification({ code: Number(code), subcode: Number(subcode), data: new Uint8Array(0) }))
    speaker.close()
  },
  /** malformed SPEAKER KIND [PREFIX]: a message with that fault. */
  malformed: (stage, { names: [name, kind, prefix = "10.1.0.0/16"] }) => {
    const speaker = speakerOf(stage, name)
    const make = malformed[kind!]
    if (make === undefined) throw new Error(`there is no fault ${kind}`)
    speaker.send(make(speaker.options, parsePrefix(prefix)!))
  },
  silence: (stage, { names: [name] }) => {
    speakerOf(stage, name).isSilent = true
  },
  /** reads NAME BYTES: takes no more than so many bytes a second. */
  reads: (stage, { names: [name, bytes] }) => stage.world.readSlowly(name!, Number(bytes)),
  /** close SPEAKER: closes the connection without a word. */
  close: (stage, { names: [name] }) => speakerOf(stage, name).close()
}
