// The command line as a tree of commands, with its help. Handlers load what they need when they run, so that asking a daemon a
// question does not pay for starting one.

import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as GlobalFlag from "effect/cli/GlobalFlag"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { DEFAULT_SOCKET } from "./socket.ts"

export const Json = GlobalFlag.Setting("json")({
  flag: Flag.Boolean("json").pipe(Flag.withDescription("One JSON value, or NDJSON for tables"), Flag.withDefault(false))
})

export const Socket = GlobalFlag.Setting("socket")({
  flag: Flag.String("socket").pipe(
    Flag.withMetavar("PATH"),
    Flag.withDescription("The daemon's control socket (also BACKWALK_SOCKET)"),
    Flag.withDefault(DEFAULT_SOCKET)
  )
})

const flag = (name: string, description: string) =>
  Flag.Boolean(name).pipe(Flag.withDescription(description), Flag.withDefault(false))

const text = (name: string, metavar: string, description: string) =>
  Flag.String(name).pipe(Flag.withMetavar(metavar), Flag.withDescription(description), Flag.optional)

const connection = Effect.gen(function* () {
  return { socket: yield* Socket, json: yield* Json }
})

const load = <Module>(module: () => Promise<Module>) => Effect.promise(module)
const showing = Effect.all([connection, load(() => import("./show.ts"))])
const optional = Option.getOrUndefined

const run = Command.make(
  "run",
  { config: Flag.String("config").pipe(Flag.withMetavar("FILE"), Flag.withDescription("The configuration")) },
  ({ config }) => load(() => import("./daemon.ts")).pipe(Effect.flatMap((daemon) => daemon.run(config)))
).pipe(
  Command.withDescription(
    "Run the daemon in the foreground; SIGHUP reads the configuration again, SIGTERM ends it. " +
      "With BACKWALK_WARM_UP=no it does not practise on made-up tables before its peers come"
  )
)

const check = Command.make(
  "check",
  {
    file: Argument.String("FILE").pipe(Argument.withDescription("The configuration"), Argument.optional),
    schema: flag("schema", "Print the JSON Schema of the configuration instead")
  },
  ({ file, schema }) =>
    Effect.gen(function* () {
      const checking = yield* load(() => import("./check.ts"))
      return yield* schema ? checking.printSchema : checking.check(optional(file), yield* Json)
    })
).pipe(Command.withDescription("Validate a configuration; errors name line and column"))

const demo = Command.make(
  "demo",
  { once: flag("once", "End when converged, with the summary as one JSON object") },
  ({ once }) =>
    Effect.gen(function* () {
      const daemon = yield* load(() => import("./daemon.ts"))
      yield* daemon.demo({ once, json: yield* Json })
    })
).pipe(Command.withDescription("Run a daemon with two built-in speakers on loopback that play a real table"))

const showPeers = Command.make(
  "peers",
  {
    address: Argument.String("ADDRESS").pipe(
      Argument.withDescription("Only this peer, and everything about it"),
      Argument.optional
    )
  },
  ({ address }) => Effect.flatMap(showing, ([to, show]) => show.showPeers(to, optional(address)))
).pipe(Command.withDescription("Sessions, their state, and what was negotiated"))

const showRoutes = Command.make(
  "routes",
  {
    prefix: Argument.String("PREFIX").pipe(Argument.withDescription("Only this prefix"), Argument.optional),
    peer: text("peer", "ADDRESS", "Only routes from (or, with --advertised, to) this peer"),
    received: flag("received", "As received, before policy"),
    advertised: flag("advertised", "As announced to the peer"),
    best: flag("best", "Only the routes chosen"),
    longer: flag("longer", "Also the prefixes inside PREFIX"),
    family: text("family", "FAMILY", "Only routes of this family, like ipv6-unicast or l2vpn-evpn")
  },
  ({ prefix, peer, family, ...flags }) =>
    Effect.flatMap(showing, ([to, show]) =>
      show.showTable(
        to,
        "routes",
        { prefix: optional(prefix), peer: optional(peer), family: optional(family), ...flags },
        Option.isSome(prefix)
      )
    )
).pipe(Command.withDescription("What was learned and chosen, and why"))

