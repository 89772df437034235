// Groups and rules of the kernel, as the file says them and as the router takes them; what makes no sense is refused where it stands.
import * as Effect from "effect/Effect"
import { describe, expect, it } from "vitest"
import { parseConfig } from "../../src/config/index.ts"

const text = (kernel: string): string => `router: { asn: 65000, id: 192.0.2.1 }\nkernel: { ${kernel} }`
const load = (kernel: string) => Effect.runSync(parseConfig(text(kernel), "f.yaml")).router.kernel
const problemsOf = (kernel: string): string =>
  Effect.runSync(Effect.flip(parseConfig(text(kernel), "f.yaml"))).message.replaceAll("f.yaml:", "")

describe("groups of the kernel in the file", () => {
  it.each([
    ["groups: { type: resilient }", { buckets: 128, idleTimer: 12_000, unbalancedTimer: 0 }],
    [
      "groups: { type: resilient, buckets: 32, idle-timer: 60, unbalanced-timer: 300 }",
      { buckets: 32, idleTimer: 6000, unbalancedTimer: 30_000 }
    ],
    ["groups: { type: hash-threshold }", undefined],
    ["table: main", undefined]
  ])("%s", (kernel, groups) => {
    expect(load(kernel)?.groups).toEqual(groups)
  })

  it.each([
    ["groups: { buckets: 8 }", '2:21: only resilient groups have "buckets"; write `type: resilient`'],
    [
      "groups: { type: hash-threshold, idle-timer: 5 }",
      '2:43: only resilient groups have "idle-timer"; write `type: resilient`'
    ],
    ["groups: { type: mpath }", "2:27: expected a type of group: one of hash-threshold, resilient"],
    [
      "groups: { type: resilient, buckets: 0 }",
      "2:47: expected how many buckets a resilient group has: a whole number from 1 to 65535, not 0"
    ],
    [
      "groups: { type: resilient, idle-timer: 1.5 }",
      "2:50: expected the seconds that a bucket is idle before it may move: a whole number from 0 to 42949672, not 1.5"
    ]
  ])("refused: %s", (kernel, problem) => {
    expect(problemsOf(kernel)).toBe(problem)
  })
})

describe("rules of policy routing in the file", () => {
  it.each([
    ["{ priority: 1, from: 10.1.0.0/16 }", [{ family: 4, priority: 1, table: 70, from: "10.1.0.0/16" }]],
    [
      "{ priority: 1, to: '2001:DB8::/32', table: main, iif: eth0 }",
      [{ family: 6, priority: 1, table: 254, to: "2001:db8::/32", iif: "eth0" }]
    ],
    [
      "{ priority: 1, fwmark: 0x10/0xff, table: 71 }",
      [
        { family: 4, priority: 1, table: 71, mark: 16, markMask: 255 },
        { family: 6, priority: 1, table: 71, mark: 16, markMask: 255 }
      ]
    ],
    ["{ priority: 1, fwmark: 7, family: ipv6 }", [{ family: 6, priority: 1, table: 70, mark: 7 }]],
    [
      "{ priority: 1, family: ipv4, fwmark: 0/0xffffffff }",
      [{ family: 4, priority: 1, table: 70, mark: 0, markMask: 0xffff_ffff }]
    ],
    ["{ priority: 1, from: 0.0.0.0/0 }", [{ family: 4, priority: 1, table: 70 }]]
  ])("%s", (rule, rules) => {
    expect(load(`table: 70, rules: [${rule}]`)?.rules).toEqual(rules)
  })

  it.each([
    ["{ from: 10.0.0.0/8 }", '2:19: "priority" is missing here; add it'],
    ["{ priority: 0 }", "2:31: expected the rule's priority: a whole number from 1 to 4294967295, not 0"],
    [
      "{ priority: 1, from: 10.0.0.0/8, to: '2001:db8::/32' }",
      "2:56: 2001:db8::/32 is of another family than 10.0.0.0/8: no packet has both"
    ],
    ["{ priority: 1, from: 10.0.0.0/8, family: ipv6 }", "2:60: 10.0.0.0/8 is ipv4; leave the family out"],
    ["{ priority: 1, fwmark: red }", '2:42: "red" is no mark; write a number, or a number and a mask like 0x10/0xff'],
    [
      "{ priority: 1, fwmark: 0 }",
      "2:42: a mark of 0 alone matches every packet; write 0/0xffffffff for packets without one"
    ],
    ["{ priority: 1, fwmark: 7/0 }", "2:42: a mask of 0 looks at nothing; leave fwmark out"],
    ["{ priority: 1, fwmark: 0x1ff/0xff }", "2:42: the mark has bits that its mask leaves out (0x100)"],
    [
      "{ priority: 1, iif: a/b }",
      '2:39: "a/b" is not the name of an interface; write it like eth0: 1 to 15 characters, no spaces'
    ],
    ["{ priority: 1, tos: 4 }", '2:34: unknown key "tos"; did you mean "to"?'],
    [
      "{ priority: 1 }, { priority: 1, from: 10.0.0.0/8 }",
      "2:48: kernel.rules[0] has the priority 1 for ipv4 already, and which of the two is asked first would be chance; give each its own"
    ]
  ])("refused: %s", (rule, problem) => {
    expect(problemsOf(`rules: [${rule}]`)).toBe(problem)
  })

  it("may have one priority in both families", () => {
    const both = "{ priority: 1, from: 10.0.0.0/8 }, { priority: 1, from: '2001:db8::/32' }"
    expect(load(`rules: [${both}]`)?.rules).toHaveLength(2)
  })
})
