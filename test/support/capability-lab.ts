// The two ends of a capability laboratory, and the questions that a check asks of them.
import { readFileSync, writeFileSync } from "node:fs"
import { request } from "node:http"
import { join } from "node:path"
import type { CapabilityDriver, CapabilityPeer } from "./capability-peers.ts"
import { type FamilyName, type LabSession, OUR_ROUTES, ourPeer, ourRouter, SESSIONS } from "./capability-sessions.ts"
import { eventually, InteropLab, type LabProcess, LINK } from "./interop-lab.ts"

const LAUNCHER = join(import.meta.dirname, "../../bin/backwalk")

/** A row of `show peers`, as far as the checks read it. */
export interface PeerRow {
  readonly address: string
  readonly state: string
  readonly lastError: unknown
  readonly hostname: string | null
  readonly capabilities: ReadonlyArray<string>
  readonly md5: boolean
  readonly ttlSecurity: boolean
  readonly prefixes: { readonly received: number; readonly stale: number }
  readonly messages: { readonly in: number; readonly out: number }
  readonly negotiated: null | {
    readonly as4: boolean
    readonly holdTime: number
    readonly families: ReadonlyArray<string>
    readonly addPath: { readonly receive: ReadonlyArray<string> }
    readonly extendedMessage: boolean
    readonly extendedNextHop: boolean
    readonly routeRefresh: boolean
    readonly enhancedRouteRefresh: boolean
    readonly gracefulRestart: null | { readonly time: number; readonly families: ReadonlyArray<string> }
    readonly longLived: null | ReadonlyArray<{ readonly family: string; readonly time: number }>
    readonly role: null | { readonly own: string; readonly remote: string; readonly announced: boolean }
  }
}

export interface RouteRow {
  readonly prefix: string
  readonly family: string
  readonly nextHop: string
  readonly asPath: string
  readonly pathId: number | null
  readonly communities: ReadonlyArray<string>
}

export class CapabilityLab {
  readonly lab: InteropLab
  readonly peer: CapabilityPeer
  readonly sessions: ReadonlyArray<LabSession>
  private backwalk: LabProcess | undefined
  private originated: ReadonlyArray<string> = Object.values(OUR_ROUTES).flat()

  private constructor(lab: InteropLab, driver: CapabilityDriver) {
    this.lab = lab
    this.sessions = SESSIONS.filter(({ name }) => driver.sessionsWithout[name] === undefined)
    this.peer = driver.create(lab, this.sessions)
  }

  static async open(driver: CapabilityDriver): Promise<CapabilityLab> {
    const lab = new InteropLab(driver.name)
    const made = new CapabilityLab(lab, driver)
    for (const { ours, theirs, transport } of made.sessions) {
      for (const [side, address] of [
        ["ours", ours],
        ["theirs", theirs]
      ] as const) {
        const rest = transport === 4 ? [`${address}/24`] : [`${address}/64`, "nodad"]
        await lab.ip(side, "address", "add", ...rest, "dev", LINK)
      }
    }
    await made.peer.start()
    made.startBackwalk()
    return made
  }

  session(name: string): LabSession {
    const found = this.sessions.find((session) => session.name === name)
    if (found === undefined) throw new Error(`there is no session ${name} with this daemon`)
    return found
  }

  /** The peer of a session, as we show it. */
  async row(session: LabSession): Promise<PeerRow> {
    const rows = (await this.call("GET", "/v1/peers")) as ReadonlyArray<PeerRow>
    const found = rows.find(({ address }) => address === session.theirs)
    if (found === undefined) throw new Error(`Backwalk shows no peer ${session.theirs}`)
    return found
  }

  async up(session: LabSession): Promise<PeerRow> {
    return eventually(
      `${session.name} to be up on both sides`,
      async () => {
        const row = await this.row(session)
        if (row.state !== "Established") {
          await this.peer.hurry(session)
          throw new Error(`Backwalk is in ${row.state}: ${JSON.stringify(row.lastError)}`)
        }
        return (await this.peer.isEstablished(session)) && row
      },
      UP_MS
    )
  }

