// Rules of policy routing: what the configuration asks for goes to the mirror, what the kernel tells comes from there. Which of them are
// ours their protocol says; one of ours that asks more than we ever do is somebody else's.
import { type Fights, type RuleContent, RuleSync, ruleKey } from "../ksync/index.ts"
import { decodeRule, NetlinkType } from "../netlink/index.ts"
import { formatPrefixWords, parsePrefix } from "../wire/index.ts"
import type { KernelRule } from "./config.ts"
import { OWN_PROTOCOL } from "./forwarding-batch.ts"

export class ForwardingRules {
  readonly sync: RuleSync
  /** What the dump under way has shown. */
  private own: Array<RuleContent> = []
  private foreign: Array<readonly [number, RuleContent]> = []
  /** Keys of those of ours of which there was news since the dump began: what it says of them may be older. */
  private readonly newer = new Set<string>()

  /** @param fights shared with routes and nexthops */
  constructor(fights: Fights) {
    this.sync = new RuleSync(fights)
  }

  /** These and no others. They were checked before they came here. */
  configure(rules: ReadonlyArray<KernelRule>): void {
    this.sync.want(rules.map(contentOf))
  }

  /** Whether the next batch is for rules: some are to go, or nothing else is to be asked. */
  isNext(isOtherWaiting: boolean): boolean {
    return this.sync.waiting && (this.sync.leaving || !isOtherWaiting)
  }

  /** A dump of all rules begins. */
  begin(): void {
    this.own = []
    this.foreign = []
    this.newer.clear()
  }

  dumped(bytes: Uint8Array, at: number, end: number): void {
    const { protocol, family, isBeyond = false, ...rest } = decodeRule(bytes, at, end)
    if (family === 0 || isBeyond) return
    const content = { family, ...rest }
    if (protocol === OWN_PROTOCOL) this.own.push(content)
    else this.foreign.push([protocol, content])
  }

  complete(): void {
    const kept = [...this.sync.byKey.values()].filter(({ key }) => this.newer.has(key)).map(({ content }) => content)
    const own = this.own.filter((content) => !this.newer.has(ruleKey(content)))
    this.sync.retain([...own, ...kept])
    for (const content of own) this.sync.found(content)
    this.sync.foreignRules(this.foreign)
    this.begin()
  }

  /** Another program made or deleted a rule. */
  notified(type: number, bytes: Uint8Array, at: number, end: number): void {
    const { protocol, family, isBeyond = false, ...rest } = decodeRule(bytes, at, end)
    if (family === 0 || isBeyond) return
    const content = { family, ...rest }
    const isNew = type === NetlinkType.NewRule
    if (protocol === OWN_PROTOCOL) this.newer.add(ruleKey(content))
    if (protocol !== OWN_PROTOCOL) this.sync.foreignRule(protocol, content, isNew)
    else if (isNew) this.sync.found(content)
    else this.sync.undone(content)
  }
}

const contentOf = ({ from, to, iif, ...rest }: KernelRule): RuleContent => ({
  ...rest,
  from: from === undefined ? undefined : parsePrefix(from),
  to: to === undefined ? undefined : parsePrefix(to),
  inInterface: iif
})

/** As `ip rule` says it, with the family before it. */
export const ruleText = ({ family, priority, table, from, to, inInterface, mark, markMask }: RuleContent): string => {
  const prefix = (at: RuleContent["from"]): string =>
    at === undefined || at.length === 0 ? "all" : formatPrefixWords(family, at.words, 0, at.length)
  const hex = (value: number): string => `0x${value.toString(16)}`
  const mask = markMask === undefined || markMask === 0xffff_ffff ? "" : `/${hex(markMask)}`
  const words = [
    `ipv${family} ${priority} from ${prefix(from)}`,
    ...(to === undefined || to.length === 0 ? [] : [`to ${prefix(to)}`]),
    ...(mark === undefined && markMask === undefined ? [] : [`fwmark ${hex(mark ?? 0)}${mask}`]),
    ...(inInterface === undefined ? [] : [`iif ${inInterface}`]),
    `lookup ${table}`
  ]
  return words.join(" ")
}
