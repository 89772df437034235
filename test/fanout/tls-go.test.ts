// TLS on both sides against Go's: who gets in by which certificate (the table of §5.1), and that a handshake that hangs holds up nobody.
import { readFileSync } from "node:fs"
import { connect } from "node:net"
import { createSecureContext } from "node:tls"
import { afterAll, afterEach, beforeAll, expect } from "vitest"
import { FOLLOW_DEFAULTS, SERVE_DEFAULTS, SyncStatus } from "../../src/fanout/index.ts"
import { FanoutClient } from "../../src/runtime/fanout-client.ts"
import { FanoutServer } from "../../src/runtime/fanout-server.ts"
import type { FanoutTls } from "../../src/runtime/fanout-tls.ts"
import { Authority, type Signed } from "../support/certificates.ts"
import { GobPeer } from "../support/gob-peer.ts"
import { requirement } from "../support/requirements.ts"

const tools = requirement("go", "gobpeer", "openssl")

const stops: Array<() => void> = []
afterEach(() => {
  for (const stop of stops.splice(0)) stop()
})

const URI = "spiffe://example/follower"

tools.describe("TLS", () => {
  let ours: Authority
  let foreign: Authority
  let hubCertificate: Signed
  beforeAll(() => {
    ours = new Authority("ours")
    foreign = new Authority("foreign")
    hubCertificate = ours.sign("server", "hub")
  })
  afterAll(() => {
    ours.remove()
    foreign.remove()
  })
  const tlsOf = ({ certificate, key }: Signed, authority: Authority, names: Partial<FanoutTls>): FanoutTls => ({
    context: createSecureContext({
      cert: readFileSync(certificate),
      key: readFileSync(key),
      ca: readFileSync(authority.certificate),
      minVersion: "TLSv1.2"
    }),
    commonName: "",
    uri: "",
    ...names
  })

  const serve = async (names: Partial<FanoutTls>, handshakeTimeoutMs = 5000) => {
    const said: Array<string> = []
    const server = new FanoutServer({
      ...SERVE_DEFAULTS,
      handshakeTimeoutMs,
      version: "test",
      seed: 1,
      tickMs: 10,
      tls: tlsOf(hubCertificate, ours, names),
      say: (message) => said.push(message)
    })
    stops.push(() => server.stop())
    server.offer([{ _tag: "Status", status: SyncStatus.InSync }])
    return { said, endpoint: await server.listen("127.0.0.1:0"), server }
  }

  const goClient = (endpoint: string, signed: Signed | undefined): GobPeer => {
    const tls =
      signed === undefined
        ? []
        : ["-tls-key", signed.key, "-tls-cert", signed.certificate, "-tls-ca", ours.certificate, "-peer-cn", "hub"]
    const peer = new GobPeer(["client", "-addr", endpoint, "-quiet", "-read-timeout", "3s", ...tls])
    stops.push(() => peer.stop())
    return peer
  }

  const followers = {
    "no certificate": () => undefined,
    "one of a foreign authority": () => foreign.sign("client", "follower", URI),
    "one for servers": () => ours.sign("server", "follower", URI),
    "the common name": () => ours.sign("client", "follower"),
    "the URI": () => ours.sign("client", "somebody", URI),
    both: () => ours.sign("client", "follower", URI),
    "both wrong": () => ours.sign("client", "somebody", "spiffe://example/other")
  }
  type Who = keyof typeof followers

  for (const [title, names, welcome] of [
    ["CN and URI", { commonName: "follower", uri: URI }, ["the common name", "the URI", "both"]],
    ["CN only", { commonName: "follower" }, ["the common name", "both"]],
    ["URI only", { uri: URI }, ["the URI", "both"]]
  ] as const) {
    tools.it(`a hub that asks for ${title} lets in who shows it, and says why it refuses the others`, async () => {
      const { endpoint, said } = await serve(names)
      for (const who of Object.keys(followers) as ReadonlyArray<Who>) {
        const isWelcome = (welcome as ReadonlyArray<Who>).includes(who)
        const before = said.length
        expect([who, await goClient(endpoint, followers[who]()).exit()]).toEqual([who, isWelcome ? 0 : 1])
        if (!isWelcome) expect(said.length).toBeGreaterThan(before)
      }
    })
  }

  tools.it(
    "a client that never finishes its handshake is dropped at the deadline, and another gets in meanwhile",
    async () => {
      const { endpoint, said, server } = await serve({ commonName: "follower" }, 1500)
      const [host, port] = endpoint.split(":")
      const halfOpen = connect({ host, port: Number(port) })
      halfOpen.on("error", () => {})
      const closed = new Promise((resolve) => halfOpen.once("close", resolve))
      expect(await goClient(endpoint, followers.both()).exit()).toBe(0)
      expect(said).toEqual([])
      halfOpen.resume()
      await closed
      expect(said[0]).toContain("it sent no hello in time")
      expect(server.state.counters.accepted).toBe(2)
    }
  )

  for (const [title, signed, names, isWelcome] of [
    ["with the name that it expects", () => ours.sign("server", "hub"), { commonName: "hub" }, true],
    ["with another name", () => ours.sign("server", "other"), { commonName: "hub" }, false],
    ["with the URI that it expects", () => ours.sign("server", "other", URI), { commonName: "hub", uri: URI }, true],
    ["with a certificate for clients", () => ours.sign("client", "hub"), { commonName: "hub" }, false],
    ["of a foreign authority", () => foreign.sign("server", "hub"), { commonName: "hub" }, false]
  ] as const) {
    tools.it(`a follower ${isWelcome ? "trusts" : "refuses"} a hub ${title}`, async () => {
      const { key, certificate } = signed()
      const files = ["-tls-key", key, "-tls-cert", certificate, "-tls-ca", ours.certificate, "-peer-cn", "follower"]
      const hub = new GobPeer(["server", "-addr", "127.0.0.1:0", "-kvs", "10", ...files])
      stops.push(() => hub.stop())
      const port = Number(((await hub.line("listening"))["addr"] as string).split(":").at(-1))
      const client = new FanoutClient({
        ...FOLLOW_DEFAULTS,
        keys: "all",
        hostname: "node",
        version: "test",
        seed: 1,
        tickMs: 10,
        tls: tlsOf(ours.sign("client", "follower"), ours, names),
        hubs: [{ host: "127.0.0.1", port, isLocal: false }],
        onNews: () => {}
      })
      stops.push(() => client.stop())
      client.start()
      while (!client.status().inSync && client.status().failures === 0)
        await new Promise((resolve) => setTimeout(resolve, 5))
      expect(client.status().inSync).toBe(isWelcome)
    })
  }
})
