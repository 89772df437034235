// Route reflection as a matrix: from whom to whom, what is added on the way, and what comes back (RFC 4456 §6–§10).
import { describe, expect, it } from "vitest"
import type { ConnId } from "../../src/eventlog/index.ts"
import type { PeerConfig } from "../../src/router/index.ts"
import {
  type Attributes,
  decodeAttributes,
  encodeUpdate,
  parsePrefix,
  scanUpdate,
  UpdateView
} from "../../src/wire/index.ts"
import { configOf, Driver, LOCAL_AS, LOCAL_ID, peerConfig } from "./driver.ts"
import { announcement, rowsOf } from "./far-side.ts"

const CLIENT = "10.0.1.1"
const OTHER_CLIENT = "10.0.1.2"
const INSIDE = "10.0.2.1"
const OTHER_INSIDE = "10.0.2.2"
const OUTSIDE = "10.0.3.1"
const OTHER_OUTSIDE = "10.0.3.2"
const ALL = [CLIENT, OTHER_CLIENT, INSIDE, OTHER_INSIDE, OUTSIDE, OTHER_OUTSIDE]
const PREFIX = "192.0.2.0/24"
const CLUSTER = "10.0.9.9"

const wordOf = (address: string): number => address.split(".").reduce((word, octet) => word * 256 + Number(octet), 0)

const peersWith = (more: Readonly<Record<string, Partial<PeerConfig>>> = {}): ReadonlyArray<PeerConfig> =>
  ALL.map((address) => {
    const isOutside = address.startsWith("10.0.3")
    const type = address.startsWith("10.0.1") ? ({ type: "route-reflector-client" } as const) : {}
    return peerConfig(address, isOutside ? 64500 + Number(address.slice(-1)) : LOCAL_AS, { ...type, ...more[address] })
  })

const lab = (more: Readonly<Record<string, Partial<PeerConfig>>> = {}, clusterId?: string) => {
  const config = configOf(peersWith(more), clusterId === undefined ? {} : { clusterId })
  const driver = new Driver(config)
  const conns = new Map<string, ConnId>(
    config.peers.map(({ address, asn }) => [address, driver.establish(address, { asn, id: address })])
  )
  for (const conn of conns.values()) driver.messages(conn)
  const tell = (from: string, rest: Partial<Attributes> = {}): void => {
    const isOutside = from.startsWith("10.0.3")
    const path = isOutside ? [64500 + Number(from.slice(-1))] : []
    const inside = isOutside ? {} : { localPref: 100 }
    const nextHop = { family: 4, words: [wordOf(from)] } as const
    driver.hear(conns.get(from)!, announcement(path, [PREFIX], { nextHop, ...inside, ...rest }))
  }
  const heard = (peer: string): Attributes | undefined => {
    const bytes = driver.updates(conns.get(peer)!).at(-1)
    if (bytes === undefined) return undefined
    const view = new UpdateView()
    scanUpdate(view, bytes, 0, bytes.length, { as4: true, addPath: [], external: false, extended: false })
    return decodeAttributes(bytes, view.attributesAt, view.attributesEnd, true)
  }
  return { driver, conns, tell, heard }
}

describe("who hears of whom [RFC 4456 §6]", () => {
  const everybody = (from: string): ReadonlyArray<string> => ALL.filter((peer) => peer !== from)
  it.each([
    ["a client: everybody else", CLIENT, everybody(CLIENT)],
    ["who is inside and no client: clients, and those outside", INSIDE, [CLIENT, OTHER_CLIENT, OUTSIDE, OTHER_OUTSIDE]],
    ["who is outside: everybody else", OUTSIDE, everybody(OUTSIDE)]
  ])("%s", (_, from, expected) => {
    const { tell, heard } = lab()
    tell(from)
    expect(ALL.filter((peer) => heard(peer) !== undefined)).toEqual(expected)
  })
})

