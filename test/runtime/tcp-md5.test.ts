// TCP MD5 on real sockets: who has the password gets in, nobody else, on both sides and for both families, while passwords change.
import { once } from "node:events"
import { inspect } from "node:util"
import { Redacted } from "effect"
import { expect } from "vitest"
import { systemCalls } from "../../src/runtime/sys.ts"
import { Keyring } from "../../src/runtime/tcp-md5.ts"
import { PeerRules, ruleOf } from "../../src/runtime/tcp-options.ts"
import { boundSocket } from "../../src/runtime/tcp-socket.ts"
import { parseAddress } from "../../src/wire/index.ts"
import { requirement } from "../support/requirements.ts"
import { connected, failure, options, peer, type TcpBench, withBench } from "./tcp-bench.ts"

const { describe, it } = requirement("namespaces", "root", "ip")

const SECRET = "correct horse battery staple"
const secret = Redacted.make(SECRET)

const HOUSES = [
  { name: "IPv4", listen: "0.0.0.0", address: "127.0.0.1", other: "127.0.0.2", range: "127.0.0.0/8" },
  { name: "IPv6", listen: "::", address: "::1", other: "2001:db8::2", range: "2001:db8::/32" }
]

for (const { name, listen, address, other, range } of HOUSES) {
  const dial = (bench: TcpBench, port: number, password?: Redacted.Redacted<string>, from = address) =>
    bench.dial({ address, port, localAddress: from }, options({ password }))
  const bothAddresses = (bench: TcpBench): void => {
    if (name === "IPv6") bench.sh(`ip address add ${other}/128 dev lo nodad`)
  }

  describe(`a password on a listener, ${name} [RFC 2385]`, () => {
    it("lets in the peer that has it", () =>
      withBench(async (bench) => {
        expect(bench.policy.configure([peer(address, { password: SECRET })])).toEqual([])
        connected(await dial(bench, await bench.listen(listen), secret))
        expect((await bench.arrival()).remoteAddress).toBe(address)
      }))

    it("keeps out a peer with another one, and it is counted", () =>
      withBench(async (bench) => {
        bench.policy.configure([peer(address, { password: SECRET })])
        const port = await bench.listen(listen)
        expect(failure(await dial(bench, port, Redacted.make("guessed")))?.code).toBe("ETIMEDOUT")
        expect(bench.inside(() => bench.policy.stats().md5.wrong)).toBeGreaterThan(0)
      }))

    it("keeps out a peer with none, and it is counted", () =>
      withBench(async (bench) => {
        bench.policy.configure([peer(address, { password: SECRET })])
        const port = await bench.listen(listen)
        expect(failure(await dial(bench, port))?.code).toBe("ETIMEDOUT")
        expect(bench.inside(() => bench.policy.stats().md5.absent)).toBeGreaterThan(0)
      }))

    it("is of no concern to the peers that have none", () =>
      withBench(async (bench) => {
        bothAddresses(bench)
        bench.policy.configure([peer(address, { password: SECRET }), peer(other)])
        const port = await bench.listen(listen)
        connected(await dial(bench, port, undefined, other))
      }))

    it("goes for a whole range, but a peer's own comes before it", () =>
      withBench(async (bench) => {
        bothAddresses(bench)
        bench.policy.configure([peer(range, { password: "of the range" }), peer(address, { password: SECRET })])
        const port = await bench.listen(listen)
        connected(await dial(bench, port, Redacted.make("of the range"), other))
        connected(await dial(bench, port, secret))
      }))

    it("may come, change and go while the listener is in use, and sessions stay", () =>
      withBench(async (bench) => {
        const port = await bench.listen(listen)
        const first = connected(await dial(bench, port))
        bench.policy.configure([peer(address, { password: SECRET })])
        const second = connected(await dial(bench, port, secret))
        bench.policy.configure([peer(address, { password: "another" })])
        const third = connected(await dial(bench, port, Redacted.make("another")))
        bench.policy.configure([peer(address)])
        const fourth = connected(await dial(bench, port))
        for (const socket of [first, second, third, fourth]) {
          const accepted = await bench.arrival()
          const heard = new Promise((resolve) => accepted.once("data", resolve))
          socket.write("still here")
          expect(String(await heard)).toBe("still here")
        }
      }))
  })

  describe(`a password on a socket that dials, ${name} [RFC 2385]`, () => {
    it("keeps it from a listener that has another one", () =>
      withBench(async (bench) => {
        bench.policy.configure([peer(address, { password: "another" })])
        const port = await bench.listen(listen)
        expect(failure(await dial(bench, port, secret))?.code).toBe("ETIMEDOUT")
      }))

    it("keeps it from a listener that has none, and it is counted there", () =>
      withBench(async (bench) => {
        const port = await bench.listen(listen)
        expect(failure(await dial(bench, port, secret))?.code).toBe("ETIMEDOUT")
        expect(bench.inside(() => bench.policy.stats().md5.unexpected)).toBeGreaterThan(0)
      }))
  })
}

