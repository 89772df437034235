// What a router tells each peer of a prefix that has several paths: the best that this one may have (RFC 7947 §2.3), or several under
// identifiers of our own (RFC 7911).
import { describe, expect, it } from "vitest"
import type { ConnId } from "../../src/eventlog/index.ts"
import { ADD_PATH_ALL, type PeerConfig, query } from "../../src/router/index.ts"
import {
  AddPathMode,
  asPathText,
  type Capability,
  decodeAttributes,
  decodeNlri,
  encodeRouteRefresh,
  encodeUpdate,
  formatPrefix,
  MessageType,
  parseAddress,
  parsePrefix,
  scanUpdate,
  UpdateView
} from "../../src/wire/index.ts"
import { configOf, Driver, peerConfig } from "./driver.ts"
import { announcement, establishWith } from "./far-side.ts"

const [A, B, C, D] = ["10.0.0.2", "10.0.0.3", "10.0.0.4", "10.0.0.5"]
const PREFIX = "10.1.0.0/16"
const SERVED: Partial<PeerConfig> = { type: "route-server-client" }
/** The last of four takes two paths. */
const TAKING_TWO: Readonly<Record<string, Partial<PeerConfig>>> = { [D]: { addPath: { receive: false, send: 2 } } }
const TAKES: Capability = { _tag: "AddPath", families: [{ afi: 1, safi: 1, mode: AddPathMode.Receive }] }

const withdrawal = (...prefixes: ReadonlyArray<string>): Uint8Array =>
  encodeUpdate({ withdrawn: prefixes.map((text) => parsePrefix(text)!) }, { as4: true, addPath: [false, false] })

/** What a far side hears, a line for each prefix: `+` or `-`, the identifier's letter in the order of appearance, AS_PATH. */
class Ear {
  private readonly driver: Driver
  private readonly conn: ConnId
  private readonly addPath: boolean
  private readonly letters = new Map<number, string>()

  constructor(driver: Driver, conn: ConnId, addPath = false) {
    this.driver = driver
    this.conn = conn
    this.addPath = addPath
  }

  listen(): ReadonlyArray<string> {
    this.driver.settle()
    return this.driver
      .messages(this.conn)
      .filter((message) => message[18] === MessageType.Update)
      .flatMap((message) => this.linesOf(message))
  }

  private linesOf(message: Uint8Array): ReadonlyArray<string> {
    const view = new UpdateView()
    const addPath: readonly [boolean, boolean] = [this.addPath, false]
    expect(scanUpdate(view, message, 0, message.length, { as4: true, addPath, external: true, extended: false })).toBe(
      0
    )
    if (view.endOfRib >= 0) return ["end"]
    const { asPath = [] } = decodeAttributes(message, view.attributesAt, view.attributesEnd, true)
    const line = (sign: string, nlri: { readonly pathId?: number }, rest: string): string =>
      `${sign}${this.addPath ? this.letterOf(nlri.pathId ?? 0) : ""}${rest}`
    return [
      ...decodeNlri(message, view.withdrawnAt, view.withdrawnEnd, 4, this.addPath).map((nlri) =>
        line("-", nlri, ` ${formatPrefix(nlri)}`)
      ),
      ...decodeNlri(message, view.nlriAt, view.nlriEnd, 4, this.addPath).map((nlri) =>
        line("+", nlri, ` ${formatPrefix(nlri)} ${asPathText(asPath)}`)
      )
    ]
  }

  private letterOf(pathId: number): string {
    if (!this.letters.has(pathId)) this.letters.set(pathId, String.fromCharCode(97 + this.letters.size))
    return this.letters.get(pathId)!
  }
}

