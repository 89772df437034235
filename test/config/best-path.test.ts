// How routes are chosen, reflected and told inside, as the file says it and as the router takes it (ADR-0031).
import * as Effect from "effect/Effect"
import { describe, expect, it } from "vitest"
import { parseConfig } from "../../src/config/index.ts"
import { FAMILY_NAMES } from "../../src/wire/index.ts"

const load = (router: string, peer = "") =>
  Effect.runSync(
    parseConfig(
      `router: { asn: 65000, id: 192.0.2.1${router} }\npeers: [{ address: 192.0.2.7, asn: 65000${peer} }]`,
      "f.yaml"
    )
  ).router

const problemsOf = (router: string, peer = ""): string =>
  Effect.runSync(
    Effect.flip(
      parseConfig(
        `router: { asn: 65000, id: 192.0.2.1${router} }\npeers: [{ address: 192.0.2.7, asn: 65000${peer} }]`,
        "f.yaml"
      )
    )
  ).message

describe("the decision process in the file", () => {
  it.each([
    [
      "best-path: { always-compare-med: true, med-missing-as-worst: true }",
      { alwaysCompareMed: true, medMissingAsWorst: true }
    ],
    [
      "best-path: { compare-router-id: false, ignore-as-path-length: true }",
      { preferOlder: true, ignoreAsPathLength: true }
    ],
    ["best-path: { deterministic-med: true, compare-router-id: true }", undefined],
    ["multipath: 4", { multipath: { external: 4, internal: 4, relaxAsPath: false, linkBandwidth: true } }],
    [
      "multipath: { internal: 2, relax-as-path: true, link-bandwidth: false }",
      { multipath: { external: 1, internal: 2, relaxAsPath: true, linkBandwidth: false } }
    ],
    ["multipath: 1", undefined]
  ])("%s", (text, expected) => {
    expect(load(`, ${text}`).bestPath).toEqual(expected)
  })

  it("takes a cluster id, a confederation and a preference", () => {
    const { clusterId, confederation, localPreference } = load(
      ", cluster-id: 192.0.2.9, local-preference: 200, confederation: { identifier: 64500, members: [65001, 65002] }"
    )
    expect([clusterId, confederation, localPreference]).toEqual([
      "192.0.2.9",
      { identifier: 64500, members: [65001, 65002] },
      200
    ])
  })

  it("takes a weight, a cluster id and our next hop of a peer", () => {
    const [peer] = load(
      "",
      ", type: route-reflector-client, weight: 5, cluster-id: 192.0.2.8, next-hop-self: true"
    ).peers
    expect(peer).toMatchObject({ weight: 5, clusterId: "192.0.2.8", nextHopSelf: true })
  })

  it("takes every family", () => {
    expect(load("", `, families: [${FAMILY_NAMES.join(", ")}]`).peers[0]?.families).toEqual(FAMILY_NAMES)
  })

  it("does not warn that a peer of our confederation needs a policy [RFC 8212 §2]", () => {
    const warningsWith = (members: string) =>
      Effect.runSync(
        parseConfig(
          `router: { asn: 65001, id: 192.0.2.1, confederation: { identifier: 64500, members: [${members}] } }
peers: [{ address: 192.0.2.7, asn: 65002 }]`,
          "f.yaml"
        )
      ).warnings.length
    expect([warningsWith("65002"), warningsWith("65003")]).toEqual([0, 1])
  })

  it.each([
    [", best-path: { deterministic-med: false }", "", "MED is always compared by neighbouring AS here; remove this"],
    [", confederation: { identifier: 64500, members: [65000] }", "", "this is our own member AS; list the others"],
    [", confederation: { identifier: 64500, members: [65001, 65001] }", "", "65001 is listed twice; remove one"],
    [
      ", confederation: { identifier: 64500, members: [65001] }",
      " }, { address: 192.0.2.8, asn: 64500",
      "this is our whole confederation"
    ],
    [", multipath: 0", "", "a whole number from 1 to 64, not 0"],
    [
      "",
      ", cluster-id: 192.0.2.8",
      "cluster-id is for route-reflector-clients, and this one is an internal peer; remove it"
    ]
  ])("refuses%s%s", (router, peer, problem) => {
    expect(problemsOf(router, peer)).toContain(problem)
  })
})
