// Rules of policy routing from the configuration to the kernel: kept as they are asked for, whatever others and the kernel do, and nobody
// else's touched.
import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { type ModelKernel, NetlinkFlag, NetlinkWriter, putRule, putRuleDelete } from "../../src/netlink/index.ts"
import type { KernelRule } from "../../src/router/config.ts"
import { ruleText } from "../../src/router/forwarding-rules.ts"
import { parsePrefix } from "../../src/wire/index.ts"
import { World } from "./forwarding-world.ts"

const BGP = 186
const STATIC = 4

const world = (seed: number, rules: ReadonlyArray<KernelRule>): World =>
  new World(seed, undefined, "remove", { rules }).link(2, "eth0").address(2, "10.0.0.1/24")

/** Rules that somebody put there, as text. */
const rulesOf = ({ rules }: ModelKernel, protocol: number): ReadonlyArray<string> =>
  [...rules[4], ...rules[6]]
    .filter((rule) => rule.protocol === protocol)
    .map(({ mark, markMask, ...rule }) => ruleText(mark === 0 && markMask === 0 ? rule : { ...rule, mark, markMask }))
    .sort()

const contentOf = ({ from, to, iif, ...rest }: KernelRule) => ({
  ...rest,
  ...(from === undefined ? {} : { from: parsePrefix(from)! }),
  ...(to === undefined ? {} : { to: parsePrefix(to)! }),
  ...(iif === undefined ? {} : { inInterface: iif })
})

/** What another program asks for: one of its own (protocol 4), or in our name. */
const asked = (
  rule: KernelRule,
  protocol: number,
  remove = false,
  alike: number = NetlinkFlag.Exclusive
): Uint8Array => {
  const w = new NetlinkWriter(new Uint8Array(256))
  const request = { ...contentOf(rule), protocol, seq: 7 }
  if (remove) putRuleDelete(w, { ...request, flags: 0 })
  else putRule(w, { ...request, flags: NetlinkFlag.Create | alike })
  return w.bytes.slice(0, w.length)
}

const textsOf = (rules: ReadonlyArray<KernelRule>): ReadonlyArray<string> =>
  rules.map((rule) => ruleText(contentOf(rule))).sort()

type Shown = { readonly kind: string; readonly key: string; readonly state: string; readonly error: string | null }
const shown = (w: World): ReadonlyArray<Shown> =>
  ([...w.forwarding.showKernel()] as ReadonlyArray<Shown>).filter(({ kind }) => kind === "rule")

const OFFICE: KernelRule = { family: 4, priority: 100, table: 70, from: "10.1.0.0/16" }
const MARKED: KernelRule = { family: 6, priority: 200, table: 70_000, mark: 7, markMask: 255, iif: "eth0" }

