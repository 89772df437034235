// When a request about one rule would do for another: as the model kernel has it, which is held to the real one by random scripts.
import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { asksTheSame, covers, type RuleContent } from "../../src/ksync/rule-content.ts"
import {
  askModelKernel,
  createModelKernel,
  NetlinkFlag,
  NetlinkWriter,
  putRule,
  putRuleDelete
} from "../../src/netlink/index.ts"

const prefixes = [
  undefined,
  { words: [0x0a01_0000], length: 16 },
  { words: [0x0a01_0000], length: 24 },
  { words: [0x0a02_0000], length: 16 },
  { words: [0], length: 0 }
]

const contents: fc.Arbitrary<RuleContent> = fc.record({
  family: fc.constant(4 as const),
  priority: fc.constantFrom(100, 101),
  table: fc.constantFrom(70, 70_000),
  from: fc.constantFrom(...prefixes),
  to: fc.constantFrom(...prefixes),
  inInterface: fc.constantFrom(undefined, undefined, "east", "west"),
  mark: fc.constantFrom(undefined, undefined, 0, 7),
  markMask: fc.constantFrom(undefined, undefined, 255)
})

const ask = (put: (w: NetlinkWriter) => void): Uint8Array => {
  const w = new NetlinkWriter(new Uint8Array(256))
  put(w)
  return w.bytes.slice(0, w.length)
}

/** Whether the kernel deletes `there` when it is asked to delete `named`. */
const isDeleted = (named: RuleContent, there: RuleContent): boolean => {
  const kernel = createModelKernel()
  const head = { protocol: 186, seq: 1 }
  const put = ask((w) => putRule(w, { ...there, ...head, flags: NetlinkFlag.Create }))
  const remove = ask((w) => putRuleDelete(w, { ...named, ...head, flags: 0 }))
  for (const bytes of [put, remove]) askModelKernel(kernel, { _tag: "Requested", port: 1, bytes })
  return kernel.rules[4].every(({ protocol }) => protocol !== 186)
}

describe("a rule", () => {
  it("covers another if and only if a request to delete the one deletes the other", () => {
    fc.assert(
      fc.property(contents, contents, fc.boolean(), (one, other, isAlike) => {
        // Mostly alike: else nothing would ever be covered.
        const special = isAlike ? { ...one, from: other.from, to: other.to } : other
        expect(covers(one, special)).toBe(isDeleted(one, special))
        expect(covers(one, one)).toBe(true)
      }),
      { numRuns: 1000 }
    )
  })

  it("asks the same as another that differs by its table alone", () => {
    const rule: RuleContent = { family: 4, priority: 100, table: 70, from: prefixes[1] }
    expect(asksTheSame(rule, { ...rule, table: 71 })).toBe(true)
    expect(asksTheSame(rule, rule)).toBe(false)
    expect(asksTheSame(rule, { ...rule, table: 71, to: prefixes[1] })).toBe(false)
  })
})
