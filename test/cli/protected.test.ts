// Two daemons with a password and TTL security between them (RFC 2385, RFC 5082): from the file to the kernel, through reloads.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { backwalk, type RunningDaemon, startDaemon } from "./process.ts"

type Row = Readonly<Record<string, unknown>>

let directory: string
let waiting: RunningDaemon
let dialling: RunningDaemon

const path = (name: string): string => join(directory, name)

/** The daemon that waits for the other, at 127.0.0.21. */
const writeWaiting = (peers: string): void =>
  writeFileSync(
    path("waiting.yaml"),
    `router: { asn: 65021, id: 192.0.2.21 }
listen: ["127.0.0.21:0"]
api: { socket: ${path("waiting.sock")} }
groups:
  closed: { policy: open, password: right, ttl-security: true }
  wrong: { policy: open, password: wrong, ttl-security: true }
${peers}
`
  )

const writeDialling = (port: string): void =>
  writeFileSync(
    path("dialling.yaml"),
    `router: { asn: 65022, id: 192.0.2.22 }
listen: []
api: { socket: ${path("dialling.sock")} }
peers:
  - { address: 127.0.0.21, port: ${port}, asn: 65021, local-address: 127.0.0.22, policy: open, password: right, ttl-security: true, idle-hold: 1, connect-retry: 1 }
`
  )

const ask = async (...args: ReadonlyArray<string>): Promise<unknown> =>
  JSON.parse((await backwalk(["show", ...args, "--json", "--socket", path("waiting.sock")])).out)

const states = async (): Promise<ReadonlyArray<unknown>> =>
  ((await ask("peers")) as ReadonlyArray<Row>).map(({ address, state, dynamic, md5, ttlSecurity }) => ({
    address,
    state,
    dynamic,
    md5,
    ttlSecurity
  }))

const isUp = async (): Promise<boolean> => JSON.stringify(await states()).includes("Established")

const wrongPasswords = async (): Promise<number> =>
  ((await ask("health")) as { readonly droppedPackets: { readonly md5Wrong: number } }).droppedPackets.md5Wrong

/** Asks again until it holds; the test's own deadline is the bound. */
const until = async (holds: () => boolean | Promise<boolean>): Promise<void> => {
  while (!(await holds())) await new Promise((resolve) => setTimeout(resolve, 50))
}

const reload = async (peers: string): Promise<void> => {
  const applied = (): number => waiting.said().split("configuration applied").length
  const before = applied()
  writeWaiting(peers)
  waiting.child.kill("SIGHUP")
  await until(() => applied() > before)
}

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), "backwalk-protected-"))
  writeWaiting("peers: [{ address: 127.0.0.22, asn: 65022, passive: true, group: closed }]")
  waiting = startDaemon(path("waiting.yaml"))
  await until(() => /listening on/.test(waiting.said()))
  writeDialling(/listening on 127\.0\.0\.21:(\d+)/.exec(waiting.said())![1]!)
  dialling = startDaemon(path("dialling.yaml"))
})

afterAll(async () => {
  await Promise.all([waiting.end(), dialling.end()])
  rmSync(directory, { recursive: true })
})

describe("a session with a password and TTL security", () => {
  it("comes up, and shows how it is protected", async () => {
    await until(isUp)
    expect(await states()).toEqual([
      { address: "127.0.0.22", state: "Established", dynamic: false, md5: true, ttlSecurity: true }
    ])
  })

  it("ends when the password changes, and whoever has the old one is counted", async () => {
    const before = await wrongPasswords()
    await reload("peers: [{ address: 127.0.0.22, asn: 65022, passive: true, group: wrong }]")
    await until(async () => (await wrongPasswords()) > before)
    expect(await isUp()).toBe(false)
  })

  it("comes up again for a peer from a range that has the password", async () => {
    await reload("dynamic: [{ range: 127.0.0.16/28, asn: any, group: closed }]")
    await until(isUp)
    expect(await states()).toEqual([
      { address: "127.0.0.22", state: "Established", dynamic: true, md5: true, ttlSecurity: true }
    ])
  })
})