describe("clients of a route server", () => {
  const server = (): Driver =>
    new Driver(
      configOf([
        peerConfig(A, 65002, SERVED),
        peerConfig(B, 65003, SERVED),
        peerConfig(C, 65004, SERVED),
        peerConfig(D, 65005)
      ])
    )

  it("each get the best path that is not their own [RFC 7947 §2.3]", () => {
    const driver = server()
    const [a, b, c] = [
      establishWith(driver, A, 65002),
      establishWith(driver, B, 65003),
      establishWith(driver, C, 65004)
    ]
    const [earA, earB, earC] = [new Ear(driver, a), new Ear(driver, b), new Ear(driver, c)]
    driver.hear(a, announcement([65002], [PREFIX]))
    driver.hear(b, announcement([65003, 65009], [PREFIX]))
    expect(earA.listen()).toEqual([`+ ${PREFIX} 65003 65009`])
    expect(earB.listen()).toEqual([`+ ${PREFIX} 65002`])
    expect(earC.listen()).toEqual([`+ ${PREFIX} 65002`])
    driver.hear(b, withdrawal(PREFIX))
    expect([earA.listen(), earB.listen(), earC.listen()]).toEqual([[`- ${PREFIX}`], [], []])
  })

  it("get another path than one with their own AS number, which they would take for a loop [RFC 7947 §2.3]", () => {
    const driver = server()
    const [a, b, c] = [
      establishWith(driver, A, 65002),
      establishWith(driver, B, 65003),
      establishWith(driver, C, 65004)
    ]
    const ear = new Ear(driver, c)
    driver.hear(a, announcement([65002, 65004], [PREFIX]))
    expect(ear.listen()).toEqual([])
    driver.hear(b, announcement([65003, 65009, 65010], [PREFIX]))
    expect(ear.listen()).toEqual([`+ ${PREFIX} 65003 65009 65010`])
  })

  it("may differ in the order of two paths where MED takes a third one out [RFC 4271 §9.1.2.2 c, RFC 7947 §2.3]", () => {
    const driver = new Driver(
      configOf(
        [A, B, C, D].map((address, at) => peerConfig(address, 65002 + at, { ...SERVED, ...TAKING_TWO[address] }))
      )
    )
    const ears = [A, B, C, D].map((address, at) => {
      const takes = TAKING_TWO[address] === undefined ? [] : [TAKES]
      return new Ear(driver, establishWith(driver, address, 65002 + at, takes), takes.length > 0)
    })
    const [a, b, c] = [A, B, C].map((address) => driver.state.peers[driver.state.byAddress.get(address)!]!.established)
    // Of A and C the one with the lower MED is left, C; against C it is B that wins, and against A alone B would not.
    driver.hear(a!, announcement([65100, 1], [PREFIX], { med: 10 }))
    driver.hear(b!, announcement([65200, 2], [PREFIX], { med: 0 }))
    driver.hear(c!, announcement([65100, 3], [PREFIX], { med: 0 }))
    const told = ears.map((ear) => ear.listen().map((line) => line.split(" ").slice(2).join(" ")))
    expect(told.map((lines) => lines.at(-1))).toEqual(["65200 2", "65100 3", "65100 1", "65100 3"])
    // Who may have two gets the best, and then the best of the others: without B it is C.
    expect(told[3]!.includes("65200 2")).toBe(true)
  })

  it("are the only ones: an ordinary peer whose route is the best is told nothing [RFC 4271 §9.1.3]", () => {
    const driver = server()
    const [a, d] = [establishWith(driver, A, 65002), establishWith(driver, D, 65005)]
    driver.hear(d, announcement([65005], [PREFIX]))
    driver.hear(a, announcement([65002, 65009], [PREFIX]))
    expect(new Ear(driver, d).listen()).toEqual([])
  })

  it("show up with what each was told", () => {
    const driver = server()
    const [a, b] = [establishWith(driver, A, 65002), establishWith(driver, B, 65003)]
    driver.hear(a, announcement([65002], [PREFIX]))
    driver.hear(b, announcement([65003], [PREFIX]))
    driver.settle()
    const rows = [...(query(driver.state, "routes", { advertised: "true" }) as Iterable<Record<string, unknown>>)]
    expect(rows.map(({ peer, asPath }) => [peer, asPath])).toEqual([
      [A, "65003"],
      [B, "65002"]
    ])
  })
})

