// What the router, and with it the log, hears of the configuration, and what TCP hears of it.
import { describe, expect, it } from "vitest"
import type { PeerConfig, RouterConfig } from "../../src/router/index.ts"
import { configureCommand, tcpPeers } from "../../src/runtime/orders.ts"

const PEER: PeerConfig = {
  address: "192.0.2.7",
  port: 179,
  asn: 64501,
  type: "external",
  name: "",
  localAddress: "",
  passive: true,
  enabled: true,
  families: ["ipv4-unicast"],
  holdTime: 90,
  connectRetry: 5,
  idleHold: 1,
  addPath: { receive: false, send: 0 },
  extendedMessage: false,
  password: "",
  ttlSecurity: false,
  multihop: 0,
  policyOpen: true,
  maxPrefixes: 0
}

const config = (password: string): RouterConfig => ({
  router: { asn: 65000, id: "192.0.2.1" },
  listen: [],
  peers: [PEER, { ...PEER, address: "192.0.2.8", password }],
  dynamic: [{ range: "10.0.0.0/8", limit: 5, peer: { ...PEER, address: "10.0.0.0/8", password } }],
  static: [],
  originate: []
})

const passwordsOf = (text: string): ReadonlyArray<string> => {
  const command = configureCommand(config(text), 1)
  if (command.command !== "configure") throw new Error("configureCommand makes something else")
  const { peers, dynamic = [] } = command.config
  return [...peers, ...dynamic.map(({ peer }) => peer)].map(({ password }) => password)
}

describe("the configuration as it is recorded", () => {
  it("has fingerprints for passwords, of peers and of ranges", () => {
    const [none, ofPeer, ofRange] = passwordsOf("s3cret")
    expect(none).toBe("")
    expect(ofPeer).toMatch(/^[0-9a-f]{16}$/)
    expect(ofRange).toBe(ofPeer)
  })

  it("has another fingerprint for another password, so that the session is made anew", () => {
    expect(passwordsOf("s3cret")).toEqual(passwordsOf("s3cret"))
    expect(passwordsOf("s3cret")[1]).not.toBe(passwordsOf("other")[1])
  })
})

describe("the peers as TCP knows them", () => {
  it("are those of the configuration, and ranges under their prefix, with their passwords", () => {
    expect(tcpPeers(config("s3cret")).map(({ address, password }) => [address, password])).toEqual([
      ["192.0.2.7", ""],
      ["192.0.2.8", "s3cret"],
      ["10.0.0.0/8", "s3cret"]
    ])
  })
})
