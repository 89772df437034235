// What a hub says about thousands of clients at once: some of it, and how much more there was.
import { Effect, Logger } from "effect"
import { describe, expect, it } from "vitest"
import { Sayings } from "../../src/runtime/fanout-hub.ts"

describe("the lines of a hub", () => {
  it("are written up to a bound, and what came too fast is counted", async () => {
    const sayings = new Sayings()
    const logs = { dropped: 0, errors: 0 }
    const written: Array<unknown> = []
    const logger = Logger.make<unknown, void>(({ message }) => void written.push(message))
    for (let client = 0; client < 250; client++) sayings.say(`client ${client} is dropped`)
    await Effect.runPromise(sayings.write(logs).pipe(Effect.provide(Logger.layer([logger]))))
    expect(written.length).toBe(201)
    expect(String(written.at(-1))).toBe("fan-out: 50 more lines like these")
    expect(logs).toEqual({ dropped: 50, errors: 0 })
    await Effect.runPromise(sayings.write(logs).pipe(Effect.provide(Logger.layer([logger]))))
    expect(written.length).toBe(201)
  })

  it("that cannot be written are counted, and cost nobody a connection", async () => {
    const sayings = new Sayings()
    const logs = { dropped: 0, errors: 0 }
    const broken = Logger.make<unknown, void>(() => {
      throw new Error("the disk is full")
    })
    sayings.say("a line")
    await Effect.runPromise(sayings.write(logs).pipe(Effect.provide(Logger.layer([broken]))))
    expect(logs).toEqual({ dropped: 0, errors: 1 })
  })
})