describe("passwords that cannot be had", () => {
  it("names the limit of one socket, and keeps out the peers beyond it", () =>
    withBench(async (bench) => {
      const peers = Array.from({ length: 1100 }, (_, index) =>
        peer(`10.0.${index >> 8}.${index & 255}`, { password: SECRET })
      )
      // The last to come is the one without a key.
      const problems = bench.policy.configure([...peers, peer("127.0.0.1", { password: SECRET })])
      expect(problems).toEqual([])
      const port = await bench.listen("0.0.0.0")
      const [problem] = bench.policy.configure([...peers, peer("127.0.0.1", { password: SECRET })])
      expect(problem).toMatch(/one listening socket takes no more than these \d+ passwords; raise net.core.optmem_max/)
      // Its kernel would let it in, unsigned.
      const target = { address: "127.0.0.1", port, localAddress: "127.0.0.1" }
      const socket = connected(await bench.dial(target, options({}))).resume()
      await once(socket, "close")
      expect(bench.refusals).toHaveLength(1)
      expect(bench.policy.stats().refused).toEqual({ password: 1 })
    }))

  it("has room for another password once one is gone", () =>
    withBench(async (bench) => {
      const fd = bench.inside(() => boundSocket(systemCalls(), parseAddress("127.0.0.1")!, "127.0.0.1", 0))
      const keyring = new Keyring(fd)
      const keys = Array.from({ length: 1100 }, (_, index) => ({
        key: `${index}`,
        prefix: { family: 4 as const, words: [0x0a00_0000 + index], length: 32 },
        password: secret
      }))
      const refused = keyring.update(keys)
      expect(refused).toHaveLength(1100 - keyring.size)
      expect(keyring.update(keys.slice(1, keyring.size + 1))).toEqual([])
    }))

  it("refuses one that is too long for TCP MD5 without repeating it", () =>
    withBench(async (bench) => {
      const long = SECRET.repeat(3)
      const [problem] = bench.policy.configure([peer("192.0.2.1", { password: long })])
      expect(problem).toBe("192.0.2.1/32: the password has 84 bytes, and TCP MD5 takes 80: choose a shorter one")
      const dialled = await bench.dial(
        { address: "127.0.0.1", port: 1, localAddress: "" },
        options({ password: Redacted.make(long) })
      )
      expect(failure(dialled)?.message).toBe("the password has 84 bytes, and TCP MD5 takes 80: choose a shorter one")
    }))

  it("refuses two passwords for one link-local address, which the kernel cannot keep apart", () =>
    withBench(async (bench) => {
      const problems = bench.policy.configure([
        peer("fe80::1%a", { password: "one" }),
        peer("fe80::1%b", { password: "two" })
      ])
      expect(problems).toEqual(["fe80::1/128: peers of one address need one password, also on different interfaces"])
    }))
})

describe("a secret", () => {
  it("does not show in what is inspected, serialised or thrown", () =>
    withBench(async (bench) => {
      const rule = ruleOf(peer("127.0.0.1", { password: SECRET }))!
      bench.policy.configure([peer("127.0.0.1", { password: SECRET })])
      await bench.listen("127.0.0.1")
      const dialled = await bench.dial(
        { address: "127.0.0.1", port: 1, localAddress: "192.0.2.77" },
        options({ password: secret })
      )
      const shown = [rule, new PeerRules([rule]), bench.policy, failure(dialled)]
        .map((value) => inspect(value, { depth: 20, showHidden: true }))
        .join("\n")
      expect(shown).toContain("redacted")
      expect(shown).not.toContain(SECRET)
      expect(JSON.stringify(rule)).not.toContain(SECRET)
    }))
})
