// The stage on which scenarios play: our routers in the virtual world, and speakers that do as they are told. A command is what an
// operator would type; what it brings about is written down as it happens, in order, with the time where time passes.

import { type Notice, type PeerConfig, type RouterConfig, stateDigest } from "../../src/router/index.ts"
import { World, type WorldRouter } from "../../src/testing/world.ts"
import { ethernet, kernelLines } from "./kernel-lines.ts"
import { type Line, parseLine } from "./line.ts"
import { sayings } from "./sayings.ts"
import { show } from "./show.ts"
import { Speaker } from "./speaker.ts"
import { tell } from "./tell.ts"

/** Long enough for everything that a command starts to come to rest; no timer is as short. */
const REST_MS = 300
const ESTABLISH_MS = 60_000
/** A speaker dials again and again, as speakers do. */
const REDIAL_MS = 2000
const DIALS = 4

export class Stage {
  readonly world: World = new World({
    seed: 1,
    network: { latencyMicros: [1000, 1000], piecesMax: 1, dialTimeoutMs: 5000 }
  })
  readonly speakers: Map<string, Speaker> = new Map()
  readonly configs: Map<string, RouterConfig> = new Map()
  private readonly addresses = new Map<string, string>()
  private readonly notices = new Map<WorldRouter, number>()
  private readonly kernels = new Map<string, ReadonlySet<string>>()
  private lines: Array<string> = []
  private commandAt = 0
  private saidAt = 0

  /** Runs one command; returns what happened until everything came to rest. */
  run(text: string): ReadonlyArray<string> {
    const line = parseLine(text)
    this.lines = []
    this.commandAt = this.world.now
    this.saidAt = this.world.now
    const command = COMMANDS[line.command]
    if (command === undefined) throw new Error(`there is no command ${line.command}: ${text}`)
    command(this, line)
    if (!QUIET.has(line.command)) this.pass(REST_MS)
    return this.lines
  }

  say(line: string): void {
    if (this.world.now - this.saidAt >= 1_000_000) {
      this.lines.push(`[${((this.world.now - this.commandAt) / 1_000_000).toFixed(0)}s later]`)
      this.saidAt = this.world.now
    }
    this.lines.push(line)
  }

  /** Lets time pass, writing down what happens. */
  pass(milliseconds: number, until: () => boolean = () => false): boolean {
    const begin = this.world.now
    const held = this.world.runUntil(() => {
      this.look()
      return until()
    }, milliseconds)
    if (!held) this.world.advance(milliseconds - (this.world.now - begin) / 1000)
    this.look()
    return held
  }

  /** Starts a router, or gives one that runs a new configuration. */
  configure(name: string, change: (config: RouterConfig) => RouterConfig): void {
    const config = change(this.config(name))
    this.configs.set(name, config)
    this.world.command(name, { command: "configure", config, seed: 1 })
  }

  start(name: string, address: string, config: RouterConfig): void {
    this.configs.set(name, config)
    this.addresses.set(address, name)
    const kernel = ethernet(address)
    this.world.add(name, { addresses: [address], config, kernel })
    this.kernels.set(name, new Set())
  }

  speaker(speaker: Speaker): void {
    this.speakers.set(speaker.name, speaker)
    this.addresses.set(speaker.addresses[0]!, speaker.name)
  }

  config(name: string): RouterConfig {
    const config = this.configs.get(name)
    if (config === undefined) throw new Error(`there is no router ${name}`)
    return config
  }

  addressOf(name: string): string {
    const found = [...this.addresses].find(([, known]) => known === name)
    if (found === undefined) throw new Error(`there is no ${name}`)
    return found[0]
  }

  digestOf(router: string): number {
    return stateDigest(this.world.router(router).state)
  }

  nameOf(address: string): string {
    return this.addresses.get(address) ?? address
  }

  isEstablished(router: string, peer: string): boolean {
    const { state } = this.world.router(router)
    const index = state.byAddress.get(this.addressOf(peer))
    return index !== undefined && state.peers[index]?.established !== 0
  }

  /** Brings a session up, from whichever side. */
  establish(one: string, other: string): void {
    const speaker = this.speakers.get(one)
    if (speaker !== undefined) {
      for (let tries = 0; tries < DIALS; tries++) {
        speaker.dial(this.addressOf(other))
        if (this.pass(REDIAL_MS, () => this.isEstablished(other, one))) return
      }
      this.say(`${one} and ${other} do not come together`)
      return
    }
    const isUp = (): boolean => this.isEstablished(one, other) && this.isEstablished(other, one)
    if (!this.pass(ESTABLISH_MS, isUp)) this.say(`${one} and ${other} do not come together`)
  }