describe("a peer that gets several paths", () => {
  const several = (send: number, rest: Partial<PeerConfig> = {}): Driver =>
    new Driver(
      configOf([
        peerConfig(A, 65002),
        peerConfig(B, 65003),
        peerConfig(C, 65004, { gracefulRestart: { helper: true, restartTime: 90, longLivedTime: 0 } }),
        peerConfig(D, 65005, { addPath: { receive: false, send }, ...rest })
      ])
    )

  it("has agreed on that, and we were told to: else it gets one [RFC 7911 §4]", () => {
    const driver = several(ADD_PATH_ALL)
    const d = establishWith(driver, D, 65005)
    const a = establishWith(driver, A, 65002)
    driver.hear(a, announcement([65002], [PREFIX]))
    expect(new Ear(driver, d).listen()).toEqual([`+ ${PREFIX} 65001 65002`])
    const silent = several(0)
    establishWith(silent, D, 65005, [TAKES])
    const session = [...silent.state.connections.values()].find(({ session }) => session !== undefined)!.session!
    expect(session.negotiated.addPathSend).toEqual([false, false])
  })

  it("gets all there are, hears of each by itself, and keeps an identifier for as long as its path lives", () => {
    const driver = several(ADD_PATH_ALL)
    const [a, b, d] = [
      establishWith(driver, A, 65002),
      establishWith(driver, B, 65003),
      establishWith(driver, D, 65005, [TAKES])
    ]
    const ear = new Ear(driver, d, true)
    driver.hear(a, announcement([65002], [PREFIX]))
    driver.hear(b, announcement([65003, 65009], [PREFIX]))
    expect(ear.listen()).toEqual([`+a ${PREFIX} 65001 65002`, `+b ${PREFIX} 65001 65003 65009`])
    driver.hear(a, announcement([65002, 65009, 65010], [PREFIX]))
    expect(ear.listen()).toEqual([`+a ${PREFIX} 65001 65002 65009 65010`])
    driver.hear(b, withdrawal(PREFIX))
    expect(ear.listen()).toEqual([`-b ${PREFIX}`])
  })

  it("gets no more than so many, the best ones, and another when one of them goes", () => {
    const driver = several(2)
    const [a, b, c] = [
      establishWith(driver, A, 65002),
      establishWith(driver, B, 65003),
      establishWith(driver, C, 65004)
    ]
    const ear = new Ear(driver, establishWith(driver, D, 65005, [TAKES]), true)
    driver.hear(c, announcement([65004, 65009, 65010], [PREFIX]))
    driver.hear(a, announcement([65002], [PREFIX]))
    driver.hear(b, announcement([65003, 65009], [PREFIX]))
    expect(ear.listen()).toEqual([
      `+a ${PREFIX} 65001 65004 65009 65010`,
      `+b ${PREFIX} 65001 65002`,
      `-a ${PREFIX}`,
      `+c ${PREFIX} 65001 65003 65009`
    ])
    driver.hear(a, withdrawal(PREFIX))
    expect([...ear.listen()].sort()).toEqual([`+a ${PREFIX} 65001 65004 65009 65010`, `-b ${PREFIX}`])
  })

  it("finds them all before End-of-RIB when it comes late, and under the same identifiers when it asks again [RFC 2918, RFC 4724 §2]", () => {
    const driver = several(ADD_PATH_ALL)
    const [a, b] = [establishWith(driver, A, 65002), establishWith(driver, B, 65003)]
    driver.hear(a, announcement([65002], [PREFIX]))
    driver.hear(b, announcement([65003], [PREFIX]))
    const late = establishWithoutReading(driver, D, 65005)
    const ear = new Ear(driver, late, true)
    const both = [`+a ${PREFIX} 65001 65002`, `+b ${PREFIX} 65001 65003`]
    expect(ear.listen()).toEqual([...both, "end"])
    driver.hear(late, encodeRouteRefresh({ afi: 1, safi: 1, subtype: 0 }))
    expect(ear.listen()).toEqual(both)
  })

  it("keeps the paths of a peer that restarts, and hears nothing of it when they come back as they were [RFC 4724 §4.2]", () => {
    const driver = several(ADD_PATH_ALL)
    const restarts: Capability = {
      _tag: "GracefulRestart",
      restarting: false,
      notification: false,
      timeS: 60,
      families: [{ afi: 1, safi: 1, forwarding: true }]
    }
    const [a, c] = [establishWith(driver, A, 65002), establishWith(driver, C, 65004, [restarts])]
    const ear = new Ear(driver, establishWith(driver, D, 65005, [TAKES]), true)
    driver.hear(a, announcement([65002], [PREFIX]))
    driver.hear(c, announcement([65004], [PREFIX]))
    expect(ear.listen()).toEqual([`+a ${PREFIX} 65001 65002`, `+b ${PREFIX} 65001 65004`])
    driver.closeFrom(c)
    driver.pass(5_000)
    const again = establishWith(driver, C, 65004, [restarts])
    driver.hear(again, announcement([65004], [PREFIX]))
    expect(ear.listen()).toEqual([])
    driver.hear(again, withdrawal(PREFIX))
    expect(ear.listen()).toEqual([`-b ${PREFIX}`])
  })

  it("may be a client of a route server, and gets all but its own", () => {
    const driver = new Driver(
      configOf([
        peerConfig(A, 65002, SERVED),
        peerConfig(B, 65003, { ...SERVED, addPath: { receive: false, send: ADD_PATH_ALL } }),
        peerConfig(C, 65004, SERVED)
      ])
    )
    const [a, b, c] = [
      establishWith(driver, A, 65002),
      establishWith(driver, B, 65003, [TAKES]),
      establishWith(driver, C, 65004)
    ]
    const ear = new Ear(driver, b, true)
    driver.hear(b, announcement([65003], [PREFIX]))
    driver.hear(a, announcement([65002, 65009], [PREFIX]))
    driver.hear(c, announcement([65004, 65009, 65010], [PREFIX]))
    expect(ear.listen()).toEqual([`+a ${PREFIX} 65002 65009`, `+b ${PREFIX} 65004 65009 65010`])
  })
})

