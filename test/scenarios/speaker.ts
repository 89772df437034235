// A BGP speaker that a scenario plays: it says what it is told to say, answers what keeps a session alive, and writes down what it
// hears. It has no opinions, so that every decision in a transcript is our router's.
import { ConnectionChange, type ConnId, type EventRecord } from "../../src/eventlog/index.ts"
import type { World } from "../../src/testing/world.ts"
import {
  AS_TRANS,
  afiOf,
  type Capability,
  decodeToJson,
  encodeEndOfRib,
  encodeOpen,
  encodeUpdate,
  frame,
  keepalive,
  MessageType,
  parseAddress,
  safiOf,
  type Update
} from "../../src/wire/index.ts"

export interface SpeakerOptions {
  readonly name: string
  readonly address: string
  readonly asn: number
  readonly id: string
  readonly holdTimeS: number
  readonly families: ReadonlyArray<0 | 1>
}

const LONGEST = 65535
const PREFIXES_TOLD_MAX = 4

export class Speaker {
  readonly name: string
  readonly addresses: ReadonlyArray<string>
  readonly options: SpeakerOptions
  readonly offer: (record: EventRecord) => void
  /** What it has been told, as text by prefix; and how many times it was told anything. */
  readonly table: Map<string, string> = new Map()
  told = 0
  isEstablished = false
  /** Sends no KEEPALIVE any more. */
  isSilent = false
  /** Writes no UPDATEs down. */
  isHushed = false
  private readonly world: World
  private readonly say: (line: string) => void
  private conn: ConnId = 0
  private dials = 0
  private carried: Uint8Array = new Uint8Array(0)

  constructor(world: World, options: SpeakerOptions, say: (line: string) => void) {
    this.name = options.name
    this.addresses = [options.address]
    this.options = options
    this.world = world
    this.say = (line) => say(`${options.name} ${line}`)
    this.offer = (record) => this.take(record)
    world.join(this)
  }

  dial(address: string): void {
    this.conn = ++this.dials
    this.carried = new Uint8Array(0)
    this.world.network.dial(this, this.conn, address, 179, "")
  }

  close(): void {
    this.world.network.close(this, this.conn, false)
    this.isEstablished = false
  }

  send(bytes: Uint8Array): void {
    this.world.network.send(this, this.conn, bytes, () => {})
  }

  update(update: Update): void {
    this.send(encodeUpdate(update, { as4: true, addPath: [false, false] }))
  }

  private take(record: EventRecord): void {
    if (record._tag === "Bytes" && record.conn === this.conn) this.hear(record.bytes)
    if (record._tag !== "Connection" || record.conn !== this.conn) return
    if (record.change === ConnectionChange.Dialled) this.send(this.open())
    if (record.change !== ConnectionChange.Closed && record.change !== ConnectionChange.DialFailed) return
    this.isEstablished = false
    this.table.clear()
    this.say(record.cause === "" ? "connection closed" : `connection failed: ${record.cause}`)
  }

  private open(): Uint8Array {
    const { asn, id, holdTimeS, families } = this.options
    const capabilities: Array<Capability> = families.map((family) => ({
      _tag: "Multiprotocol",
      afi: afiOf(family),
      safi: safiOf(family)
    }))
    capabilities.push({ _tag: "RouteRefresh" }, { _tag: "FourOctetAs", asn })
    const short = asn > 0xffff ? AS_TRANS : asn
    return encodeOpen({ version: 4, asn: short, holdTime: holdTimeS, id: parseAddress(id)!.words[0]!, capabilities })
  }

  private hear(bytes: Uint8Array): void {
    const whole = Uint8Array.from([...this.carried, ...bytes])
    let at = 0
    for (;;) {
      const length = frame(whole, at, whole.length, LONGEST)
      if (length < 0) throw new Error(`${this.name} hears what is no message`)
      if (length === 0 || at + length > whole.length) break
      this.hearMessage(whole.subarray(at, at + length))
      at += length
    }
    this.carried = whole.slice(at)
  }

  private hearMessage(message: Uint8Array): void {
    const [json] = decodeToJson(message, { as4: true, addPath: [false, false] })
    if (message[18] === MessageType.Keepalive) this.hearKeepalive()
    else if (message[18] === MessageType.Update) this.hearUpdate(json as unknown as UpdateJson)
    else this.hearOther(message[18]!, json as Record<string, unknown>)
  }

  private hearOther(messageType: number, json: Record<string, unknown>): void {
    const { type, text, asn, holdTime, id, communication } = json
    const saying = communication === undefined ? "" : ` "${communication}"`
    if (messageType === MessageType.Open) {
      this.send(keepalive())
      this.say(`<- ${type} as ${asn} hold ${holdTime} id ${id}`)
    } else this.say(`<- ${type} ${text ?? ""}${saying}`.trimEnd())
  }

  private hearKeepalive(): void {
    if (this.isEstablished) return
    this.isEstablished = true
    for (const family of this.options.families) this.send(encodeEndOfRib(family))
    this.keepAlive(this.conn)
  }

  private keepAlive(conn: ConnId): void {
    if (!this.isEstablished || this.conn !== conn || this.options.holdTimeS === 0) return
    this.world.after(this.options.holdTimeS * 333, () => {
      if (this.isEstablished && this.conn === conn && !this.isSilent) this.send(keepalive())
      this.keepAlive(conn)
    })
  }

  private hearUpdate(update: UpdateJson): void {
    this.told++
    if (update.endOfRib !== undefined) {
      this.say(`<- End-of-RIB ${update.endOfRib}`)
      return
    }
    const { reach, unreach, ...attributes } = update.attributes
    const withdrawn = [...update.withdrawn, ...(unreach?.nlri ?? [])]
    const announced = [...update.nlri, ...(reach?.nlri ?? [])]
    const text = attributesText(attributes)
    for (const prefix of withdrawn) this.table.delete(prefix)
    for (const prefix of announced) this.table.set(prefix, text)
    if (this.isHushed) return
    if (withdrawn.length > 0) this.say(`<- withdraw ${listText(withdrawn)}`)
    if (announced.length > 0) this.say(`<- announce ${listText(announced)} ${text}`)
  }
}

interface UpdateJson {
  readonly endOfRib?: string
  readonly withdrawn: ReadonlyArray<string>
  readonly nlri: ReadonlyArray<string>
  readonly attributes: Readonly<Record<string, unknown>> & {
    readonly reach?: { readonly nlri: ReadonlyArray<string> }
    readonly unreach?: { readonly nlri: ReadonlyArray<string> }
  }
}

const listText = (prefixes: ReadonlyArray<string>): string =>
  prefixes.length <= PREFIXES_TOLD_MAX
    ? prefixes.join(" ")
    : `${prefixes.slice(0, 2).join(" ")} … ${prefixes.at(-1)} (${prefixes.length} prefixes)`

/** Attributes in the words of the commands that would announce them. */
export const attributesText = (attributes: Readonly<Record<string, unknown>>): string =>
  ATTRIBUTES.flatMap(([key, name]) => {
    const value = attributes[key]
    if (value === undefined || value === null || (Array.isArray(value) && value.length === 0)) return []
    const text = String(value)
    return key === "origin" && text === "igp" ? [] : [`${name}=${text === "" ? "empty" : text.replaceAll(" ", ",")}`]
  }).join(" ")

const ATTRIBUTES = [
  ["asPath", "path"],
  ["nextHop", "next-hop"],
  ["origin", "origin"],
  ["med", "med"],
  ["localPref", "local-pref"],
  ["communities", "communities"],
  ["originatorId", "originator"],
  ["clusterList", "clusters"]
] as const
