// npm run bench: one line per budget of docs/PERFORMANCE.md. Figures are printed, never asserted: machines differ and are shared; what
// compares with another daemon runs beside it in the same run (`npm run bench -- daemon`). `npm run bench -- sessions [PEERS [PREFIXES]]`
// is the one with an answer that must be 0: sessions dropped under load.
import { execFileSync, spawnSync } from "node:child_process"
import { join } from "node:path"

export interface Row {
  readonly bench: string
  readonly measured: string
  readonly budget: string
}

const print = (row: Row): void =>
  console.log(`${row.bench.padEnd(34)} ${row.measured.padEnd(52)} budget: ${row.budget}`)

const micro = async (): Promise<void> => {
  const adjIn = await import("./adj-in.bench.ts")
  for (const withSink of [false, true]) {
    adjIn.run(100_000, withSink)
    print(adjIn.run(1_000_000, withSink))
  }
}

/** Scenario S1 of the harness beside this checkout, Backwalk and BIRD 2 in turn, so that both meet the same neighbours. */
const daemon = async (repetitions: number): Promise<void> => {
  const { harness } = await import("./table.ts")
  const script = join(harness(), "run.sh")
  for (const prefixes of [100_000, 1_000_000]) {
    const seconds = new Map<string, Array<number>>()
    for (let round = 0; round < repetitions; round++) {
      for (const daemonName of ["bird", "backwalk"]) {
        const text = execFileSync(script, ["S1", daemonName, String(prefixes)], { encoding: "utf8" })
        const result = JSON.parse(text.trim().split("\n").at(-1)!) as Record<string, number | string | boolean>
        if (result["ok"] !== true) throw new Error(`${daemonName} failed: ${result["error"]}`)
        seconds.set(daemonName, [...(seconds.get(daemonName) ?? []), Number(result["t_full"])])
        print({
          bench: `S1 ${prefixes} ${daemonName}`,
          measured: `${result["t_full"]} s, withdraw ${result["t6_empty"] ?? "?"} s, ${result["hwm"]} MB, foreign ${result["foreign"]}`,
          budget: prefixes === 1_000_000 ? "no slower than BIRD, 300 MB" : "twice BIRD"
        })
      }
    }
    const median = (values: ReadonlyArray<number>): number =>
      [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)]
    const ratio = median(seconds.get("backwalk")!) / median(seconds.get("bird")!)
    print({ bench: `S1 ${prefixes} ratio`, measured: `${ratio.toFixed(2)} of BIRD's time (medians)`, budget: "" })
  }
}

if (import.meta.main) {
  const [which = "micro", ...numbers] = process.argv.slice(2)
  if (which === "micro") await micro()
  else if (which === "daemon") {
    if (spawnSync("bird", ["--version"]).error !== undefined) throw new Error("bird is not installed")
    await daemon(Number(numbers[0] ?? 3))
  } else if (which === "ksync") {
    const { run } = await import("./ksync.bench.ts")
    for (const routes of [100_000, 1_000_000]) for (const row of run(routes)) print(row)
  } else if (which === "kernel") {
    const { load } = await import("./kernel.bench.ts")
    const [routes, rounds = 3] = numbers.map(Number)
    for (const count of routes === undefined ? [100_000, 1_000_000] : [routes]) await load(count, rounds, print)
  } else if (which === "restart") {
    const { restart } = await import("./kernel.bench.ts")
    const [routes = 1_000_000, rounds = 3] = numbers.map(Number)
    await restart(routes, rounds, print)
  } else if (which === "overlap") {
    const { run } = await import("./overlap.bench.ts")
    for (const turn of [256 * 1024, 64 * 1024]) {
      run(100_000, 10, turn)
      print(run(100_000, 10, turn))
    }
  } else if (which === "walks") {
    const { run } = await import("./walks.bench.ts")
    for (const children of [100_000, 1_000_000]) for (const row of run(children)) print(row)
  } else if (which === "convergence") {
    const { run } = await import("./convergence.bench.ts")
    for (const count of [100_000, 1_000_000]) await run(count, print)
  } else if (which === "gob") {
    const { run } = await import("./gob.bench.ts")
    for (const row of run(...numbers.slice(0, 2).map(Number))) print(row)
  } else if (which === "fanout") {
    const { run } = await import("./fanout.bench.ts")
    await run(print, ...numbers.slice(0, 2).map(Number))
  } else if (which === "followers") {
    const { run } = await import("./followers.bench.ts")
    const [count, routes, seconds = 10] = numbers.map(Number)
    const sizes = count === undefined ? [[200, 100_000] as const, [2000, 5000] as const] : [[count, routes] as const]
    for (const [followers, table] of sizes) await run(print, followers, table, seconds)
  } else if (which === "sessions") {
    const { run } = await import("./sessions.bench.ts")
    const [peers = 100, prefixes = 1_000_000] = numbers.map(Number)
    for (const row of await run(peers, prefixes)) print(row)
  } else if (which === "stalled") {
    const { run } = await import("./stalled.bench.ts")
    const [peers = 100, prefixes = 1_000_000, flaps = 4] = numbers.map(Number)
    for (const row of await run(peers, prefixes, flaps)) print(row)
  } else {
    console.error(
      "usage: npm run bench -- [micro | ksync | walks | convergence | kernel [ROUTES [ROUNDS]] | restart [ROUTES [ROUNDS]] | gob [UPDATES [ROUNDS]] | fanout [KEYS [CLIENTS]] | followers [FOLLOWERS ROUTES [SECONDS]] | daemon [ROUNDS] | sessions [PEERS [PREFIXES]] | stalled [PEERS [PREFIXES [FLAPS]]]]"
    )
    process.exitCode = 2
  }
}