describe("rules of policy routing", () => {
  it("are put, shown, and removed at the end", () => {
    const w = world(1, [OFFICE, MARKED]).start()
    expect(rulesOf(w.kernel, BGP)).toEqual([
      "ipv4 100 from 10.1.0.0/16 lookup 70",
      "ipv6 200 from all fwmark 0x7/0xff iif eth0 lookup 70000"
    ])
    expect(shown(w)).toEqual([
      expect.objectContaining({
        key: "ipv4 100 from 10.1.0.0/16 lookup 70",
        index: 100,
        state: "IN_SYNC",
        error: null
      }),
      expect.objectContaining({ index: 200, history: ["INIT ADD_CHANGE_REQ SYNC_WAIT", "SYNC_WAIT ADD_ACK IN_SYNC"] })
    ])
    w.forwarding.shutdown(w.out)
    w.settle()
    expect([rulesOf(w.kernel, BGP), w.forwarding.done()]).toEqual([[], true])
  })

  it("that are there from an earlier run are taken over without a word, and what nobody wants any more goes", () => {
    const before = world(2, [OFFICE, MARKED]).start()
    before.sent.clear()
    const after = before.restart()
    expect([...after.sent.keys()]).toEqual([])
    expect(rulesOf(after.kernel, BGP)).toHaveLength(2)
    after.foreign(asked({ family: 4, priority: 300, table: 71 }, BGP))
    expect(rulesOf(after.restart().kernel, BGP)).toEqual(textsOf([OFFICE, MARKED]))
  })

  it("follow the configuration, the new one before the old one goes", () => {
    const w = world(3, [OFFICE]).start()
    const order: Array<string> = []
    const { rules } = w.kernel
    w.forwarding.setKernel({ table: 254, metric: 20, onExit: "remove", model: true, rules: [{ ...OFFICE, table: 71 }] })
    w.inspector.batch = (_kernel, bytes) => {
      for (let at = 0; at < bytes.length; at += bytes[at] | (bytes[at + 1] << 8)) order.push(String(bytes[at + 4]))
    }
    w.settle()
    expect(order).toEqual(["32", "33"])
    expect(rules[4].filter(({ protocol }) => protocol === BGP).map(({ table }) => table)).toEqual([71])
  })

  it("that are like one that is to go come after it: the kernel compares only what a request names", () => {
    const w = world(4, [OFFICE]).start()
    const config = { table: 254, metric: 20, onExit: "remove", model: true } as const
    const general: KernelRule = { family: 4, priority: 100, table: 70 }
    let batches = 0
    w.inspector.batch = () => batches++
    w.forwarding.setKernel({ ...config, rules: [general] })
    expect(rulesOf(w.settle().kernel, BGP)).toEqual(textsOf([general]))
    // The kernel works in order: it travels right behind.
    expect(batches).toBe(1)
    w.forwarding.setKernel({ ...config, rules: [OFFICE] })
    expect(rulesOf(w.settle().kernel, BGP)).toEqual(textsOf([OFFICE]))
  })

  it("that a delete of another one hits instead are back, for the rules are read again then", () => {
    const w = world(9, [OFFICE]).start()
    // In our name, and so general that the request to delete it deletes the first one that is as it says: ours.
    w.foreign(asked({ family: 4, priority: 100, table: 70 }, BGP, false, 0)).settle()
    expect(rulesOf(w.kernel, BGP)).toEqual(textsOf([OFFICE]))
    expect(shown(w)).toEqual([expect.objectContaining({ state: "IN_SYNC", error: null })])
  })

  it("whose delete was refused go although somebody else deleted them and made them anew meanwhile", () => {
    const w = world(10, [OFFICE]).start().world({ _tag: "FaultsArmed", errno: 16, count: 1 })
    w.forwarding.setKernel({ table: 254, metric: 20, onExit: "remove", model: true, rules: [] })
    w.settle()
    expect(shown(w)).toEqual([expect.objectContaining({ state: "DEL_DEFER_REF", error: "transient: EBUSY" })])
    w.foreign(asked(OFFICE, BGP, true))
      .foreign(asked(OFFICE, BGP))
      .settle()
    expect([rulesOf(w.kernel, BGP), shown(w)]).toEqual([[], []])
  })

  it("are back when somebody deletes them, with pauses when that goes on", () => {
    const w = world(5, [OFFICE]).start()
    for (let time = 0; time < 3; time++) {
      w.foreign(asked(OFFICE, BGP, true)).settle()
      expect(rulesOf(w.kernel, BGP)).toEqual(textsOf([OFFICE]))
    }
    w.foreign(asked(OFFICE, BGP, true)).settle()
    expect(rulesOf(w.kernel, BGP)).toEqual([])
    expect(shown(w)).toEqual([expect.objectContaining({ error: "contested: another program has undone it 4 times" })])
    const notices: Array<string> = []
    w.forwarding.drainNotices((_level, message) => notices.push(message))
    expect(notices.join()).toContain("another program keeps undoing rule ipv4 100")
    expect(rulesOf(w.pass().kernel, BGP)).toEqual(textsOf([OFFICE]))
  })

  it("of others are left alone, and one that asks the same first is a conflict until it goes", () => {
    const theirs: KernelRule = { ...OFFICE, table: 99 }
    const w = world(6, [OFFICE, MARKED]).foreign(asked(theirs, STATIC)).start()
    expect([rulesOf(w.kernel, STATIC), rulesOf(w.kernel, BGP)]).toEqual([textsOf([theirs]), textsOf([MARKED])])
    expect(shown(w)[0]).toMatchObject({
      state: "ADD_DEFER",
      error: "conflict: EEXIST another program's rule 100 asks the same first, and looks in table 99",
      waitingFor: "its place, which a rule of another program has"
    })
    w.foreign(asked(theirs, STATIC, true)).settle()
    expect(rulesOf(w.kernel, BGP)).toEqual(textsOf([OFFICE, MARKED]))
    expect(shown(w)[0]).toMatchObject({ state: "IN_SYNC", error: null })
  })

  it("that the kernel refuses are shown with its error, and tried again", () => {
    const w = world(7, [OFFICE]).world({ _tag: "FaultsArmed", errno: 1, count: 1 }).start()
    expect(shown(w)).toEqual([expect.objectContaining({ state: "ADD_DEFER", error: "permanent: EPERM" })])
    expect(rulesOf(w.pass().kernel, BGP)).toEqual(textsOf([OFFICE]))
  })

  it("that get no answer are given up after some tries, shown, and asked for again later", () => {
    const w = world(11, [OFFICE])
    w.loseReplies = 3
    expect(shown(w.start())).toEqual([
      expect.objectContaining({ state: "ADD_DEFER", error: "permanent: EIO the kernel does not answer" })
    ])
    expect(shown(w.pass())).toEqual([expect.objectContaining({ state: "IN_SYNC", error: null })])
  })

  it("are counted with all else that the kernel is asked for: requests, answers, refusals, losses", () => {
    const w = world(8, [OFFICE, MARKED]).world({ _tag: "FaultsArmed", errno: 1, count: 1 }).start()
    const counters = (): unknown => (w.forwarding.showWalks() as { readonly kernel: unknown }).kernel
    expect(counters()).toMatchObject({
      requests: 2,
      acknowledged: 1,
      failed: 1,
      unanswered: 0,
      lost: 0,
      retrying: 1,
      errors: { EPERM: 1 }
    })
    w.pass().foreign(asked(OFFICE, BGP, true))
    w.loseReplies = 1
    expect(w.settle() && counters()).toMatchObject({
      requests: 5,
      acknowledged: 3,
      failed: 1,
      unanswered: 1,
      lost: 1,
      retrying: 0
    })
  })

  it("that somebody makes or deletes in our name while a request is under way, heard of late or early, end up as wanted", () => {
    const config = { table: 254, metric: 20, onExit: "remove", model: true } as const
    const cases = fc.record({
      seed: fc.integer({ min: 1, max: 10 }),
      isWanted: fc.boolean(),
      remove: fc.boolean(),
      lost: fc.integer({ min: 0, max: 1 }),
      turns: fc.integer({ min: 0, max: 3 }),
      served: fc.integer({ min: 0, max: 2 })
    })
    fc.assert(
      fc.property(cases, ({ seed, isWanted, remove, lost, turns, served }) => {
        const w = world(seed, isWanted ? [] : [OFFICE]).start()
        w.loseReplies = lost
        w.forwarding.setKernel({ ...config, rules: isWanted ? [OFFICE] : [] })
        for (let turn = 0; turn < turns; turn++) w.turn()
        w.serve(served)
        w.foreign(asked(OFFICE, BGP, remove)).settle()
        expect(rulesOf(w.kernel, BGP)).toEqual(textsOf(isWanted ? [OFFICE] : []))
        expect(shown(w).filter(({ error }) => error !== null)).toEqual([])
      }),
      { numRuns: 200 }
    )
  })

  it("law: end up in the kernel as they are wanted, whatever is lost, refused or undone, and others' stay theirs", () => {
    const rule: fc.Arbitrary<KernelRule> = fc
      .record({
        priority: fc.constantFrom(100, 101, 102),
        table: fc.constantFrom(70, 71),
        selector: fc.constantFrom({}, { from: "10.1.0.0/16" }, { from: "10.1.2.0/24" }, { iif: "eth0" }, { mark: 7 })
      })
      .map(({ selector, ...rest }) => ({ family: 4, ...rest, ...selector }))
    const wish = fc.uniqueArray(rule, { maxLength: 3, selector: ({ priority }) => priority })
    const move = fc.oneof(
      fc.record({ wish }),
      fc.record({ rule, protocol: fc.constantFrom(BGP, STATIC), remove: fc.boolean() }),
      fc.record({ fault: fc.constantFrom(12, 1, 16) }),
      fc.record({ turns: fc.integer({ min: 1, max: 6 }) }),
      fc.constant({ loses: "reply" as const }),
      fc.constant({ loses: "news" as const }),
      fc.constant({ restarts: true })
    )
    fc.assert(
      fc.property(fc.nat(), wish, fc.array(move, { maxLength: 20 }), (seed, first, moves) => {
        let w = world(seed, first).start()
        let wanted: ReadonlyArray<KernelRule> = first
        const config = { table: 254, metric: 20, onExit: "remove", model: true } as const
        let theirs: ReadonlyArray<string> = []
        for (const one of moves) {
          if ("wish" in one) {
            wanted = one.wish
            w.forwarding.setKernel({ ...config, rules: wanted })
          } else if ("rule" in one) {
            w.foreign(asked(one.rule, one.protocol, one.remove))
            theirs = rulesOf(w.kernel, STATIC)
          } else if ("fault" in one) {
            w.settle().world({ _tag: "FaultsArmed", errno: one.fault, count: 1 })
            w.foreign(new Uint8Array(0)).settle().world({ _tag: "FaultsArmed", errno: 0, count: 0 })
          } else if ("turns" in one) for (let turn = 0; turn < one.turns; turn++) w.turn()
          else if ("restarts" in one) {
            w = w.restart()
            w.forwarding.setKernel({ ...config, rules: wanted })
          } else if (one.loses === "reply") w.loseReplies = 1
          else w.world({ _tag: "LossesArmed", count: 1 })
        }
        w.loseReplies = 0
        w.settle().pass(20)
        expect(rulesOf(w.kernel, STATIC)).toEqual(theirs)
        const own = rulesOf(w.kernel, BGP)
        const conflicts = shown(w).filter(({ error }) => error?.startsWith("conflict") === true)
        expect([...own, ...conflicts.map(({ key }) => key)].sort()).toEqual(textsOf(wanted))
        for (const { key } of conflicts) {
          const [selector] = key.split(" lookup ")
          expect(theirs.some((other) => other.startsWith(`${selector} lookup`))).toBe(true)
        }
      }),
      { numRuns: 300 }
    )
  })
})
