// What a rule of policy routing asks of a packet, and when two of them are the same, or in each other's way.
export interface RulePrefix {
  readonly words: ReadonlyArray<number>
  readonly length: number
}

export interface RuleContent {
  readonly family: 4 | 6
  /** Rules are asked in the order of their priority. */
  readonly priority: number
  readonly table: number
  readonly from?: RulePrefix | undefined
  readonly to?: RulePrefix | undefined
  /** Name of the link that the packet came in by. */
  readonly inInterface?: string | undefined
  readonly mark?: number | undefined
  readonly markMask?: number | undefined
}

const sameSelector = (a: RuleContent, b: RuleContent): boolean =>
  ruleKey({ ...a, table: 0 }) === ruleKey({ ...b, table: 0 })

/** The same packets under the same priority, to another table: only one of the two is ever followed. */
export const asksTheSame = (a: RuleContent, b: RuleContent): boolean => a.table !== b.table && sameSelector(a, b)

const samePrefix = (a: RulePrefix | undefined, b: RulePrefix | undefined): boolean =>
  a?.length === b?.length && a?.words.join() === b?.words.join()

/** Whether a request to delete the one would do for the other as well: what it does not name matches everything. */
export const covers = (general: RuleContent, special: RuleContent): boolean =>
  general.family === special.family &&
  general.priority === special.priority &&
  general.table === special.table &&
  (isAll(general.from) || samePrefix(general.from, special.from)) &&
  (isAll(general.to) || samePrefix(general.to, special.to)) &&
  (general.inInterface === undefined || general.inInterface === special.inInterface) &&
  (markOf(general).mark === 0 || markOf(general).mark === markOf(special).mark) &&
  (markOf(general).mask === 0 || markOf(general).mask === markOf(special).mask)

/** Mark and mask as the kernel keeps them; 0: no matter where a request names it. */
const markOf = ({ mark = 0, markMask }: RuleContent): { readonly mark: number; readonly mask: number } => ({
  mark,
  mask: markMask ?? (mark === 0 ? 0 : 0xffff_ffff)
})

/** What a rule is, as text. */
export const ruleKey = (rule: RuleContent): string => {
  const prefix = (at: RulePrefix | undefined): string => (isAll(at) ? "" : `${at.words.join(".")}/${at.length}`)
  const { family, priority, table, from, to, inInterface = "" } = rule
  const { mark, mask } = markOf(rule)
  // A mark of 0 without a mask is none.
  const marked = mark === 0 && mask === 0 ? "" : `${mark}/${mask}`
  return `${family} ${priority} from ${prefix(from)} to ${prefix(to)} iif ${inInterface} mark ${marked} table ${table}`
}

const isAll = (prefix: RulePrefix | undefined): prefix is undefined => prefix === undefined || prefix.length === 0