describe("several paths of IPv6 prefixes", () => {
  it("have their identifiers within MP_REACH_NLRI and MP_UNREACH_NLRI [RFC 7911 §3, RFC 4760]", () => {
    const families = ["ipv6-unicast" as const]
    const [first, second, taker] = ["2001:db8::2", "2001:db8::3", "2001:db8::4"]
    const driver = new Driver(
      configOf([
        peerConfig(first, 65002, { families }),
        peerConfig(second, 65003, { families }),
        peerConfig(taker, 65004, { families, addPath: { receive: false, send: ADD_PATH_ALL } })
      ])
    )
    const local = "[2001:db8::1]:179"
    const ipv6: Capability = { _tag: "Multiprotocol", afi: 2, safi: 1 }
    const takes: Capability = { _tag: "AddPath", families: [{ afi: 2, safi: 1, mode: AddPathMode.Receive }] }
    const [a, b] = [first, second].map((address, at) => establishWith(driver, address, 65002 + at, [ipv6], local))
    const c = establishWith(driver, taker, 65004, [ipv6, takes], local)
    const nlri = [parsePrefix("2001:db8:1::/48")!]
    const context = { as4: true, addPath: [false, false] } as const
    for (const [at, conn] of [a, b].entries()) {
      const nextHops = [parseAddress("2001:db8::9")!]
      const asPath = [{ type: 2, members: [65002 + at] }]
      driver.hear(
        conn,
        encodeUpdate({ attributes: { origin: 0, asPath, mpReach: { afi: 2, safi: 1, nextHops, nlri } } }, context)
      )
    }
    driver.hear(a, encodeUpdate({ attributes: { mpUnreach: { afi: 2, safi: 1, nlri } } }, context))
    driver.settle()
    const view = new UpdateView()
    const told = driver.messages(c).filter((message) => message[18] === MessageType.Update)
    const ids = told.map((message) => {
      const addPath: readonly [boolean, boolean] = [false, true]
      expect(
        scanUpdate(view, message, 0, message.length, { as4: true, addPath, external: true, extended: false })
      ).toBe(0)
      return [
        ...decodeNlri(message, view.reachNlriAt, view.reachNlriEnd, 6, true).map(({ pathId }) => ["+", pathId]),
        ...decodeNlri(message, view.unreachNlriAt, view.unreachNlriEnd, 6, true).map(({ pathId }) => ["-", pathId])
      ]
    })
    const [one, other, gone] = ids.flat()
    expect([ids.flat().length, one[0], other[0], gone]).toEqual([3, "+", "+", ["-", one[1]]])
    expect(other[1]).not.toBe(one[1])
  })
})

/** As `establishWith`, and what the router tells is still to be read. */
const establishWithoutReading = (driver: Driver, address: string, asn: number): ConnId => {
  const messages = driver.messages
  driver.messages = () => []
  const conn = establishWith(driver, address, asn, [TAKES])
  driver.messages = messages
  return conn
}