const showFib = Command.make(
  "fib",
  {
    prefix: Argument.String("PREFIX").pipe(Argument.withDescription("Only this prefix"), Argument.optional),
    lookup: text("lookup", "ADDRESS", "The entry that a packet to this address uses")
  },
  ({ prefix, lookup }) =>
    Effect.flatMap(showing, ([to, show]) => {
      const params = { prefix: optional(prefix), lookup: optional(lookup) }
      return show.showTable(to, "fib", params, Option.isSome(prefix) || Option.isSome(lookup))
    })
).pipe(Command.withDescription("Forwarding entries and where they lead"))

const showGraph = Command.make(
  "graph",
  {
    prefix: Argument.String("PREFIX").pipe(Argument.withDescription("From this prefix down"), Argument.optional),
    dot: flag("dot", "As Graphviz")
  },
  ({ prefix, dot }) => Effect.flatMap(showing, ([to, show]) => show.showGraph(to, { prefix: optional(prefix), dot }))
).pipe(Command.withDescription("The forwarding graph, from a prefix down to interfaces, or all that entries share"))

const showKernel = Command.make(
  "kernel",
  {
    waiting: flag("waiting", "Only objects that wait"),
    failed: flag("failed", "Only objects whose last request failed")
  },
  (flags) => Effect.flatMap(showing, ([to, show]) => show.showTable(to, "kernel", flags, false))
).pipe(Command.withDescription("Each kernel object, its state and what it waits for"))

const showObject = (name: string, description: string) =>
  Command.make(name, {}, () => Effect.flatMap(showing, ([to, show]) => show.showValue(to, name, {}))).pipe(
    Command.withDescription(description)
  )

const showEvents = Command.make("events", {}, () => Effect.flatMap(showing, ([to, show]) => show.showEvents(to))).pipe(
  Command.withDescription("Notices as they come, until interrupted")
)

const show = Command.make("show").pipe(
  Command.withDescription("Ask a running daemon"),
  Command.withSubcommands([
    showPeers,
    showRoutes,
    showFib,
    showGraph,
    showKernel,
    showObject("walks", "Walks through the forwarding graph"),
    showObject("buffers", "Pools, leases and counters"),
    showObject("fanout", "Followers"),
    showObject("log", "The event log"),
    showObject("health", "The daemon in one object"),
    showEvents
  ])
)

const peer = Command.make(
  "peer",
  {
    address: Argument.String("ADDRESS").pipe(Argument.withDescription("The peer")),
    action: Argument.Literals("ACTION", ["enable", "disable", "reset", "refresh", "bfd-down"]).pipe(
      Argument.withDescription("enable, disable, reset, refresh; bfd-down is for a BFD daemon's hooks (RFC 9384)")
    ),
    message: text("message", "TEXT", "With disable and reset: what the peer is told (RFC 9003)"),
    soft: flag("soft", "With reset: only if both sides keep the routes meanwhile (RFC 8538)")
  },
  ({ address, action, message, soft }) =>
    Effect.flatMap(showing, ([to, show]) => show.actOnPeer(to, address, action, { message: optional(message), soft }))
).pipe(Command.withDescription("Enable, disable, reset or refresh a peer"))

const prefixes = Argument.String("PREFIX").pipe(Argument.withDescription("Prefixes"), Argument.variadic({ min: 1 }))

const announce = Command.make(
  "announce",
  {
    prefixes,
    communities: Flag.String("community").pipe(
      Flag.withMetavar("A:B"),
      Flag.withDescription("A community to attach; may be repeated"),
      Flag.atLeast(0)
    )
  },
  ({ prefixes, communities }) => Effect.flatMap(showing, ([to, show]) => show.announce(to, prefixes, communities))
).pipe(Command.withDescription("Originate routes by hand"))

