// Rules of policy routing, which say in which table a packet is looked up: what separates routes into tables without VRF devices.
import { eachAttribute, loadText } from "./message.ts"
import { NetlinkFlag, NetlinkType } from "./numbers.ts"
import { familyNumber, loadWords } from "./object.ts"
import { addressFamily } from "./request.ts"
import { load32, type NetlinkWriter } from "./writer.ts"

/** fib_rule_hdr: 12 bytes before the attributes. */
const HEADER_BYTES = 12
const TO_TABLE = 1
/** FIB_RULE_INVERT. */
const INVERT = 2
const RuleAttribute = {
  Destination: 1,
  Source: 2,
  InInterface: 3,
  Priority: 6,
  Mark: 10,
  Table: 15,
  SuppressGroup: 13,
  SuppressPrefixLength: 14,
  MarkMask: 16,
  L3Master: 19,
  Protocol: 21
} as const
/** FRA_GOTO, FRA_FLOW, FRA_TUN_ID, FRA_OIFNAME, FRA_UID_RANGE. */
const BEYOND: ReadonlySet<number> = new Set([4, 11, 12, 17, 20])

interface RulePrefix {
  readonly words: ReadonlyArray<number>
  readonly length: number
}

export interface Rule {
  readonly family: 4 | 6 | 0
  /** Rules are asked in the order of their priority. */
  readonly priority: number
  readonly table: number
  /** Who put it there; 0: unknown. */
  readonly protocol: number
  readonly from?: RulePrefix | undefined
  readonly to?: RulePrefix | undefined
  /** Name of the link that the packet came in by. */
  readonly inInterface?: string | undefined
  readonly mark?: number | undefined
  readonly markMask?: number | undefined
  /** It asks or does more than can be said here: another action, an inversion, ports, users and so on. */
  readonly isBeyond?: boolean
}

export interface RuleRequest extends Rule {
  readonly family: 4 | 6
  readonly seq: number
  readonly flags: number
}

export const putRule = (w: NetlinkWriter, rule: RuleRequest): void => ruleMessage(w, rule, false)

/** Removes the rule that is so in every respect that is given. */
export const putRuleDelete = (w: NetlinkWriter, rule: RuleRequest): void => ruleMessage(w, rule, true)

const ruleMessage = (w: NetlinkWriter, rule: RuleRequest, remove: boolean): void => {
  const type = remove ? NetlinkType.DelRule : NetlinkType.NewRule
  const start = w.begin(type, rule.flags | NetlinkFlag.Request, rule.seq, 0)
  putRuleContent(w, rule, remove ? 0 : TO_TABLE)
  w.end(start)
}

/** All of a message about a rule that follows the header. */
export const putRuleContent = (w: NetlinkWriter, rule: Rule & { readonly family: 4 | 6 }, action = TO_TABLE): void => {
  const { family, priority, table, protocol, from, to, inInterface, mark, markMask } = rule
  w.u8(addressFamily(family))
  w.u8(to?.length ?? 0)
  w.u8(from?.length ?? 0)
  w.u8(0)
  w.u8(table > 255 ? 0 : table)
  w.u8(0)
  w.u8(0)
  w.u8(action)
  w.u32(0)
  w.attribute32(RuleAttribute.Priority, priority)
  const words = family === 4 ? 1 : 4
  if (from !== undefined) w.attributeWords(RuleAttribute.Source, from.words, 0, words)
  if (to !== undefined) w.attributeWords(RuleAttribute.Destination, to.words, 0, words)
  if (mark !== undefined) w.attribute32(RuleAttribute.Mark, mark)
  if (markMask !== undefined) w.attribute32(RuleAttribute.MarkMask, markMask)
  if (inInterface !== undefined) w.attributeText(RuleAttribute.InInterface, inInterface)
  if (table > 255) w.attribute32(RuleAttribute.Table, table)
  w.attribute8(RuleAttribute.Protocol, protocol)
}

/** A rule out of a dump or a notification. Total: what is missing is absent or zero. */
export const decodeRule = (bytes: Uint8Array, at: number, end: number): Rule => {
  if (end - at < HEADER_BYTES) return { family: 0, priority: 0, table: 0, protocol: 0 }
  const found: { -readonly [Key in keyof Rule]: Rule[Key] } = {
    family: familyNumber(bytes[at]),
    priority: 0,
    table: bytes[at + 4],
    protocol: 0
  }
  const isLookup = bytes[at + 7] === TO_TABLE || bytes[at + 7] === 0
  if (!isLookup || bytes[at + 3] !== 0 || (load32(bytes, at + 8) & INVERT) !== 0) found.isBeyond = true
  eachAttribute(bytes, at + HEADER_BYTES, end, (type, valueAt, length) => {
    if (isBeyond(type, bytes, valueAt)) found.isBeyond = true
    else if (type === RuleAttribute.Source)
      found.from = { words: loadWords(bytes, valueAt, length), length: bytes[at + 2] }
    else if (type === RuleAttribute.Destination) {
      found.to = { words: loadWords(bytes, valueAt, length), length: bytes[at + 1] }
    } else if (type === RuleAttribute.InInterface) found.inInterface = loadText(bytes, valueAt, length)
    else if (type === RuleAttribute.Protocol && length >= 1) found.protocol = bytes[valueAt]
    else if (length < 4) return
    else if (type === RuleAttribute.Priority) found.priority = load32(bytes, valueAt)
    else if (type === RuleAttribute.Table) found.table = load32(bytes, valueAt)
    else if (type === RuleAttribute.Mark) found.mark = load32(bytes, valueAt)
    else if (type === RuleAttribute.MarkMask) found.markMask = load32(bytes, valueAt)
  })
  return found
}

/** Selectors and restrictions that are not in Rule. Two of them are told of every rule; all ones are none. */
const isBeyond = (type: number, bytes: Uint8Array, valueAt: number): boolean => {
  if (type === RuleAttribute.SuppressPrefixLength || type === RuleAttribute.SuppressGroup) {
    return load32(bytes, valueAt) !== 0xffff_ffff
  }
  return type > RuleAttribute.Protocol || BEYOND.has(type) || (type === RuleAttribute.L3Master && bytes[valueAt] !== 0)
}
