// Scenarios of one peer as text (test/session/transcripts): a command, `----`, and all that comes of it. UPDATE=1 rewrites what is
// expected; commit a rewrite only when you understand each line that changed.
import { readdirSync, readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { describe, expect, it } from "vitest"
import {
  createPeer,
  foremost,
  type Peer,
  type PeerEffect,
  type PeerEvent,
  type PeerSettings,
  peerStateName,
  reducePeer,
  TIMER_NAMES
} from "../../src/session/index.ts"
import { describeNotification, formatWords, type Open } from "../../src/wire/index.ts"

const FOLDER = join(import.meta.dirname, "transcripts")
const FIRST_CONN = 0x1_0000
const ACCEPTED = 0x8000_0000

describe("transcript", () => {
  it.each(readdirSync(FOLDER).filter((name) => name.endsWith(".txt")))("%s", (name) => {
    const file = join(FOLDER, name)
    const text = readFileSync(file, "utf8")
    const played = play(text)
    if (process.env["UPDATE"] === "1") writeFileSync(file, played)
    else expect(played).toBe(text)
  })
})

/** The file again, with what its commands give now. Comments and the commands stay as they are. */
const play = (text: string): string => {
  let peer: Peer | undefined
  const blocks = text.trimEnd().split(/\n\n+/)
  const out = blocks.map((block) => {
    const command = block.split("\n----")[0]!
    const words = command.split("\n").findLast((line) => !line.startsWith("#"))
    if (words === undefined) return command
    const [next, lines] = perform(peer, words)
    peer = next
    return [command, "----", ...lines].join("\n")
  })
  return `${out.join("\n\n")}\n`
}

const perform = (peer: Peer | undefined, line: string): readonly [Peer, ReadonlyArray<string>] => {
  const [verb, ...rest] = line.split(" ")
  const values = Object.fromEntries(rest.filter((word) => word.includes("=")).map((word) => word.split("=")))
  if (verb === "peer") {
    const created = createPeer(settingsOf(values), { firstConn: FIRST_CONN, seed: 1 })
    return [created, [peerStateName(created)]]
  }
  if (peer === undefined) throw new Error("a transcript begins with its peer")
  const [after, effects] = reducePeer(peer, eventOf(peer, verb!, rest, values))
  const states = [peerStateName(peer), peerStateName(after)]
  return [
    after,
    [
      states[0] === states[1] ? states[0]! : states.join(" -> "),
      ...effects.map((effect) => `  ${textOf(effect)}`),
      ...(after.lastError === peer.lastError ? [] : [`  last error: ${after.lastError}`])
    ]
  ]
}

type Values = Readonly<Record<string, string>>

const settingsOf = (values: Values): PeerSettings => ({
  localAs: Number(values["as"]),
  localId: idOf(values["id"]!),
  remoteAs: Number(values["remote-as"] ?? 0),
  passive: values["passive"] === "yes",
  holdTimeS: Number(values["hold"] ?? 90),
  connectRetryS: Number(values["connect-retry"] ?? 120),
  idleHoldS: Number(values["idle-hold"] ?? 5),
  delayOpenS: Number(values["delay-open"] ?? 0),
  dampPeerOscillations: values["damp"] !== "no",
  families: [0],
  addPathReceive: false,
  addPathSend: false,
  extendedMessage: false,
  hostname: "",
  ...(values["prefix-restart"] === undefined ? {} : { prefixRestartS: Number(values["prefix-restart"]) }),
  ...(values["dynamic"] === "yes" ? { dynamic: true } : {})
})

const idOf = (text: string): number => text.split(".").reduce((word, octet) => word * 256 + Number(octet), 0)

const eventOf = (peer: Peer, verb: string, rest: ReadonlyArray<string>, values: Values): PeerEvent => {
  const named = rest.find((word) => /^[da]\d+$/.test(word))
  const conn = named === undefined ? foremost(peer).conn : numberOf(named)
  const codes = rest
    .find((word) => /^\d+\/\d+$/.test(word))
    ?.split("/")
    .map(Number) ?? [0, 0]
  const fault = { code: codes[0]!, subcode: codes[1]!, data: new Uint8Array(0) }
  switch (verb) {
    case "enable":
      return { _tag: "Enabled" }
    case "disable":
      return { _tag: "Disabled", communication: rest.join(" ") }
    case "reset":
      return { _tag: "ResetRequested" }
    case "remove":
      return { _tag: "Removed" }
    case "accept":
      return { _tag: "Accepted", conn }
    case "dialled":
      return { _tag: "Dialled", conn }
    case "dial-failed":
      return { _tag: "DialFailed", conn, cause: "ECONNREFUSED" }
    case "closed":
      return { _tag: "Closed", conn, cause: "ECONNRESET" }
    case "open":
      return { _tag: "OpenReceived", conn, open: openOf(values) }
    case "keepalive":
      return { _tag: "KeepaliveReceived", conn }
    case "update":
      return { _tag: "UpdateReceived", conn }
    case "notification":
      return { _tag: "NotificationReceived", conn, fault }
    case "malformed":
      return { _tag: "Malformed", conn, fault, messageType: Number(values["type"]) }
    case "prefix-limit":
      return { _tag: "PrefixLimitExceeded", conn, family: 0, limit: Number(rest.at(-1)) }
    case "fire": {
      const timer = TIMER_NAMES.indexOf(rest[0] as (typeof TIMER_NAMES)[number])
      const owned = rest[0] === "ConnectRetry" || rest[0] === "IdleHold"
      return { _tag: "TimerFired", conn: owned ? 0 : conn, timer: timer as 0 }
    }
    default:
      throw new Error(`no command: ${verb}`)
  }
}

const openOf = (values: Values): Open => ({
  version: Number(values["version"] ?? 4),
  asn: Number(values["as"]),
  holdTime: Number(values["hold"] ?? 90),
  id: idOf(values["id"]!),
  capabilities: [{ _tag: "FourOctetAs", asn: Number(values["as"]) }]
})

/** d1, d2 … are our dials, a1, a2 … the peer's. */
const numberOf = (name: string): number => (name.startsWith("a") ? ACCEPTED : FIRST_CONN) + Number(name.slice(1))

const nameOf = (conn: number): string => (conn >= ACCEPTED ? `a${conn - ACCEPTED}` : `d${conn - FIRST_CONN}`)

const textOf = (effect: PeerEffect): string => {
  const on = "conn" in effect && effect.conn !== 0 ? ` ${nameOf(effect.conn)}` : ""
  switch (effect._tag) {
    case "Dial":
      return `dial${on}`
    case "Close":
      return `${effect.abort ? "abort" : "close"}${on}`
    case "SendOpen": {
      const { asn, holdTime, id } = effect.open
      return `send${on} OPEN as=${asn} hold=${holdTime} id=${formatWords(4, [id], 0)}`
    }
    case "SendKeepalive":
      return `send${on} KEEPALIVE`
    case "SendNotification":
      return `send${on} NOTIFICATION ${effect.fault.code}/${effect.fault.subcode} (${describeNotification(effect.fault)})`
    case "ArmTimer":
      return `arm${on} ${TIMER_NAMES[effect.timer]} ${effect.milliseconds} ms`
    case "CancelTimer":
      return `cancel${on} ${TIMER_NAMES[effect.timer]}`
    case "SessionUp": {
      const { remoteAs, remoteId, holdTimeS, keepaliveS, external } = effect.negotiated
      const kind = external ? "external" : "internal"
      return `session up${on}: ${kind} as=${remoteAs} id=${formatWords(4, [remoteId], 0)} hold=${holdTimeS} keepalive=${keepaliveS}`
    }
    case "SessionDown":
      return `session down${on}: ${effect.reason}${effect.retain ? " (routes kept as stale)" : ""}`
    case "ProcessUpdate":
      return `process the UPDATE of${on}`
    case "ProcessRefresh":
      return `refresh${on}`
    case "Superseded":
      return `superseded${on} by ${nameOf(effect.by)}`
    case "Gone":
      return "gone"
    case "Ignored":
      return `ignored: ${effect.event}${on}`
  }
}
