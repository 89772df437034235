// A table into the kernel (scenario S4) beside the program in C that does nothing else, in turns: wall time, what share of it a request is
// being worked on, how late timers are meanwhile, what a route costs in memory. And the same table found again by a daemon that was
// killed and started anew: nothing is written, and how long it takes beside a dump. Needs root.
import { execFileSync } from "node:child_process"
import { Context, Effect, Exit, Layer, Scope } from "effect"
import { type EventRecord, KernelChannel } from "../src/eventlog/index.ts"
import { eachMessage, NetlinkType, NetlinkWriter, putDump, RouteProtocol } from "../src/netlink/index.ts"
import { Kernel } from "../src/runtime/kernel.ts"
import { RouteMonitor } from "../test/kernel/route-monitor.ts"
import { withNamespace } from "../test/support/namespace.ts"
import { type KernelStage, now, withStage } from "./kernel-stage.ts"
import type { Row } from "./run.ts"
import { tableFile, tool } from "./table.ts"

type Print = (row: Row) => void

const seconds = (milliseconds: number): string => `${(milliseconds / 1000).toFixed(2)} s`

/** The program in C, as `floor_nl.sh` runs it: 64 requests a send, on a nexthop. Milliseconds. */
const floor = async (prefixes: number): Promise<number> => {
  let milliseconds = 0
  await withNamespace("bench-floor", (namespace) => {
    namespace.sh(`ip link add vt1 type veth peer name vt2; ip link set vt2 up
      ip addr add 10.99.0.1/16 dev vt1; ip link set vt1 up; ip nexthop add id 7 via 10.99.1.1 dev vt1`)
    const said = namespace.sh(`${tool("nlfloor")} -f ${tableFile(prefixes, 64501)} -n 7 -b 64`)
    milliseconds = (JSON.parse(said) as { readonly s: number }).s * 1000
  })
  return milliseconds
}

/** One load into an empty kernel; with `routes`, also what memory they cost over a daemon without one. */
export const load = async (prefixes: number, rounds: number, print: Print): Promise<void> => {
  const ratios: Array<number> = []
  let without = 0
  await withStage(async (stage) => {
    await stage.run(false)
    await stage.connect(prefixes)
    await stage.play()
    without = stage.memory().now
  })
  for (let round = 0; round < rounds; round++) {
    const least = await floor(prefixes)
    print({ bench: `kernel: C program, ${prefixes}`, measured: seconds(least), budget: "" })
    await withStage(async (stage) => {
      const begun = now()
      await stage.run(true)
      await stage.connect(prefixes)
      // As in the harness: nothing of the start is left to do.
      await stage.idle()
      const { wall, startedAt, endedAt, cpu, sending } = await stage.play()
      if (stage.routes() < prefixes) throw new Error(`only ${stage.routes()} routes are in the kernel`)
      const { now: resident, most } = stage.memory()
      ratios.push(wall / least)
      print({
        bench: `kernel: daemon, ${prefixes}`,
        measured: `${seconds(wall)}, ${(wall / least).toFixed(2)} of that; CPU ${seconds(cpu)}`,
        budget: prefixes < 1_000_000 ? "1.5 of it" : "1.4 of it"
      })
      const share = ((sending / wall) * 100).toFixed(0)
      print({
        bench: "  a thread is in the kernel",
        measured: `${seconds(sending)}, ${share} % of the time`,
        budget: ""
      })
      const [steady, start] = [await stage.longestGap(startedAt, endedAt), await stage.longestGap(begun, startedAt)]
      print({
        bench: "  longest gap in the event loop",
        measured: `${steady}; before the load ${start}`,
        budget: "100 ms"
      })
      const each = ((resident - without) * 1024 * 1024) / prefixes
      print({
        bench: "  resident",
        measured: `${resident.toFixed(0)} MB (at most ${most.toFixed(0)}), ${without.toFixed(0)} without a kernel: ${each.toFixed(0)} bytes a route`,
        // What does not grow with the routes is most of it where they are few.
        budget: prefixes < 1_000_000 ? "" : "100 bytes"
      })
    })
  }
  const sorted = ratios.sort((a, b) => a - b)
  print({
    bench: `kernel: ratio, ${prefixes}`,
    measured: `${sorted[Math.floor(sorted.length / 2)].toFixed(2)} (median), ${sorted[0].toFixed(2)} at best`,
    budget: ""
  })
}

/** Found again after a kill, `rounds` times. */
export const restart = async (prefixes: number, rounds: number, print: Print): Promise<void> => {
  await withStage(async (stage) => {
    await stage.run(true)
    await stage.connect(prefixes)
    await stage.play()
    for (let round = 0; round < rounds; round++) {
      await stage.stop("SIGKILL")
      await again(stage, prefixes, print)
    }
  })
}

const again = async (stage: KernelStage, prefixes: number, print: Print): Promise<void> => {
  const shown = now()
  execFileSync("sh", ["-c", `ip -n ${stage.ours.name} route show proto bgp > /dev/null`])
  print({ bench: "restart: ip route show", measured: seconds(now() - shown), budget: "" })
  const dumped = await dump(stage.ours.path)
  print({ bench: "restart: dump over netlink", measured: seconds(dumped), budget: "" })
  const monitor = new RouteMonitor(stage.ours.path)
  try {
    const begun = now()
    await stage.run(true)
    const listening = now()
    await stage.connect(prefixes)
    const connected = now()
    const { wall, endedAt } = await stage.play()
    monitor.read()
    const { written, deleted, nexthopsWritten, nexthopsDeleted } = monitor
    const writes = written + deleted + nexthopsWritten + nexthopsDeleted
    const waiting = stage.show("kernel --waiting").flat().length
    print({
      bench: `restart: ${prefixes} unchanged routes`,
      measured: `${seconds(endedAt - begun)}; ${writes} writes, ${waiting} waiting, ${stage.routes() >= prefixes ? "all there" : "SOME MISSING"}`,
      budget: `${seconds(dumped + 2000)}, 0 writes`
    })
    print({
      bench: "  of that",
      measured: `listens ${seconds(listening - begun)}, session ${seconds(connected - listening)}, table and adoption ${seconds(wall)}`,
      budget: ""
    })
    const gap = await stage.longestGap(begun, endedAt)
    print({ bench: "  longest gap in the event loop", measured: gap, budget: "100 ms" })
  } finally {
    monitor.close()
  }
}

/** Our own dump of the routes, nothing made of it, in milliseconds. */
const dump = async (namespace: string): Promise<number> => {
  let done = (): void => {}
  const ended = new Promise<void>((resolve) => {
    done = resolve
  })
  const offer = (record: EventRecord): Effect.Effect<void> =>
    Effect.sync(() => {
      if (record._tag !== "Kernel" || record.channel !== KernelChannel.Dump) return
      eachMessage(record.bytes, (type) => {
        if (type === NetlinkType.Done || type === NetlinkType.Error) done()
      })
    })
  const scope = Effect.runSync(Scope.make())
  const context = await Effect.runPromise(Layer.buildWithScope(Kernel.real({ offer, namespace }), scope))
  const writer = new NetlinkWriter(new Uint8Array(64))
  putDump(writer, { seq: 1, kind: "route", family: 4, table: 254, protocol: RouteProtocol.Bgp })
  const begun = now()
  await Effect.runPromise(Context.get(context, Kernel).dump(writer.bytes.slice(0, writer.length), 1))
  await ended
  const milliseconds = now() - begun
  await Effect.runPromise(Scope.close(scope, Exit.void))
  return milliseconds
}