const withdraw = Command.make("withdraw", { prefixes }, ({ prefixes }) =>
  Effect.flatMap(showing, ([to, show]) => show.withdraw(to, prefixes))
).pipe(Command.withDescription("Take back routes that were announced by hand"))

const resync = Command.make("resync", {}, () => Effect.flatMap(showing, ([to, show]) => show.resync(to))).pipe(
  Command.withDescription("Read the kernel again, and put right what differs from what is wanted")
)

const settle = Command.make(
  "settle",
  {
    within: Flag.Int("within").pipe(
      Flag.withMetavar("SECONDS"),
      Flag.withDescription("Wait no longer than that (60)"),
      Flag.optional
    )
  },
  ({ within }) => Effect.flatMap(showing, ([to, show]) => show.settle(to, optional(within)))
).pipe(Command.withDescription("Wait until what is wanted now is in the kernel"))

const decode = Command.make(
  "decode",
  {
    hex: Argument.String("HEX").pipe(
      Argument.withDescription("The message; - or nothing reads stdin"),
      Argument.optional
    ),
    as4: flag("as4", "AS paths hold four-octet numbers (RFC 6793)"),
    addPath: text("add-path", "FAMILY,…", "Families whose NLRI carry path identifiers (RFC 7911)")
  },
  ({ hex, as4, addPath }) =>
    load(() => import("./decode.ts")).pipe(
      Effect.flatMap((decoding) => decoding.decode({ hex: optional(hex), as4, addPath: optional(addPath) }))
    )
).pipe(Command.withDescription("Print a BGP message as JSON, without a daemon"))

const logFile = Argument.String("LOG").pipe(Argument.withDescription("A recorded log"))
const logs = load(() => import("./log.ts"))

const replay = Command.make(
  "replay",
  { file: logFile, until: text("until", "SEQ|TIME", "The last batch, by number or by time") },
  ({ file, until }) =>
    Effect.gen(function* () {
      const log = yield* logs
      yield* log.replay({ file, until: optional(until), json: yield* Json })
    })
).pipe(Command.withDescription("Replay a log through the core and verify its checkpoints"))

const explain = Command.make(
  "explain",
  {
    file: logFile,
    route: text("route", "PREFIX", "What led to this route"),
    peer: text("peer", "ADDRESS", "What led to this session's state"),
    around: Flag.Int("around").pipe(
      Flag.withMetavar("SEQ"),
      Flag.withDescription("What happened around this batch"),
      Flag.optional
    )
  },
  ({ file, route, peer, around }) =>
    Effect.gen(function* () {
      const log = yield* logs
      const question = { route: optional(route), peer: optional(peer), around: optional(around) }
      yield* log.explain({ file, question, json: yield* Json })
    })
).pipe(Command.withDescription("Why: the events that led to a route, a session or a moment"))

const log = Command.make("log").pipe(
  Command.withDescription("Look into a recorded log"),
  Command.withSubcommands([
    Command.make("cat", { file: logFile }, ({ file }) => Effect.flatMap(logs, (log) => log.cat(file))).pipe(
      Command.withDescription("The log as NDJSON, one batch a line")
    ),
    Command.make("stats", { file: logFile }, ({ file }) =>
      Effect.gen(function* () {
        const log = yield* logs
        yield* log.stats(file, yield* Json)
      })
    ).pipe(Command.withDescription("What a log holds, in numbers"))
  ])
)

export const backwalk = Command.make("backwalk").pipe(
  Command.withDescription("A BGP routing daemon that records everything that influenced it, and replays it"),
  Command.withSubcommands([
    run,
    check,
    demo,
    show,
    peer,
    announce,
    withdraw,
    resync,
    settle,
    decode,
    replay,
    explain,
    log
  ]),
  Command.withGlobalFlags([Json, Socket])
)
