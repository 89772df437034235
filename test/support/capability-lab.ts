// The two ends of a capability laboratory, and the questions that a check asks of them.
import { readFileSync, writeFileSync } from "node:fs"
import { request } from "node:http"
import { join } from "node:path"
import type { CapabilityDriver, CapabilityPeer } from "./capability-peers.ts"
import {
  type FamilyName,
  type LabSession,
  OUR_ROUTES,
  ourGroup,
  ourPeer,
  ourRange,
  ourRouter,
  SESSIONS
} from "./capability-sessions.ts"
import { eventually, InteropLab, type LabProcess, LINK, runCommand } from "./interop-lab.ts"

const LAUNCHER = join(import.meta.dirname, "../../bin/backwalk")

/** A row of `show peers`, as far as the checks read it. */
export interface PeerRow {
  readonly address: string
  readonly state: string
  readonly since: string
  readonly lastError: unknown
  readonly hostname: string | null
  readonly capabilities: ReadonlyArray<string>
  readonly dynamic: boolean
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
    readonly gracefulRestart: null | {
      readonly time: number
      readonly notification: boolean
      readonly families: ReadonlyArray<string>
    }
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
  readonly largeCommunities: ReadonlyArray<string>
  readonly unknown?: ReadonlyArray<{ readonly type: number; readonly value: string }>
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
    for (const session of made.sessions) {
      for (const side of ["ours", "theirs"] as const) {
        for (const rest of addressesOf(session, side)) await lab.ip(side, "address", "add", ...rest, "dev", LINK)
      }
    }
    await made.peer.start()
    made.startBackwalk()
    try {
      await eventually("Backwalk to answer", () => made.call("GET", "/v1/health"), UP_MS)
    } catch (cause) {
      const said = lab.said()
      await lab.close()
      throw new Error(said, { cause })
    }
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
    return this.call("GET", `/v1/routes?peer=${encodeURIComponent(session.theirs)}`) as Promise<ReadonlyArray<RouteRow>>
  }

  /** What we tell the peer. */
  told(session: LabSession): Promise<ReadonlyArray<RouteRow>> {
    const peer = encodeURIComponent(session.theirs)
    return this.call("GET", `/v1/routes?peer=${peer}&advertised`) as Promise<ReadonlyArray<RouteRow>>
  }

  /** A route by name, as the peer has it in this session. */
  theirView(session: LabSession, prefix: string): Promise<string> {
    return eventually(
      `them to have ${prefix} in ${session.name}`,
      async () => {
        const text = await this.peer.attributes(session, prefix)
        return text.includes(prefix) && text
      },
      WAIT_MS
    )
  }

  /** All bytes that came from the peer until now, in hex, as the event log has them. */
  async heard(session: LabSession): Promise<string> {
    const { stdout } = await runCommand([LAUNCHER, "log", "cat", this.lab.path("log")])
    const conns = new Set<number>()
    let heard = ""
    for (const line of stdout.split("\n").filter((each) => each !== "")) {
      for (const record of (JSON.parse(line) as LogLine).records) {
        if (record.remote !== undefined && addressOfEnd(record.remote) === session.theirs) conns.add(record.conn)
        else if (record.kind === "Bytes" && conns.has(record.conn)) heard += record.bytes
      }
    }
    return heard
  }

  /** Routes by hand. */
  change(changes: Readonly<Record<string, unknown>>): Promise<unknown> {
    return this.call("POST", "/v1/routes", changes)
  }

  /** Until we have exactly these from the peer, in one family; what it passes on of ours does not count. */
  weHave(session: LabSession, family: FamilyName, wanted: ReadonlyArray<string>): Promise<ReadonlyArray<RouteRow>> {
    return eventually(
      `us to have ${wanted.length} routes of ${family} in ${session.name}`,
      async () => {
        const rows = await this.routes(session)
        const found = rows.filter((route) => route.family === family && THEIR_PREFIX.test(route.prefix))
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
    return this.call("POST", `/v1/peers/${encodeURIComponent(session.theirs)}/${action}`, body)
  }

  startBackwalk(): void {
    const dynamic = this.sessions.filter(({ isDynamic }) => isDynamic)
    const config = {
      router: ourRouter,
      listen: ["0.0.0.0:179", "[::]:179"],
      api: { socket: this.socket },
      log: { directory: this.lab.path("log") },
      kernel: { table: "main", "on-exit": "keep" },
      peers: this.sessions.filter(({ isDynamic }) => !isDynamic).map(ourPeer),
      groups: Object.fromEntries(dynamic.map(ourGroup)),
      dynamic: dynamic.map(ourRange),
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

/** What the session's own addresses are, and those of IPv6 that next hops need. */
const addressesOf = (session: LabSession, side: "ours" | "theirs"): ReadonlyArray<ReadonlyArray<string>> => {
  const { transport, families } = session
  const [own] = session[side].split("%")
  const nextHop = side === "ours" ? session.ours6 : session.theirs6
  if (transport === 6) return [[`${own}/64`, "nodad"]]
  return families.includes("ipv6-unicast") ? [[`${own}/24`], [`${nextHop}/64`, "nodad"]] : [[`${own}/24`]]
}

interface LogLine {
  readonly records: ReadonlyArray<{
    readonly kind: string
    readonly conn: number
    readonly remote?: string
    readonly bytes: string
  }>
}

/** `address:port` or `[address]:port`. */
const addressOfEnd = (end: string): string => (end.startsWith("[") ? end.slice(1, end.indexOf("]")) : end.split(":")[0])

/** What we originate, and what they do, apart from what is passed on. */
const OWN_PREFIX = /^(100\.65\.|2001:db8:65:)/
const THEIR_PREFIX = /^(100\.64\.|2001:db8:64:)/

const UP_MS = 20_000
const WAIT_MS = 15_000