  routes(session: LabSession): Promise<ReadonlyArray<RouteRow>> {
    return this.call("GET", `/v1/routes?peer=${session.theirs}`) as Promise<ReadonlyArray<RouteRow>>
  }

  /** Until we have exactly these from the peer, in one family; what it passes on of ours does not count. */
  weHave(session: LabSession, family: FamilyName, wanted: ReadonlyArray<string>): Promise<ReadonlyArray<RouteRow>> {
    return eventually(
      `us to have ${wanted.length} routes of ${family} in ${session.name}`,
      async () => {
        const rows = await this.routes(session)
        const found = rows.filter((route) => route.family === family && !OWN_PREFIX.test(route.prefix))
        const given = new Set(found.map(({ prefix }) => prefix))
        if (wanted.every((prefix) => given.has(prefix)) && given.size === wanted.length) return found
        throw new Error(`we have ${[...given].join(" ")}`)
      },
      WAIT_MS
    )
  }

  theyHave(session: LabSession, family: FamilyName, wanted: ReadonlyArray<string>): Promise<unknown> {
    return eventually(
      `them to have ${wanted.length} routes of ${family} in ${session.name}`,
      async () => {
        const given = new Set(
          [...(await this.peer.received(session, family))].filter((prefix) => OWN_PREFIX.test(prefix))
        )
        if (wanted.every((prefix) => given.has(prefix)) && given.size === wanted.length) return true
        throw new Error(`they have ${[...given].join(" ")}`)
      },
      WAIT_MS
    )
  }

  order(session: LabSession, action: string, body: Readonly<Record<string, unknown>> = {}): Promise<unknown> {
    return this.call("POST", `/v1/peers/${session.theirs}/${action}`, body)
  }

  startBackwalk(): void {
    const config = {
      router: ourRouter,
      listen: ["0.0.0.0:179", "[::]:179"],
      api: { socket: this.socket },
      log: { directory: this.lab.path("log") },
      kernel: { table: "main", "on-exit": "keep" },
      peers: this.sessions.map(ourPeer),
      originate: this.originated.map((prefix) => ({ prefix }))
    }
    // JSON is YAML.
    writeFileSync(this.lab.path("backwalk.yaml"), JSON.stringify(config, undefined, 1))
    this.backwalk = this.lab.start("ours", "backwalk", [LAUNCHER, "run", "--config", this.lab.path("backwalk.yaml")])
  }

  /** Ends Backwalk without a word; the next one originates everything but these. */
  async crashBackwalk(without: ReadonlyArray<string>): Promise<void> {
    await this.backwalk?.kill()
    this.originated = this.originated.filter((prefix) => !without.includes(prefix))
  }

  /** What Backwalk has said. */
  said(): string {
    return readFileSync(this.lab.path("backwalk.out"), "utf8")
  }

  private get socket(): string {
    return this.lab.path("control.sock")
  }

  private call(method: string, path: string, body?: Readonly<Record<string, unknown>>): Promise<unknown> {
    const headers = { host: "localhost", ...(body === undefined ? {} : { "content-type": "application/json" }) }
    return new Promise((resolve, reject) => {
      const sent = request({ socketPath: this.socket, method, path, headers }, (response) => {
        let text = ""
        response.setEncoding("utf8")
        response.on("data", (chunk: string) => {
          text += chunk
        })
        response.on("end", () => {
          if ((response.statusCode ?? 500) >= 300)
            reject(new Error(`${method} ${path}: ${response.statusCode} ${text}`))
          else if (response.headers["content-type"]?.includes("ndjson") === true) resolve(linesOf(text))
          else resolve(text === "" ? undefined : JSON.parse(text))
        })
      })
      sent.on("error", reject)
      sent.end(body === undefined ? undefined : JSON.stringify(body))
    })
  }
}

const linesOf = (text: string): ReadonlyArray<unknown> =>
  text
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line))

/** What we originate, apart from what we pass on. */
const OWN_PREFIX = /^(100\.65\.|2001:db8:65:)/

const UP_MS = 20_000
const WAIT_MS = 15_000