describe("what is added [RFC 4456 §8, §10]", () => {
  const added = (told: Attributes | undefined) => [told?.originatorId, told?.clusterList, told?.nextHop?.words[0]]

  it("ORIGINATOR_ID and CLUSTER_LIST where a route is reflected, and nothing else changes", () => {
    const { tell, heard } = lab()
    tell(CLIENT)
    for (const peer of [OTHER_CLIENT, INSIDE]) {
      expect(added(heard(peer))).toEqual([wordOf(CLIENT), [wordOf(LOCAL_ID)], wordOf(CLIENT)])
    }
    expect(added(heard(OUTSIDE))).toEqual([undefined, undefined, wordOf(LOCAL_ID)])
  })

  it("nothing of the kind to a route from outside", () => {
    const { tell, heard } = lab()
    tell(OUTSIDE)
    expect(added(heard(CLIENT))).toEqual([undefined, undefined, wordOf(OUTSIDE)])
  })

  it("ours in front of the clusters that are there, and the ORIGINATOR_ID that is there stays; all other attributes stay", () => {
    const { tell, heard } = lab()
    tell(CLIENT, {
      originatorId: 0x0a00005a,
      clusterList: [0x0a00005b, 0x0a00005c],
      communities: [0xfde80001],
      med: 7,
      largeCommunities: [[64501, 1, 2]]
    })
    expect(heard(INSIDE)).toEqual({
      origin: 0,
      asPath: [],
      nextHop: { family: 4, words: [wordOf(CLIENT)] },
      med: 7,
      localPref: 100,
      communities: [0xfde80001],
      originatorId: 0x0a00005a,
      clusterList: [wordOf(LOCAL_ID), 0x0a00005b, 0x0a00005c],
      largeCommunities: [[64501, 1, 2]]
    })
  })

  it("the router's cluster id, or that of the client it goes to [§7]", () => {
    const { tell, heard } = lab({ [OTHER_CLIENT]: { clusterId: "10.0.8.8" } }, CLUSTER)
    tell(CLIENT)
    expect(heard(OTHER_CLIENT)?.clusterList).toEqual([wordOf("10.0.8.8")])
    expect(heard(INSIDE)?.clusterList).toEqual([wordOf(CLUSTER)])
  })

  it("with next-hop-self our address for routes from outside, and not for reflected ones", () => {
    const { tell, heard } = lab({ [OTHER_CLIENT]: { nextHopSelf: true } })
    tell(OUTSIDE)
    expect(heard(OTHER_CLIENT)?.nextHop?.words[0]).toBe(wordOf(LOCAL_ID))
    const reflecting = lab({ [OTHER_CLIENT]: { nextHopSelf: true } })
    reflecting.tell(CLIENT)
    expect(reflecting.heard(OTHER_CLIENT)?.nextHop?.words[0]).toBe(wordOf(CLIENT))
  })
})

describe("loops [RFC 4456 §8]", () => {
  const reasonOf = (driver: Driver): unknown => rowsOf(driver, { prefix: PREFIX })[0]?.["reason"]

  it.each([
    ["our identifier as ORIGINATOR_ID", { originatorId: wordOf(LOCAL_ID) }, "originator loop"],
    ["our cluster in CLUSTER_LIST", { clusterList: [0x0a00005b, wordOf(CLUSTER)] }, "cluster loop"],
    ["the cluster of a client in CLUSTER_LIST", { clusterList: [wordOf("10.0.8.8")] }, "cluster loop"]
  ])("%s", (_, rest, reason) => {
    const { driver, tell, heard } = lab({ [OTHER_CLIENT]: { clusterId: "10.0.8.8" } }, CLUSTER)
    tell(CLIENT, rest)
    expect([reasonOf(driver), heard(INSIDE)]).toEqual([reason, undefined])
  })

  it("our router id is no cluster of ours where another id is configured [§7]", () => {
    const { driver, tell } = lab({}, CLUSTER)
    tell(CLIENT, { clusterList: [wordOf(LOCAL_ID)] })
    expect(reasonOf(driver)).toBe("best")
  })

  it("replace the route that was there, and its withdrawal still counts", () => {
    const { driver, conns, tell, heard } = lab()
    tell(CLIENT)
    expect(heard(INSIDE)).toBeDefined()
    tell(CLIENT, { originatorId: wordOf(LOCAL_ID) })
    expect(heard(INSIDE)?.origin).toBeUndefined()
    expect(rowsOf(driver, { prefix: PREFIX, best: "true" })).toEqual([])
    driver.hear(conns.get(CLIENT)!, encodeUpdate({ withdrawn: [parsePrefix(PREFIX)!] }, { as4: true, addPath: [] }))
    expect(rowsOf(driver, { prefix: PREFIX })).toEqual([])
  })

  it("are found in routes that are there already when a client's cluster id becomes ours", () => {
    const { driver, tell } = lab()
    tell(CLIENT, { clusterList: [wordOf("10.0.8.8")] })
    expect(reasonOf(driver)).toBe("best")
    const config = configOf(peersWith({ [OTHER_CLIENT]: { clusterId: "10.0.8.8" } }))
    driver.command({ command: "configure", config, seed: 1 })
    driver.settle()
    expect(reasonOf(driver)).toBe("cluster loop")
  })
})

describe("ties [RFC 4456 §9]", () => {
  it("ORIGINATOR_ID stands for the router id, then the shorter CLUSTER_LIST wins, then the lower address", () => {
    const reasons = (one: Partial<Attributes>, other: Partial<Attributes>): Record<string, unknown> => {
      const { driver, tell } = lab()
      tell(CLIENT, one)
      tell(OTHER_CLIENT, other)
      return Object.fromEntries(rowsOf(driver, { prefix: PREFIX }).map((row) => [row["peer"], row["reason"]]))
    }
    expect(reasons({ originatorId: 0x0a00005b }, { originatorId: 0x0a00005a })).toEqual({
      [OTHER_CLIENT]: "best",
      [CLIENT]: "router id"
    })
    const same = { originatorId: 0x0a00005a }
    expect(reasons({ ...same, clusterList: [1, 2] }, { ...same, clusterList: [3] })).toEqual({
      [OTHER_CLIENT]: "best",
      [CLIENT]: "cluster list length"
    })
    expect(reasons(same, same)).toEqual({ [CLIENT]: "best", [OTHER_CLIENT]: "peer address" })
  })
})