  private look(): void {
    for (const name of this.configs.keys()) {
      const one = this.world.router(name)
      const seen = this.notices.get(one) ?? 0
      if (one.notices.length > seen) {
        this.notices.set(one, one.notices.length)
        for (const notice of one.notices.slice(seen)) this.sayNotice(name, notice)
      }
      this.lookAtKernel(name, one)
    }
  }

  private sayNotice(name: string, notice: Notice): void {
    const message = notice.message.replace(/^\S+?(?=:? )/, (word) => this.nameOf(word))
    this.say(`${name} ${message}`)
  }

  private lookAtKernel(name: string, one: WorldRouter): void {
    if (this.config(name).kernel === undefined) return
    const before = this.kernels.get(name)!
    const now = new Set(kernelLines(one.kernel))
    for (const line of before) if (!now.has(line)) this.say(`${name} kernel - ${line}`)
    for (const line of now) if (!before.has(line)) this.say(`${name} kernel + ${line}`)
    this.kernels.set(name, now)
  }
}

type Command = (stage: Stage, line: Line) => void

/** Commands that only ask, and those that say themselves how long they take. */
const QUIET: ReadonlySet<string> = new Set(["show", "explain", "replay", "leaks", "advance"])

const COMMANDS: Readonly<Record<string, Command>> = {
  ...sayings,
  ...tell,
  ...show,
  /** router NAME as= id= [kernel=remove|keep|none] [reserve=yes] */
  router: (stage, { names: [name], option }) => {
    const id = option("id")
    const kernel = option("kernel", "remove")
    stage.start(name!, id, {
      router: { asn: Number(option("as")), id },
      listen: ["0.0.0.0:179"],
      ...(kernel === "none"
        ? {}
        : {
            kernel: {
              table: 254,
              metric: 20,
              onExit: kernel as "keep" | "remove",
              model: true,
              ...(option("reserve", "no") === "yes" ? { reserve: true } : {})
            }
          }),
      peers: [],
      static: [],
      originate: []
    })
  },
  /** speaker NAME as= id= [hold=90] */
  speaker: (stage, { names: [name], option }) => {
    const options = {
      name: name!,
      address: option("address", option("id")),
      asn: Number(option("as")),
      id: option("id"),
      holdTimeS: Number(option("hold", "90")),
      families: [0] as const
    }
    stage.speaker(new Speaker(stage.world, options, (line) => stage.say(line)))
  },
  /** peer ROUTER NAME [as=] [type=] [hold=] [policy=open|none] [max-prefixes=] [dial]: adds, or changes what is there. */
  peer: (stage, line) => {
    const [router, name] = line.names
    const address = stage.addressOf(name!)
    stage.configure(router!, (config) => {
      const before = config.peers.find((peer) => peer.address === address)
      const peer = peerConfig(stage, line, address, before)
      const others = config.peers.filter((other) => other.address !== address)
      return { ...config, peers: [...others, peer] }
    })
  },
  /** forget ROUTER NAME: the peer leaves the configuration. */
  forget: (stage, { names: [router, name] }) => {
    const address = stage.addressOf(name!)
    stage.configure(router!, (config) => ({
      ...config,
      peers: config.peers.filter((peer) => peer.address !== address)
    }))
  },
  /** static ROUTER PREFIX ADDRESS… */
  static: (stage, { names: [router, prefix, ...via] }) => {
    stage.configure(router!, (config) => ({
      ...config,
      static: [...config.static, { prefix: prefix!, via, distance: 1 }]
    }))
  },
  establish: (stage, { names: [one, other] }) => stage.establish(one!, other!),
  advance: (stage, { names: [duration] }) => {
    const [, count, unit] = /^(\d+)(ms|s|m)$/.exec(duration!)!
    stage.pass(Number(count) * { ms: 1, s: 1000, m: 60_000 }[unit as "ms" | "s" | "m"])
  }
}

const peerConfig = (stage: Stage, line: Line, address: string, before: PeerConfig | undefined): PeerConfig => {
  const [router, name] = line.names
  const local = stage.config(router!).router.asn
  const asn = stage.speakers.get(name!)?.options.asn ?? stage.config(name!).router.asn
  return {
    address,
    port: 179,
    asn,
    type: line.option("type", before?.type ?? (asn === local ? "internal" : "external")) as PeerConfig["type"],
    name: "",
    localAddress: "",
    passive: !line.has("dial") && before?.passive !== false,
    enabled: true,
    families: ["ipv4-unicast"],
    holdTime: Number(line.option("hold", String(before?.holdTime ?? 90))),
    connectRetry: 5,
    idleHold: 1,
    addPath: { receive: false, send: 0 },
    extendedMessage: false,
    password: "",
    ttlSecurity: false,
    multihop: 0,
    policyOpen: line.option("policy", before?.policyOpen === false ? "none" : "open") === "open",
    maxPrefixes: Number(line.option("max-prefixes", String(before?.maxPrefixes ?? 0)))
  }
}
