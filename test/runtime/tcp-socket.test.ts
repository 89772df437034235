// TTL, GTSM, traffic class, interface, source address and user timeout on real sockets, read back from the kernel where the other end
// cannot tell.
import { once } from "node:events"
import type { Socket } from "node:net"
import { expect } from "vitest"
import { Sys, systemCalls } from "../../src/runtime/sys.ts"
import { PeerRules, ruleOf } from "../../src/runtime/tcp-options.ts"
import { descriptorOf } from "../../src/runtime/tcp-socket.ts"
import { requirement } from "../support/requirements.ts"
import { connected, failure, type Option, optionOf, options, peer, ttlOption, withBench } from "./tcp-bench.ts"

const { describe, it } = requirement("namespaces", "root", "ip")

const HOUSES = [
  { family: 4, listen: "0.0.0.0", address: "127.0.0.1" },
  { family: 6, listen: "::", address: "::1" }
] as const

for (const { family, listen, address } of HOUSES) {
  const at = (port: number) => ({ address, port, localAddress: "" })
  const least: Option = family === 4 ? [Sys.IPPROTO_IP, Sys.IP_MINTTL] : [Sys.IPPROTO_IPV6, Sys.IPV6_MINHOPCOUNT]
  const traffic: Option = family === 4 ? [Sys.IPPROTO_IP, Sys.IP_TOS] : [Sys.IPPROTO_IPV6, Sys.IPV6_TCLASS]

  describe(`TTL security, IPv${family} [RFC 5082]`, () => {
    it("admits a peer that sends TTL 255, and takes no less from then on", () =>
      withBench(async (bench) => {
        bench.policy.configure([peer(address, { ttlSecurity: true })])
        const port = await bench.listen(listen)
        connected(await bench.dial(at(port), options({ ttl: 255, minimumTtl: 255 })))
        const accepted = await bench.arrival()
        expect(optionOf(accepted, ...least)).toBe(255)
        expect(optionOf(accepted, ...ttlOption(family))).toBe(255)
      }))

    it("refuses a peer that sends less, with what it sent", () =>
      withBench(async (bench) => {
        bench.policy.configure([peer(address, { ttlSecurity: true })])
        const port = await bench.listen(listen)
        const socket = connected(await bench.dial(at(port), options({ ttl: 254 })))
        socket.resume()
        await once(socket, "close")
        expect(bench.refusals).toEqual(["ttl-security: came with TTL 254, below 255"])
        expect(bench.policy.stats().refused).toEqual({ "ttl-security": 1 })
      }))

    it("allows for the routers that multihop names", () =>
      withBench(async (bench) => {
        bench.policy.configure([peer(address, { ttlSecurity: true, multihop: 3 })])
        const port = await bench.listen(listen)
        connected(await bench.dial(at(port), options({ ttl: 253 })))
        expect(optionOf(await bench.arrival(), ...least)).toBe(253)
      }))

    it("drops later packets with less than the first had", () =>
      withBench(async (bench) => {
        bench.policy.configure([peer(address, { ttlSecurity: true })])
        const port = await bench.listen(listen)
        const dialled = connected(await bench.dial(at(port), options({ ttl: 255 })))
        await bench.arrival()
        bench.setTtl(dialled, family, 254)
        dialled.write("routed")
        const [error] = (await once(dialled, "close").catch((cause: unknown) => [cause])) as ReadonlyArray<unknown>
        expect((error as NodeJS.ErrnoException).code).toBe("ETIMEDOUT")
      }))
  })

  describe(`what a socket is given, IPv${family}`, () => {
    it("has the TTL of its peer: 1 for neighbours, the distance with multihop, 255 inside the AS", () =>
      withBench(async (bench) => {
        const port = await bench.listen(listen)
        const ttlFor = async (more: Parameters<typeof peer>[1]): Promise<number> => {
          bench.policy.configure([peer(address, more)])
          connected(await bench.dial(at(port), options({})))
          return optionOf(await bench.arrival(), ...ttlOption(family))
        }
        expect(await ttlFor({ type: "external" })).toBe(1)
        expect(await ttlFor({ type: "external", multihop: 4 })).toBe(4)
        expect(await ttlFor({ type: "internal" })).toBe(255)
      }))

    it("is marked CS6 on both sides [RFC 2474]", () =>
      withBench(async (bench) => {
        const port = await bench.listen(listen)
        bench.policy.configure([peer(address)])
        const dialled = connected(await bench.dialByPolicy(at(port)))
        const accepted = await bench.arrival()
        expect([dialled, accepted].map((socket) => optionOf(socket, ...traffic))).toEqual([0xc0, 0xc0])
        expect([dialled, accepted].map((socket) => optionOf(socket, Sys.SOL_SOCKET, Sys.SO_PRIORITY))).toEqual([6, 6])
      }))

    it("has a user timeout that no send hold timer waits for [RFC 9687 §4]", () =>
      withBench(async (bench) => {
        const port = await bench.listen(listen)
        bench.policy.configure([peer(address, { holdTime: 300 })])
        const dialled = connected(await bench.dialByPolicy(at(port)))
        const accepted = await bench.arrival()
        for (const socket of [dialled, accepted]) {
          expect(optionOf(socket, Sys.IPPROTO_TCP, Sys.TCP_USER_TIMEOUT)).toBe(600_000)
        }
      }))

    it("is bound to its interface", () =>
      withBench(async (bench) => {
        const port = await bench.listen(listen)
        const dialled = connected(await bench.dial(at(port), options({ interface: "lo" })))
        expect(optionOf(dialled, Sys.SOL_SOCKET, Sys.SO_BINDTOIFINDEX)).toBe(1)
      }))

    it("dials from the address it is told", () =>
      withBench(async (bench) => {
        const local = family === 4 ? "127.0.0.9" : "2001:db8::9"
        if (family === 6) bench.sh(`ip address add ${local}/128 dev lo nodad`)
        const port = await bench.listen(listen)
        connected(await bench.dial({ address, port, localAddress: local }, options({})))
        expect((await bench.arrival()).remoteAddress).toBe(local)
      }))
  })
}

