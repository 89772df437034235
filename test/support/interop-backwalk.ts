// Backwalk as an operator runs it: a configuration file, the command line, the control socket. Tests of interoperation see nothing else
// of it.
import { readdirSync, writeFileSync } from "node:fs"
import { request } from "node:http"
import { join } from "node:path"
import {
  type InteropLab,
  type LabProcess,
  OUR_ADDRESS,
  OUR_AS,
  type Ran,
  runCommand,
  THEIR_ADDRESS,
  THEIR_AS
} from "./interop-lab.ts"

const LAUNCHER = join(import.meta.dirname, "../../bin/backwalk")

export interface BackwalkOptions {
  readonly passive: boolean
  readonly holdTimeS: number
  readonly originate: ReadonlyArray<string>
}

export interface PeerRow {
  readonly address: string
  readonly state: string
  readonly lastError: string
  readonly prefixes: { readonly received: number; readonly accepted: number; readonly advertised: number }
}

export interface RouteRow {
  readonly prefix: string
  readonly peer: string
  readonly best: boolean
  readonly nextHop: string
  readonly asPath: string
}

export class BackwalkUnderTest {
  private readonly lab: InteropLab
  private options: BackwalkOptions
  private readonly daemon: LabProcess
  private readonly socket: string

  constructor(lab: InteropLab, options: BackwalkOptions) {
    this.lab = lab
    this.options = options
    this.socket = lab.path("control.sock")
    this.configure(options)
    this.daemon = lab.start("ours", "backwalk", [LAUNCHER, "run", "--config", lab.path("backwalk.yaml")])
  }

  /** The one peer of the laboratory. */
  async peer(): Promise<PeerRow> {
    const [row] = (await this.get("/v1/peers")) as ReadonlyArray<PeerRow>
    if (row === undefined) throw new Error("Backwalk shows no peer")
    return row
  }

  /** Best routes from the other side. */
  async routes(): Promise<ReadonlyArray<RouteRow>> {
    const rows = (await this.get(`/v1/routes?peer=${THEIR_ADDRESS}&best=true`)) as ReadonlyArray<RouteRow>
    return rows
  }

  order(action: "enable" | "disable" | "reset" | "refresh"): Promise<unknown> {
    return this.call("POST", `/v1/peers/${THEIR_ADDRESS}/${action}`)
  }

  /** A new configuration, read by the running daemon. */
  reload(changes: Partial<BackwalkOptions>): void {
    this.options = { ...this.options, ...changes }
    this.configure(this.options)
    this.daemon.tell("SIGHUP")
  }

  /** Ends the daemon as a service manager would; its exit status. */
  end(): Promise<number> {
    return this.daemon.end()
  }

  said(): string {
    return this.daemon.said()
  }

  /** Replays what was recorded of the run. */
  async replay(): Promise<{ readonly ran: Ran; readonly result: ReplayResult }> {
    const directory = this.lab.path("log")
    const [log] = readdirSync(directory)
    const ran = await runCommand([LAUNCHER, "--json", "replay", join(directory, log)])
    return { ran, result: JSON.parse(ran.stdout) as ReplayResult }
  }

  private configure({ passive, holdTimeS, originate }: BackwalkOptions): void {
    const config = {
      router: { asn: OUR_AS, id: OUR_ADDRESS },
      listen: [`${OUR_ADDRESS}:179`],
      api: { socket: this.socket },
      log: { directory: this.lab.path("log") },
      kernel: { table: "main", "on-exit": "remove" },
      peers: [
        {
          address: THEIR_ADDRESS,
          asn: THEIR_AS,
          policy: "open",
          passive,
          "hold-time": holdTimeS,
          "idle-hold": 1,
          "connect-retry": 2
        }
      ],
      originate: originate.map((prefix) => ({ prefix }))
    }
    // JSON is YAML.
    writeFileSync(this.lab.path("backwalk.yaml"), JSON.stringify(config))
  }

  private get(path: string): Promise<unknown> {
    return this.call("GET", path)
  }

  private call(method: string, path: string): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const sent = request({ socketPath: this.socket, method, path, headers: { host: "localhost" } }, (response) => {
        let text = ""
        response.setEncoding("utf8")
        response.on("data", (chunk: string) => {
          text += chunk
        })
        response.on("end", () => {
          const lines = response.headers["content-type"]?.includes("ndjson") === true
          if ((response.statusCode ?? 500) >= 300)
            reject(new Error(`${method} ${path}: ${response.statusCode} ${text}`))
          else if (lines)
            resolve(
              text
                .split("\n")
                .filter((line) => line !== "")
                .map((line) => JSON.parse(line))
            )
          else resolve(text === "" ? undefined : JSON.parse(text))
        })
      })
      sent.on("error", reject)
      sent.end()
    })
  }
}

export interface ReplayResult {
  readonly checkpoints: number
  readonly batches: number
  readonly divergence?: unknown
}