describe("the descriptor of a connection", () => {
  it("is found without the help of what Node keeps to itself, and a wrong hint is not believed", () =>
    withBench(async (bench) => {
      const port = await bench.listen("127.0.0.1")
      const dialled = connected(
        await bench.dial({ address: "127.0.0.1", port, localAddress: "" }, options({ ttl: 77 }))
      )
      const accepted = await bench.arrival()
      const sys = systemCalls()
      for (const socket of [dialled, accepted]) {
        const { remoteAddress, remotePort, localAddress, localPort } = socket
        const known = { remoteAddress, remotePort, localAddress, localPort }
        const fd = descriptorOf(sys, socket)
        expect(fd).toBeGreaterThan(2)
        expect(descriptorOf(sys, known as Socket)).toBe(fd)
        expect(descriptorOf(sys, { ...known, _handle: { fd: 0 } } as unknown as Socket)).toBe(fd)
        expect(descriptorOf(sys, { ...known, remotePort: 1 } as Socket)).toBeUndefined()
      }
    }))
})

describe("a socket that cannot be had", () => {
  const nowhere = { address: "127.0.0.1", port: 1, localAddress: "" }

  it("says that nobody listens, as Node does", () =>
    withBench(async (bench) => {
      expect(failure(await bench.dial(nowhere, options({ ttl: 1 })))?.code).toBe("ECONNREFUSED")
    }))

  it("says that an address is not ours, as Node does", () =>
    withBench(async (bench) => {
      const error = failure(await bench.dial({ ...nowhere, localAddress: "192.0.2.7" }, options({ ttl: 1 })))
      expect(error).toMatchObject({ code: "EADDRNOTAVAIL", syscall: "bind", message: "bind EADDRNOTAVAIL 192.0.2.7" })
    }))

  it("says that there is no such interface", () =>
    withBench(async (bench) => {
      const error = failure(await bench.dial(nowhere, options({ interface: "no-such" })))
      expect(error?.message).toBe("interface no-such: there is none of that name")
    }))

  it("says that a port is taken, as Node does", () =>
    withBench(async (bench) => {
      const port = await bench.listen("127.0.0.1")
      await expect(bench.listen("127.0.0.1", port)).rejects.toMatchObject({ code: "EADDRINUSE" })
    }))
})

describe("link-local peers [RFC 4291 §2.5.6]", () => {
  it("are dialled and admitted over the interface of their scope, with password and TTL security", () =>
    withBench(async (bench) => {
      bench.sh("ip link add left type veth peer name right && ip link set left up && ip link set right up")
      bench.sh("ip address add fe80::1/64 dev left nodad && ip address add fe80::2/64 dev right nodad")
      const [index] = /^\d+/.exec(bench.sh("ip -o link show left"))!
      bench.policy.configure([peer("fe80::1", { password: "local", ttlSecurity: true })])
      const port = await bench.listen("::")
      for (const scope of ["left", index]) {
        const dialled = await bench.dialByPolicy({ address: `fe80::1%${scope}`, port, localAddress: "" })
        await bench.arrival()
        expect(optionOf(connected(dialled), Sys.SOL_SOCKET, Sys.SO_BINDTOIFINDEX)).toBe(Number(index))
      }
      expect(bench.refusals).toEqual([])
    }))

  it("are told apart by their scope", () => {
    const rules = new PeerRules(
      [
        peer("fe80::1%left", { multihop: 1 }),
        peer("fe80::1%right", { multihop: 2 }),
        peer("fe80::/10", { multihop: 3 })
      ].map((each) => ruleOf(each)!)
    )
    const found = ["fe80::1%right", "fe80::1%left", "fe80::1%other"].map((each) => rules.find(each)?.options.ttl)
    expect(found).toEqual([2, 1, 3])
  })
})

describe("the options of an address", () => {
  it("are the peer's own, else those of the longest range, else none", () => {
    const rules = new PeerRules(
      [
        peer("10.0.0.0/8", { multihop: 8 }),
        peer("10.1.0.0/16", { multihop: 16 }),
        peer("10.1.1.1", { multihop: 32 }),
        peer("2001:db8::/32", { multihop: 64 })
      ].map((each) => ruleOf(each)!)
    )
    const found = ["10.1.1.1", "10.1.2.3", "10.200.0.1", "2001:db8:1::1", "192.0.2.1", "2001:db9::1"]
    expect(found.map((each) => rules.find(each)?.options.ttl)).toEqual([32, 16, 8, 64, undefined, undefined])
  })
})
